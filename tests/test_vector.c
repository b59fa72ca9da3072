/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include <math.h>

#include "testing.h"

#include "kernels/dot.h"
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

// Fit the tail of the normal distribution
enum { TERMS = 9 };

/* g / t at t = 1 / (1 + 0.21 x), where Q(x) = exp(-x^2/2) g. */
static long double tail_over_t(long double t) {
  const long double z = (1 / t - 1) / 0.21L;
  return erfcl(z * sqrtl(0.5L)) / 2 * expl(z * z / 2) / t;
}

static void fit_tail(long double *coefficient) {
  long double m[TERMS][TERMS + 1], low = 1 / (1 + 0.21L * 13);
  for (int i = 0; i < TERMS; i++) { /* at the Chebyshev points of [low, 1] */
    long double t = cosl(acosl(-1) * (2 * i + 1) / (2 * TERMS));
    t = (low + 1) / 2 + (1 - low) / 2 * t;
    for (int j = 0; j < TERMS; j++) m[i][j] = powl(t, j);
    m[i][TERMS] = tail_over_t(t);
  }
  for (int i = 0; i < TERMS; i++)
    for (int r = 0; r < TERMS; r++)
      for (int j = TERMS; r != i && j >= i; j--)
        m[r][j] -= m[r][i] / m[i][i] * m[i][j];
  for (int i = 0; i < TERMS; i++) coefficient[i] = m[i][TERMS] / m[i][i];
}

// What the vectors must keep
START_TEST(floats_keep_their_accuracy) {
  const Worst worst = worst_errors(10007);
  ck_assert_int_gt(worst.count, 100000);
  ck_assert_double_lt(worst.exp_ulp, 2);
  ck_assert_double_lt(worst.sigmoid_ulp, 4);
  ck_assert_double_lt(worst.cdf, 3e-7);
  ck_assert_double_lt(worst.tail, 3e-6);
}
END_TEST

START_TEST(edges_of_the_exponential) {
  ck_assert(fast_exp(0) == 1);
  ck_assert_double_lt((double)fast_exp(-88), 1e-37);
  ck_assert(fast_exp(-1000) == 0 && fast_exp(-(real)INFINITY) == 0);
  ck_assert(isinf((double)fast_exp(1000)) && isinf((double)fast_exp((real)INFINITY)));
  ck_assert(isfinite((double)fast_exp((real)88.5)));
  ck_assert(isnan((double)fast_exp((real)NAN)) && isnan((double)sigmoid((real)NAN)));
  ck_assert(sigmoid(0) == (real)0.5 && sigmoid(200) == 1 && sigmoid(-200) < 1e-37);
  ck_assert_double_eq_tol((double)normal_tail(0).above, 0.5, 1e-7);
  ck_assert(normal_tail(50).above == 0 || normal_tail(50).above < 1e-37);
}
END_TEST

START_TEST(coefficients_are_those_of_the_fit) {
  long double made[TERMS];
  fit_tail(made);
  for (int i = 0; i < TERMS; i++)
    ck_assert_double_eq_tol((double)made[i], tail_coefficient[i], 3e-8);
}
END_TEST

START_TEST(sums_have_one_order) {
  enum { MOST = 131 };
  real x[MOST], one[MOST];
  for (int i = 0; i < MOST; i++) {
    x[i] = (real)(sin(i + 1.0) * pow(10, i % 7));
    one[i] = 1;
  }
  for (int n = 1; n <= MOST; n++) {
    real s[16] = {0};
    for (int i = 0; i < n; i++) s[i % 16] += x[i];
    for (int apart = 8; apart; apart /= 2)
      for (int i = 0; i < apart; i++) s[i] += s[i + apart];
    ck_assert(dot(x, one, n) == s[0]);
  }
}
END_TEST

TEST_MAIN("vector", floats_keep_their_accuracy, edges_of_the_exponential,
          coefficients_are_those_of_the_fit, sums_have_one_order)
