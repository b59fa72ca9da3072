/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once

/* Seconds since some fixed moment. */
double stopwatch(void);

/* The middle one of `count` numbers, which are put in order. */
double median(double *sample, int count);

/* Median seconds of one call of work(state): after one or two to warm up, the
   median of samples <= 99 of about `least` seconds each. */
double median_seconds(void (*work)(void *state), void *state, int samples, double least);
