/* Tangled from chapters/15-fast.nw: edit that, not this. */
#include <assert.h>

#include "kernels/bf16.h"
#include "kernels/gemm.h"

enum { WIDE_BLOCK = 3 * BLOCK_COLUMNS };

// Numbers by the place of a float
#if defined __AVX512BF16__ && !defined REAL_DOUBLE
#include <immintrin.h>

/* Two neighbours along k, of which the first has the upper half: the processor begins
   with that. */
typedef uint32_t Packed;
enum { STEP = 2 };

/* The first n of LANES numbers; the rest are 0. */
static inline Vector load_part(const real *p, int n) {
  const int first_n = n >= LANES ? 0xffff : n > 0 ? (1 << n) - 1 : 0;
  return (Vector)_mm512_maskz_loadu_ps((__mmask16)first_n, p);
}

static inline Vector rounded_pair(Vector low, Vector high) {
  return (Vector)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
}

/* LANES times STEP numbers of a row along k, of which n are left. */
static inline Vector packed_along(const real *p, int n) {
  const Vector pairs = rounded_pair(load_part(p, n), load_part(p + LANES, n - LANES));
  return (Vector)_mm512_rol_epi32((__m512i)pairs, 16);
}

/* n columns, from a row and, if more than one is left along k, the next. */
static inline Vector packed_across(const real *p, ptrdiff_t row, int n, int left) {
  const Vector next = left > 1 ? load_part(p + row, n) : (Vector){0};
  const Vector pairs = rounded_pair(next, load_part(p, n));
  __m512i order = _mm512_set1_epi32(16 << 16);
  order = _mm512_add_epi16(order, _mm512_mullo_epi32((__m512i)lane_numbers(),
                                                     _mm512_set1_epi32(0x10001)));
  return (Vector)_mm512_permutexvar_epi16(order, (__m512i)pairs);
}

static inline Vector multiply_add(Vector sum, Packed left, Vector right) {
  return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)left),
                                  (__m512bh)right);
}
#else
typedef real Packed;
enum { STEP = 1 };

// Round a vector
/* The first n of LANES numbers, rounded; the rest are 0. */
static inline Vector rounded(const real *p, int n) {
  real part[LANES] = {0};
  for (int i = 0; i < least(n, LANES); i++) part[i] = bf16(p[i]);
  return load(part);
}

static inline Vector packed_along(const real *p, int n) { return rounded(p, n); }

static inline Vector packed_across(const real *p, ptrdiff_t row, int n, int left) {
  (void)row, (void)left;
  return rounded(p, n);
}

static inline Vector multiply_add(Vector sum, Packed left, Vector right) {
  return sum + left * right;
}
#endif
// Pack one way or the other
static void pack_across(Packed *to, int width, MatrixView m, int K, int n) {
  for (int k = 0; k < K; k += STEP, to += width)
    for (int j = 0; j < n; j += LANES) {
      const real *from = m.at + k * m.row + j;
      for (int next = 0; next < STEP; next++)
        __builtin_prefetch(from + next * m.row + width);
      store((real *)(to + j), packed_across(from, m.row, least(n - j, LANES), K - k));
    }
}

static void pack_along(Packed *to, int width, const real *from, ptrdiff_t column, int K,
                       int n) {
  for (int k = 0; k < K; k += LANES * STEP) {
    Vector r[LANES];
    for (int j = 0; j < LANES; j++)
      r[j] = j < n ? packed_along(from + j * column + k, K - k) : (Vector){0};
    transpose(r);
    for (int j = 0; j < LANES; j++, to += width) store((real *)to, r[j]);
  }
}
// Pack and round
/* to[k / STEP][width], for each k of K and each of n columns of m; zeros up to whole
   vectors. There is room for whole vectors of k, too. */
