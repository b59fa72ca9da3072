/* Tangled from chapters/03-layers.nw: edit that, not this. */
#ifndef DOT_H
#define DOT_H
#include "base/real.h"

/* sum_i a[i] b[i], i < n */
static inline real dot(const real *a, const real *b, int n) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}
#endif
