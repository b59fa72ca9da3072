/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include <stdbool.h>

/* From now on the first SIGINT or SIGTERM only asks to stop: one line to standard
   error, and interrupt_wanted() is true. The next one does what it did before. */
void interrupt_watch(void);
bool interrupt_wanted(void);

/* The signals do again what they did before interrupt_watch. */
void interrupt_release(void);
