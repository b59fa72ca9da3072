/* Tangled from chapters/15-fast.nw: edit that, not this. */
#pragma once
#include <stdint.h>
#include <string.h>

#include "base/real.h"

/* The bits of a number, and how many of them at the end bfloat16 does not have. */
#ifdef REAL_DOUBLE
typedef uint64_t RealBits;
enum { DROPPED = 45 };
#else
typedef uint32_t RealBits;
enum { DROPPED = 16 };
#endif

/* The nearest bfloat16: 8 significant bits; of two as near the one that ends in 0.
   Below 2^-126, the smallest normal float, it is 0. NaN stays NaN; in double, what is
   beyond the range of a float stays finite. */
static inline real bf16(real x) {
  const RealBits half_way = (RealBits)1 << (DROPPED - 1);
  RealBits bits;
  if (!(x >= (real)0x1p-126 || x <= (real)-0x1p-126)) return x == x ? 0 : x;
  memcpy(&bits, &x, sizeof bits);
  bits = (bits + half_way - 1 + (bits >> DROPPED & 1)) & -(2 * half_way);
  memcpy(&x, &bits, sizeof x);
  return x;
}
