/* Tangled from chapters/07-fast.nw: edit that, not this. */
#ifndef STOPWATCH_H
#define STOPWATCH_H

/* Seconds since some fixed moment. */
double stopwatch(void);

/* Median seconds of one call of work(state): after two calls to warm up, the
   median of `samples` samples of at least `least` seconds each. */
double median_seconds(void (*work)(void *state), void *state, int samples,
                      double least);
#endif
