/* Tangled from chapters/14-fast.nw: edit that, not this. */
#include "kernels/gemm.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

#include "kernels/vector.h"

enum { PANEL = 2 * LANES };
enum { BLOCK_ROWS = 8 * TILE_ROWS, BLOCK_K = 384, BLOCK_COLUMNS = 256 };

// A tile in registers
static inline __attribute__((always_inline)) void
tile(const int rows, const int vectors, MatrixOut c, MatrixView a, const real *panel,
     int K) {
  Vector sum[TILE_ROWS][2];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int v = 0; v < vectors; v++) {
      __builtin_prefetch(c.at + i * c.row + v * LANES, 1);
      sum[i][v] = load(c.bias + v * LANES);
    }
  const real *left = a.at;
  for (int k = 0; k < K; k++, panel += vectors * LANES, left += a.column) {
    Vector b[2];
    UNROLL for (int v = 0; v < vectors; v++) b[v] = load(panel + v * LANES);
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int v = 0; v < vectors; v++) sum[i][v] += left[i * a.row] * b[v];
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int v = 0; v < vectors; v++) {
      real *to = c.at + i * c.row + v * LANES;
      if (c.add) sum[i][v] += load(to);
      store(to, sum[i][v]);
    }
}
static void any_tile(int rows, int vectors, MatrixOut c, MatrixView a, const real *panel,
                     int K) {
#define TILE(n)                                              \
  case 2 * n: tile(n, 2, c, a, panel, K); break;             \
  case 2 * n - 1: tile(n, 1, c, a, panel, K); break;
  switch (2 * rows - (vectors == 1)) {
    TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if defined __AVX512F__
    TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
  }
#undef TILE
}
// A panel of the right factor
// Turn a square of numbers
/* LANES rows of LANES numbers to columns. */
static void transpose(real *to, ptrdiff_t to_row, const real *from, ptrdiff_t row) {
  Vector r[LANES];
  const Indices lane = lane_numbers();
  UNROLL for (int i = 0; i < LANES; i++) r[i] = load(from + i * row);
  UNROLL for (int half = LANES / 2; half; half /= 2) {
    const Indices upper = (lane & half) != 0, across = lane ^ half;
    UNROLL for (int i = 0; i < LANES; i++)
      if (!(i & half)) {
        const Vector a = r[i], b = r[i + half];
        r[i] = pick(a, b, (upper & (across + LANES)) | (~upper & lane));
        r[i + half] = pick(a, b, (upper & (lane + LANES)) | (~upper & across));
      }
  }
  UNROLL for (int i = 0; i < LANES; i++) store(to + i * to_row, r[i]);
}

static inline __attribute__((always_inline)) void
pack_columns(const int width, real *to, MatrixView b, int K, int columns) {
  int done = 0;
  if (columns < width)
    memset(to, 0, (size_t)K * width * sizeof(real));
  else if (b.column == 1)
    for (; done < K; done++)
      UNROLL for (int j = 0; j < width; j += LANES)
        store(to + done * width + j, load(b.at + done * b.row + j));
  else if (b.row == 1)
    for (; done + LANES <= K; done += LANES)
      UNROLL for (int j = 0; j < width; j += LANES)
        transpose(to + done * width + j, width, b.at + done + j * b.column, b.column);
  for (int j = 0; j < columns; j++)
    for (int k = done; k < K; k++) to[k * width + j] = b.at[k * b.row + j * b.column];
}

