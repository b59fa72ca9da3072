/* Tangled from chapters/03-layers.nw: edit that, not this. */
#pragma once
#include <math.h>

#include "base/real.h"

// Sums in parts
enum { PARTS = 16 };

/* The statement for each i < n, with `part` for i mod PARTS. */
#define IN_PARTS(i, n, ...)                                                    \
  do {                                                                         \
    int i##_first = 0;                                                         \
    for (; i##_first + PARTS <= (n); i##_first += PARTS)                       \
      _Pragma("omp simd") for (int part = 0; part < PARTS; part++) {           \
        const int i = i##_first + part;                                        \
        __VA_ARGS__;                                                           \
      }                                                                        \
    for (int part = 0; i##_first + part < (n); part++) {                       \
      const int i = i##_first + part;                                          \
      __VA_ARGS__;                                                             \
    }                                                                          \
  } while (0)

/* The sum of all parts: first of those 8 apart, then 4, 2 and 1. */
static inline real sum_of_parts(const real sum[PARTS]) {
  real s[PARTS / 2] = {0};
  for (int i = 0; i < 8; i++) s[i] = sum[i] + sum[i + 8];
  for (int i = 0; i < 4; i++) s[i] += s[i + 4];
  return (s[0] + s[2]) + (s[1] + s[3]);
}

/* sum_i a[i] b[i], i < n */
static inline real dot(const real *a, const real *b, int n) {
  real sum[PARTS] = {0};
  IN_PARTS(i, n, sum[part] += a[i] * b[i]);
  return sum_of_parts(sum);
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
