/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <math.h>
#include <string.h>

#include "app/options.h"
#include "kernels/vector.h"

// The float and its neighbours
/* The float with these bits, or NAN where it is none. */
static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Distance in units of the last place that a float has at `want`. */
static double ulps(double got, double want) {
  const double unit = ldexp(1, ilogb(want) - 23);
  return fabs(got - want) / unit;
}

// Worst errors over many floats
typedef struct Worst {
  long count;
  double exp_ulp, sigmoid_ulp; /* where the result is no smaller than 2^-125 */
  double cdf;                  /* of Phi, absolute */
  double tail;                 /* of 1 - Phi up to x = 6, relative */
} Worst;

/* Against the C library in double, at every `stride`th float of both signs. */
static Worst worst_errors(uint32_t stride) {
  Worst worst = {0};
  for (uint64_t bits = 0; bits < 1ull << 32; bits += stride) {
    const float x = from_bits((uint32_t)bits);
    if (!(fabs(x) < 86)) continue;
    worst.count++;
    const double size = fabs((double)x), above = erfc(size * sqrt(0.5)) / 2;
    const double power = exp((double)x), s = 1 / (1 + exp(-(double)x));
    const NormalTail tail = normal_tail(fabs((real)x));
    worst.exp_ulp = fmax(worst.exp_ulp, ulps((double)fast_exp((real)x), power));
    worst.sigmoid_ulp = fmax(worst.sigmoid_ulp, ulps((double)sigmoid((real)x), s));
    worst.cdf = fmax(worst.cdf, fabs((double)tail.above - above));
    if (size < 6) worst.tail = fmax(worst.tail, fabs((double)tail.above / above - 1));
  }
  return worst;
}
int main(void) {
  program_begin("vector-error");
  const Worst worst = worst_errors(997);
  printf("floats\t%ld\nexp_ulp\t%.2f\nsigmoid_ulp\t%.2f\n", worst.count, worst.exp_ulp,
         worst.sigmoid_ulp);
  printf("cdf_error\t%.1e\ntail_relative\t%.1e\n", worst.cdf, worst.tail);
  return 0;
}
