/* Tangled from chapters/15-fast.nw: edit that, not this. */
#include <omp.h>

#include "app/options.h"
#include "app/peak.h"
#include "base/stopwatch.h"
#include "kernels/gemm.h"
#include "kernels/vector.h"

enum { ROWS = 4160, IN = 128, OUT = 512 };
static real x[ROWS * IN], w[OUT * IN], transposed[IN * OUT], y[ROWS * OUT];

// Stages of a matrix product
static void as_the_formula(void *s) {
  (void)s;
  for (int r = 0; r < ROWS; r++)
    for (int o = 0; o < OUT; o++) {
      real sum = 0;
      for (int i = 0; i < IN; i++) sum += x[r * IN + i] * w[o * IN + i];
      y[r * OUT + o] = sum;
    }
}
static void sums_in_parts(void *s) {
  (void)s;
  for (int r = 0; r < ROWS; r++)
    for (int o = 0; o < OUT; o++) {
      real sum = 0;
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < IN; i++) sum += x[r * IN + i] * w[o * IN + i];
      y[r * OUT + o] = sum;
    }
}
static void turn_weights(void) {
  for (int o = 0; o < OUT; o++)
    for (int i = 0; i < IN; i++) transposed[i * OUT + o] = w[o * IN + i];
}

static void other_order(void *s) {
  (void)s;
  turn_weights();
  for (int r = 0; r < ROWS; r++) {
    for (int o = 0; o < OUT; o++) y[r * OUT + o] = 0;
    for (int i = 0; i < IN; i++)
      for (int o = 0; o < OUT; o++)
        y[r * OUT + o] += x[r * IN + i] * transposed[i * OUT + o];
  }
}
static inline __attribute__((always_inline)) void
plain_tile(const int rows, int r, int o) {
  Vector sum[TILE_ROWS][2] = {{{0}}};
  for (int i = 0; i < IN; i++) {
    const Vector left = load(transposed + i * OUT + o);
    const Vector right = load(transposed + i * OUT + o + LANES);
    UNROLL for (int k = 0; k < rows; k++) {
      sum[k][0] += x[(r + k) * IN + i] * left;
      sum[k][1] += x[(r + k) * IN + i] * right;
    }
  }
  UNROLL for (int k = 0; k < rows; k++) {
    store(y + (r + k) * OUT + o, sum[k][0]);
    store(y + (r + k) * OUT + o + LANES, sum[k][1]);
  }
}

static void sums_in_registers(void *s) {
  (void)s;
  turn_weights();
  for (int r = 0; r < ROWS; r++)
    for (int o = 0; o < OUT; o += 2 * LANES) plain_tile(1, r, o);
}
static void tiles_in_registers(void *s) {
  (void)s;
  int r = 0;
  turn_weights();
  for (; r + TILE_ROWS <= ROWS; r += TILE_ROWS)
    for (int o = 0; o < OUT; o += 2 * LANES) plain_tile(TILE_ROWS, r, o);
  for (; r < ROWS; r++)
    for (int o = 0; o < OUT; o += 2 * LANES) plain_tile(1, r, o);
}
static const MatrixOut target = {.at = y, .row = OUT};
static const MatrixView left = {x, IN, 1}, right = {w, 1, IN};

static void packed(void *s) { (void)s, gemm_serial(target, left, right, ROWS, OUT, IN); }
static void all_threads(void *s) { (void)s, gemm(target, left, right, ROWS, OUT, IN); }
// Time the stages
static const struct {
  const char *name;
  void (*run)(void *state);
} stages[] = {{"as the formula", as_the_formula},
              {"sums in parts", sums_in_parts},
              {"loop order", other_order},
              {"sums in registers", sums_in_registers},
              {"register tile", tiles_in_registers},
              {"packed panels", packed},
              {"threads", all_threads}};

/* Stage, name, GFLOP/s, and the measured peak of the threads it uses. */
int main(void) {
  program_begin("matmul-steps");
  const int count = sizeof stages / sizeof *stages;
  const double alone = peak_flops(1), together = peak_flops(omp_get_max_threads());
  for (int i = 0; i < ROWS * IN; i++) x[i] = (real)(i % 7 - 3);
  for (int i = 0; i < OUT * IN; i++) w[i] = (real)(i % 5 - 2);
  for (int i = 0; i < count; i++) {
    const double seconds = median_seconds(stages[i].run, NULL, 7, 0.01);
    printf("%d\t%s\t%.2f\t%.1f\n", i + 1, stages[i].name,
           2e-9 * ROWS * IN * OUT / seconds, 1e-9 * (i + 1 < count ? alone : together));
  }
  return 0;
}
