/* Tangled from chapters/15-fast.nw: edit that, not this. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#include "base/real.h"

// A vector of the machine
#if defined __AVX512F__
enum { VECTOR_BYTES = 64, TILE_ROWS = 12 };
#elif defined __aarch64__
enum { VECTOR_BYTES = 16, TILE_ROWS = 12 };
#elif defined __AVX__
enum { VECTOR_BYTES = 32, TILE_ROWS = 6 };
#else
enum { VECTOR_BYTES = 16, TILE_ROWS = 6 };
#endif
enum { LANES = VECTOR_BYTES / sizeof(real) };

/* LANES numbers, at any address that is right for one number. */
typedef real Vector
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* An integer of the size of a number. */
#ifdef REAL_DOUBLE
typedef int64_t Bits;
#else
typedef int32_t Bits;
#endif

static inline Vector load(const real *p) { return *(const Vector *)p; }
static inline void store(real *p, Vector v) { *(Vector *)p = v; }
#define UNROLL _Pragma("GCC unroll 16")
typedef Bits Indices __attribute__((vector_size(VECTOR_BYTES)));

/* Lane l of a and b side by side, for each of the indices l. */
static inline Vector pick(Vector a, Vector b, Indices lane) {
#if __has_builtin(__builtin_shuffle)
  return (Vector)__builtin_shuffle(a, b, lane);
#else
  Vector picked = {0};
  for (int i = 0; i < LANES; i++)
    picked[i] = lane[i] < LANES ? a[lane[i]] : b[lane[i] - LANES];
  return picked;
#endif
}

static inline Indices lane_numbers(void) {
  Indices lane = {0};
  UNROLL for (int i = 0; i < LANES; i++) lane[i] = i;
  return lane;
}

// Turn a square of numbers
/* LANES rows of LANES numbers to columns. */
static inline __attribute__((always_inline)) void transpose(Vector r[LANES]) {
  const Indices lane = lane_numbers();
  UNROLL for (int half = LANES / 2; half; half /= 2) {
    const Indices upper = (lane & half) != 0, across = lane ^ half;
    UNROLL for (int i = 0; i < LANES; i++)
      if (!(i & half)) {
        const Vector a = r[i], b = r[i + half];
        r[i] = pick(a, b, (upper & (across + LANES)) | (~upper & lane));
        r[i + half] = pick(a, b, (upper & (lane + LANES)) | (~upper & across));
      }
  }
}
// Exponential, sigmoid and the normal distribution
#ifndef REAL_DOUBLE
static inline float fast_exp(float x) {
  const float log2_e = 1.44269504f, shift = 12582912; /* 1.5 * 2^23 */
  const float ln2_high = 0.693145752f, ln2_low = 1.42860677e-6f;
  x = -87.3f > x ? -87.3f : x;
  x = 89 < x ? 89 : x;
  const float shifted = x * log2_e + shift, n = shifted - shift;
  const float r = (x - n * ln2_high) - n * ln2_low, r2 = r * r;
  const float high = 1 / 24.f + r * (1 / 120.f) + r2 * (1 / 720.f + r * (1 / 5040.f));
  const float p = (1 + r) + r2 * (1 / 2.f + r * (1 / 6.f)) + r2 * r2 * high;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits + 126) << 23; /* the exponent of 2^(n-1) */
  float half_power;
  memcpy(&half_power, &bits, sizeof bits);
  return 2 * p * half_power;
}
#else
static inline double fast_exp(double x) { return exp(x); }
#endif

static inline real sigmoid(real x) { return 1 / (1 + fast_exp(-x)); }
// The tail of the normal distribution
static const float tail_coefficient[9] = {
    0.08369519566f, 0.08532226285f, 0.0675291554f, 0.1309233809f, -0.1072880405f,
    0.3677691971f, -0.3456232234f, 0.2907581058f, -0.07308604065f};

/* For x >= 0: the density of N(0, 1) at x, and the fraction that lies above x. */
typedef struct NormalTail {
  real density, above;
} NormalTail;

static inline NormalTail normal_tail(real x) {
  const real e = fast_exp(-x * x / 2), density = (real)0.3989422804014327 * e;
#ifndef REAL_DOUBLE
  const float *c = tail_coefficient, t = 1 / (1 + 0.21f * x), t2 = t * t, t4 = t2 * t2;
  const float low = (c[0] + t * c[1]) + t2 * (c[2] + t * c[3]);
  const float high = (c[4] + t * c[5]) + t2 * (c[6] + t * c[7]);
  const float p = low + t4 * (high + t4 * c[8]);
  return (NormalTail){density, t * p * e};
#else
  return (NormalTail){density, erfc(x * sqrt(0.5)) / 2};
#endif
}
