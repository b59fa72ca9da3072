/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <stdbool.h>

/* Record one sentence about bad input: which file or option, what was
   expected, what was found. Always returns false, so that a reader can say
   `return fail(...)`. The sentence is kept per thread and cut at 1023 bytes;
   control characters, which could come from a hostile file, become '?'. */
bool fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The last recorded sentence, "" if there is none. Owned by the module. */
const char *fail_message(void);
