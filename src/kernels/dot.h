/* Tangled from chapters/03-layers.nw: edit that, not this. */
#pragma once
#include <math.h>

#include "base/real.h"

/* sum_i a[i] b[i], i < n */
static inline real dot(const real *a, const real *b, int n) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

// Lengths and cosines
/* The length of a vector, at least 1e-8, and the cosine of two; added up in double. */
static inline double vector_length(const real *a, int n) {
  double squares = 0;
  for (int i = 0; i < n; i++) squares += (double)a[i] * (double)a[i];
  return fmax(sqrt(squares), 1e-8);
}

static inline double vector_cosine(const real *a, const real *b, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum / (vector_length(a, n) * vector_length(b, n));
}
