/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/peak.h"

#include <omp.h>

#include "base/memory.h"
#include "base/stopwatch.h"
#include "kernels/vector.h"

// Multiply and add in registers
enum { CHAINS = 12, ROUNDS = 4000000 };
#if defined __x86_64__
#define IN_REGISTER(vector) "+v"(vector)
#elif defined __aarch64__
#define IN_REGISTER(vector) "+w"(vector)
#else
#define IN_REGISTER(vector) "+m"(vector)
#endif
static volatile real sink; /* so that nothing is thought useless */

static void chains(void *state) {
  (void)state;
#pragma omp parallel
  {
    Vector sum[CHAINS], a = load((real[LANES]){0}) + (real)0.999999, total = {0};
    _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) sum[i] = a * (real)i;
    for (long k = 0; k < ROUNDS; k++)
      _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) {
        sum[i] = sum[i] * a + a;
        __asm__("" : IN_REGISTER(sum[i])); /* it happens */
      }
    _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) total += sum[i];
#pragma omp atomic write
    sink = total[0];
  }
}

double peak_flops(int threads) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  const double seconds = median_seconds(chains, NULL, 7, 0.02);
  omp_set_num_threads(before);
  return 2.0 * LANES * CHAINS * ROUNDS * threads / seconds;
}
// Walk through memory
typedef struct Triad {
  float *a, *b, *c;
  size_t n;
} Triad;

static void triad(void *state) {
  Triad *t = state;
#pragma omp parallel for simd schedule(static)
  for (size_t i = 0; i < t->n; i++) t->a[i] = t->b[i] + 3 * t->c[i];
}

double peak_bandwidth(int threads, double bytes) {
  const int before = omp_get_max_threads();
  const size_t n = (size_t)(bytes / 12);
  Triad t = {allocate(n, 4), allocate(n, 4), allocate(n, 4), n};
  omp_set_num_threads(threads);
  const double seconds = median_seconds(triad, &t, 7, 0.01);
  omp_set_num_threads(before);
  free(t.a), free(t.b), free(t.c);
  return 12.0 * (double)n / seconds;
}
