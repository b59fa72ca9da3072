/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "base/stopwatch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

double stopwatch(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
double median(double *sample, int count) {
  qsort(sample, (size_t)count, sizeof *sample, ascending);
  return sample[count / 2];
}

double median_seconds(void (*work)(void *state), void *state, int samples, double least) {
  double sample[99] = {0};
  int calls = 1;
  assert(samples > 0 && samples <= 99);
  for (int s = -2; s < samples; s++) {
    const double start = stopwatch();
    for (int i = 0; i < calls; i++) work(state);
    const double seconds = (stopwatch() - start) / calls;
    if (s >= 0) {
      sample[s] = seconds;
    } else {
      calls = 1 + (int)(least / fmax(seconds, 1e-8));
      if (calls == 1) s = -1;
    }
  }
  return median(sample, samples);
}
