/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "app/progress.h"

#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static void time_left(char text[32], double seconds) {
  if (seconds < 100) snprintf(text, 32, "%.0f s", seconds);
  else if (seconds < 6000) snprintf(text, 32, "%.0f min", seconds / 60);
  else snprintf(text, 32, "%.0f h", fmin(seconds / 3600, 9999));
}

void progress_show(const char *program, const TrainerStep *s, bool last) {
  static time_t shown;
  const bool terminal = isatty(STDERR_FILENO);
  const time_t now = time(NULL), pause = terminal ? 0 : 10;
  char left[32], line[160];
  if (!last && now - shown <= pause) return;
  shown = now;
  time_left(left, s->seconds_left);
  if (!terminal) {
    fprintf(stderr, "%s: step %d of %d, loss %.4f, %.0f images/s, %s left\n", program,
            s->step, s->steps, s->loss, s->images_per_second, left);
    return;
  }
  snprintf(line, sizeof line, "%s: %d/%d, loss %.4f, %.0f/s, %s left", program, s->step,
           s->steps, s->loss, s->images_per_second, left);
  fprintf(stderr, "\r%-59.59s%s", line, last ? "\n" : "");
}