static void pack(Packed *to, int width, MatrixView m, int K, int n) {
  assert(m.row == 1 || m.column == 1);
  if (m.column == 1) pack_across(to, width, m, K, n);
  else
    for (int j = 0; j < n; j += LANES)
      pack_along(to + j, width, m.at + j * m.column, m.column, K, least(n - j, LANES));
}
// A tile of rounded factors
static inline __attribute__((always_inline)) void
tile(const int rows, const int vectors, MatrixOut c, const Packed *left,
     const Packed *right, int steps) {
  Vector sum[TILE_ROWS][2];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int v = 0; v < vectors; v++) {
      __builtin_prefetch(c.at + (i + rows) * c.row + v * LANES, 1);
      sum[i][v] = load((c.add ? c.at + i * c.row : c.bias) + v * LANES);
    }
  for (int k = 0; k < steps; k++, left += BLOCK_ROWS, right += vectors * LANES)
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int v = 0; v < vectors; v++)
        sum[i][v] = multiply_add(sum[i][v], left[i],
                                 load((const real *)(right + v * LANES)));
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int v = 0; v < vectors; v++)
      store(c.at + i * c.row + v * LANES, sum[i][v]);
}
// The rest of the tile
static void any_tile(int rows, int vectors, MatrixOut c, const Packed *left,
                     const Packed *right, int steps) {
#define TILE(n)                                                    \
  case 2 * n: tile(n, 2, c, left, right, steps); break;            \
  case 2 * n + 1: tile(n, 1, c, left, right, steps); break;
  switch (2 * rows + (vectors == 1)) {
    TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if defined __AVX512F__ || defined __aarch64__
    TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
  }
#undef TILE
}

/* A tile that has fewer columns than vectors have lanes. */
static void edge_tile(int rows, int columns, MatrixOut c, const Packed *left,
                      const Packed *right, int steps) {
  real whole[TILE_ROWS * PANEL] = {0};
  if (c.add)
    for (int i = 0; i < rows; i++)
      memcpy(whole + i * PANEL, c.at + i * c.row, (size_t)columns * sizeof(real));
  any_tile(rows, columns > LANES ? 2 : 1,
           (MatrixOut){whole, PANEL, c.add, false, c.bias}, left, right, steps);
  for (int i = 0; i < rows; i++)
    memcpy(c.at + i * c.row, whole + i * PANEL, (size_t)columns * sizeof(real));
}
// The product of bfloat16
/* One panel's columns of one block of rows. */
static void strip(MatrixOut c, const Packed *left, const Packed *panel, int M,
                  int columns, int K) {
  const int vectors = columns > LANES ? 2 : 1, steps = (K + STEP - 1) / STEP;
  for (int i = 0, rows; i < M; i += rows) {
    rows = rows_of_tile(M - i);
    const MatrixOut to = {c.at + i * c.row, c.row, c.add, false, c.bias};
    if (columns == vectors * LANES || c.padded)
      any_tile(rows, vectors, to, left + i, panel, steps);
    else edge_tile(rows, columns, to, left + i, panel, steps);
  }
}

static void block_of_bf16(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  static _Thread_local Packed panels[MOST_DEPTH * WIDE_BLOCK]
      __attribute__((aligned(64)));
  static _Thread_local Packed left[MOST_DEPTH * BLOCK_ROWS] __attribute__((aligned(64)));
  const int depth = round_up((K + STEP - 1) / STEP, LANES);
  real bias[WIDE_BLOCK] = {0};
  if (c.bias) memcpy(bias, c.bias, (size_t)N * sizeof(real));
  for (int i = 0; i < M; i += BLOCK_ROWS) {
    const int rows = least(M - i, BLOCK_ROWS);
    pack(left, BLOCK_ROWS, (MatrixView){a.at + i * a.row, a.column, a.row}, K, rows);
    for (int j = 0; j < N; j += PANEL) {
      const int columns = least(N - j, PANEL);
      Packed *panel = panels + j * depth;
      if (i == 0)
        pack(panel, columns > LANES ? PANEL : LANES,
             (MatrixView){b.at + j * b.column, b.row, b.column}, K, columns);
      strip((MatrixOut){c.at + i * c.row + j, c.row, c.add, c.padded, bias + j}, left,
            panel, rows, columns, K);
    }
  }
}

void gemm_bf16_serial(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  gemm_blocked(block_of_bf16, WIDE_BLOCK, STEP, c, a, b, M, N, K);
}

void gemm_bf16(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  gemm_shared(gemm_bf16_serial, c, a, b, M, N, K);
}