static void pack(real *to, MatrixView b, int K, int columns) {
  if (columns > LANES)
    pack_columns(PANEL, to, b, K, columns);
  else
    pack_columns(LANES, to, b, K, columns);
}
// Tiles at the edge
static void edge_tile(int rows, int columns, int vectors, MatrixOut c, MatrixView a,
                      const real *panel, int K) {
  real whole[TILE_ROWS * PANEL];
  any_tile(rows, vectors, (MatrixOut){whole, PANEL, false, c.bias}, a, panel, K);
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      real *to = c.at + i * c.row + j;
      *to = whole[i * PANEL + j] + (c.add ? *to : 0);
    }
}
// A product by one thread
/* One panel's columns of one block of rows. */
static void strip(MatrixOut c, MatrixView a, const real *panel, int M, int columns,
                  int K) {
  const int vectors = columns > LANES ? 2 : 1;
  int i = 0;
  if (columns == PANEL)
    for (; i + TILE_ROWS <= M; i += TILE_ROWS)
      tile(TILE_ROWS, 2, (MatrixOut){c.at + i * c.row, c.row, c.add, c.bias},
           (MatrixView){a.at + i * a.row, a.row, a.column}, panel, K);
  for (; i < M; i += TILE_ROWS) {
    const int rows = least(M - i, TILE_ROWS);
    const MatrixView part = {a.at + i * a.row, a.row, a.column};
    const MatrixOut to = {c.at + i * c.row, c.row, c.add, c.bias};
    if (columns == vectors * LANES)
      any_tile(rows, vectors, to, part, panel, K);
    else
      edge_tile(rows, columns, vectors, to, part, panel, K);
  }
}

static void block(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  static _Thread_local real panels[BLOCK_K * BLOCK_COLUMNS] __attribute__((aligned(64)));
  for (int j = 0; j < N; j += PANEL) {
    const int columns = least(N - j, PANEL);
    pack(panels + j * K, (MatrixView){b.at + j * b.column, b.row, b.column}, K, columns);
  }
  real bias[BLOCK_COLUMNS] = {0};
  if (c.bias) memcpy(bias, c.bias, (size_t)N * sizeof(real));
  for (int i = 0; i < M; i += BLOCK_ROWS)
    for (int j = 0; j < N; j += PANEL)
      strip((MatrixOut){c.at + i * c.row + j, c.row, c.add, bias + j},
            (MatrixView){a.at + i * a.row, a.row, a.column}, panels + j * K,
            least(M - i, BLOCK_ROWS), least(N - j, PANEL), K);
}

void gemm_serial(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  assert(K > 0);
  const int blocks = (K + BLOCK_K - 1) / BLOCK_K;
  const int depth = round_up((K + blocks - 1) / blocks, LANES);
  for (int j = 0; j < N; j += BLOCK_COLUMNS)
    for (int k = 0; k < K; k += depth)
      block((MatrixOut){c.at + j, c.row, c.add || k, c.bias && !k ? c.bias + j : NULL},
            (MatrixView){a.at + k * a.column, a.row, a.column},
            (MatrixView){b.at + k * b.row + j * b.column, b.row, b.column}, M,
            least(N - j, BLOCK_COLUMNS), least(K - k, depth));
}
// A product by all threads
void thread_range(int n, int unit, int *first, int *last) {
  const long units = (n + unit - 1) / unit, me = omp_get_thread_num();
  const long team = omp_get_num_threads();
  *first = least(n, (int)(units * me / team) * unit);
  *last = least(n, (int)(units * (me + 1) / team) * unit);
}

// Share a product among threads
void gemm(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  if ((double)M * N * K < 100000 || omp_in_parallel()) {
    gemm_serial(c, a, b, M, N, K);
    return;
  }
#pragma omp parallel
  {
    int first, last;
    if (M > N) {
      thread_range(M, TILE_ROWS, &first, &last);
      gemm_serial((MatrixOut){c.at + first * c.row, c.row, c.add, c.bias},
                  (MatrixView){a.at + first * a.row, a.row, a.column}, b, last - first, N,
                  K);
    } else {
      thread_range(N, PANEL, &first, &last);
      gemm_serial((MatrixOut){c.at + first, c.row, c.add, c.bias ? c.bias + first : NULL},
                  a, (MatrixView){b.at + first * b.column, b.row, b.column}, M,
                  last - first, K);
    }
  }
}
