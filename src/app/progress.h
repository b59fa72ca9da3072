/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include "train/trainer.h"

/* Show where a run stands on standard error: on a terminal one line of less than 60
   columns that is rewritten, otherwise a line every ten seconds. `last` ends it. */
void progress_show(const char *program, const TrainerStep *step, bool last);
