/* Tangled from chapters/15-fast.nw: edit that, not this. */
#include "kernels/gemm.h"

#include <assert.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 64 / sizeof(real), AHEAD = 48 };

// A tile in registers
static inline __attribute__((always_inline)) void
tile(const int rows, const int vectors, const bool by_columns, const bool keep,
     MatrixOut c, MatrixView a, MatrixView b, real *panel, const real *next, int K) {
  const ptrdiff_t row = by_columns ? 1 : a.row;
  Vector sum[TILE_ROWS][2];
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int v = 0; v < vectors; v++) {
      __builtin_prefetch(c.at + (i + rows) * c.row + v * LANES, 1);
      sum[i][v] = load((c.add ? c.at + i * c.row : c.bias) + v * LANES);
    }
  for (int k = 0; k < K; k++, a.at += a.column, b.at += b.row) {
    Vector right[2];
    UNROLL for (int v = 0; v < vectors; v++) right[v] = load(b.at + v * LANES);
    if (keep)
      UNROLL for (int v = 0; v < vectors; v++, panel += LANES) {
        store(panel, right[v]);
        __builtin_prefetch(b.at + AHEAD * b.row + v * LANES);
      }
    if (by_columns) __builtin_prefetch(a.at + K * a.column, 0, 2);
    else if (k % LINE == 0)
      UNROLL for (int i = 0; i < rows; i++) __builtin_prefetch(a.at + i * row + LINE);
    if (next && k % LINE == 0)
      UNROLL for (int n = 0; n < PANEL / BLOCK_TILES; n++)
        __builtin_prefetch(next + k * (PANEL / BLOCK_TILES) + n * LINE, 0, 2);
    UNROLL for (int i = 0; i < rows; i++)
      UNROLL for (int v = 0; v < vectors; v++) sum[i][v] += a.at[i * row] * right[v];
  }
  UNROLL for (int i = 0; i < rows; i++)
    UNROLL for (int v = 0; v < vectors; v++)
      store(c.at + i * c.row + v * LANES, sum[i][v]);
}
static void full_tile(MatrixOut c, MatrixView a, MatrixView b, real *panel, int K) {
  const bool keep = b.at != panel;
  if (a.row == 1 && keep) tile(TILE_ROWS, 2, true, true, c, a, b, panel, NULL, K);
  else if (a.row == 1) tile(TILE_ROWS, 2, true, false, c, a, b, NULL, NULL, K);
  else if (keep) tile(TILE_ROWS, 2, false, true, c, a, b, panel, NULL, K);
  else tile(TILE_ROWS, 2, false, false, c, a, b, NULL, NULL, K);
}
static void part_tile(int rows, int vectors, MatrixOut c, MatrixView a, MatrixView b,
                      int K) {
#define TILE(n)                                                              \
  case 4 * n: tile(n, 2, true, false, c, a, b, NULL, NULL, K); break;        \
  case 4 * n + 1: tile(n, 2, false, false, c, a, b, NULL, NULL, K); break;   \
  case 4 * n + 2: tile(n, 1, true, false, c, a, b, NULL, NULL, K); break;    \
  case 4 * n + 3: tile(n, 1, false, false, c, a, b, NULL, NULL, K); break;
  switch (4 * rows + 2 * (vectors == 1) + (a.row != 1)) {
    TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if defined __AVX512F__ || defined __aarch64__
    TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
  }
#undef TILE
}
// A panel of the right factor
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
      UNROLL for (int j = 0; j < width; j += LANES) {
        Vector r[LANES];
        const real *from = b.at + done + j * b.column;
        UNROLL for (int i = 0; i < LANES; i++) r[i] = load(from + i * b.column);
        transpose(r);
        UNROLL for (int i = 0; i < LANES; i++) store(to + (done + i) * width + j, r[i]);
      }
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
static void edge_tile(int rows, int columns, MatrixOut c, MatrixView a, MatrixView b,
                      int K) {
  real whole[TILE_ROWS * PANEL] = {0};
  if (c.add)
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < columns; j++) whole[i * PANEL + j] = c.at[i * c.row + j];
  part_tile(rows, columns > LANES ? 2 : 1,
            (MatrixOut){whole, PANEL, c.add, false, c.bias}, a, b, K);
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) c.at[i * c.row + j] = whole[i * PANEL + j];
}
// A product by one thread
/* One panel's columns of one block of rows. b is the factor itself, from which the
   panel is then filled, or the panel. */
static void strip(MatrixOut c, MatrixView a, MatrixView b, real *panel, int M,
                  int columns, int K) {
  const int vectors = columns > LANES ? 2 : 1, width = vectors * LANES;
  const MatrixView packed = {panel, width, 1};
  for (int i = 0, rows; i < M; i += rows) {
    rows = rows_of_tile(M - i);
    const MatrixView part = {a.at + i * a.row, a.row, a.column};
    const MatrixOut to = {c.at + i * c.row, c.row, c.add, false, c.bias};
    if (rows == TILE_ROWS && columns == PANEL) {
      full_tile(to, part, b, panel, K);
    } else {
      if (b.at != panel) pack(panel, b, K, columns);
      if (columns == width || c.padded) part_tile(rows, vectors, to, part, packed, K);
      else edge_tile(rows, columns, to, part, packed, K);
    }
    b = packed;
  }
}

static void block_of_floats(MatrixOut c, MatrixView a, MatrixView b, int M, int N,
                            int K) {
  static _Thread_local real panels[MOST_DEPTH * BLOCK_COLUMNS]
      __attribute__((aligned(64)));
  real bias[BLOCK_COLUMNS] = {0};
  if (c.bias) memcpy(bias, c.bias, (size_t)N * sizeof(real));
  for (int i = 0; i < M; i += BLOCK_ROWS)
    for (int j = 0; j < N; j += PANEL) {
      const int columns = least(N - j, PANEL);
      const MatrixView packed = {panels + j * K, columns > LANES ? PANEL : LANES, 1};
      MatrixView from = {b.at + j * b.column, b.row, b.column};
      if (i == 0 && b.column != 1) pack(panels + j * K, from, K, columns);
      if (i > 0 || b.column != 1) from = packed;
      strip((MatrixOut){c.at + i * c.row + j, c.row, c.add, c.padded, bias + j},
            (MatrixView){a.at + i * a.row, a.row, a.column}, from, panels + j * K,
            least(M - i, BLOCK_ROWS), columns, K);
    }
}

/* So deep that a panel takes half of the first cache. */
static int panel_depth(void) {
  static int depth;
  int found;
#pragma omp atomic read
  found = depth;
  if (found) return found;
  long cache = 0;
#ifdef _SC_LEVEL1_DCACHE_SIZE
  cache = sysconf(_SC_LEVEL1_DCACHE_SIZE);
#endif
  found = (int)((cache > 0 ? cache : 32768) / 2 / (PANEL * (long)sizeof(real)));
  found = least(found / LANES * LANES, MOST_DEPTH);
#pragma omp atomic write
  depth = found;
  return found;
}

void gemm_blocked(Product *block, int columns, int times, MatrixOut c, MatrixView a,
                  MatrixView b, int M, int N, int K) {
  assert(K > 0 && !(c.add && c.bias));
  const int most = panel_depth() * times, blocks = (K + most - 1) / most;
  const int depth = round_up((K + blocks - 1) / blocks, LANES * times);
  for (int j = 0; j < N; j += columns)
    for (int k = 0; k < K; k += depth)
      block((MatrixOut){c.at + j, c.row, c.add || k, c.padded,
                        c.bias && !k ? c.bias + j : NULL},
            (MatrixView){a.at + k * a.column, a.row, a.column},
            (MatrixView){b.at + k * b.row + j * b.column, b.row, b.column}, M,
            least(N - j, columns), least(K - k, depth));
}

void gemm_serial(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  gemm_blocked(block_of_floats, BLOCK_COLUMNS, 1, c, a, b, M, N, K);
}
// A product by all threads
void thread_range(int n, int unit, int *first, int *last) {
  const int units = (n + unit - 1) / unit, me = omp_get_thread_num();
  const int team = omp_get_num_threads();
  *first = least(n, part_of(units, me, team) * unit);
  *last = least(n, part_of(units, me + 1, team) * unit);
}

// Share a product among threads
void gemm_shared(Product *serial, MatrixOut c, MatrixView a, MatrixView b, int M, int N,
                 int K) {
  if ((double)M * N * K < 3e6 || omp_in_parallel()) {
    serial(c, a, b, M, N, K);
    return;
  }
#pragma omp parallel
  {
    int first, last;
    if (M > N) {
      thread_range(M, TILE_ROWS, &first, &last);
      serial((MatrixOut){c.at + first * c.row, c.row, c.add, c.padded, c.bias},
             (MatrixView){a.at + first * a.row, a.row, a.column}, b, last - first, N, K);
    } else {
      thread_range(N, PANEL, &first, &last);
      serial((MatrixOut){c.at + first, c.row, c.add, c.padded,
                         c.bias ? c.bias + first : NULL},
             a, (MatrixView){b.at + first * b.column, b.row, b.column}, M,
             last - first, K);
    }
  }
}

void gemm(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  gemm_shared(gemm_serial, c, a, b, M, N, K);
}

// A product with a packed factor
void pack_panel(real *to, MatrixView b, int K) { pack(to, b, K, PANEL); }

static void block_of_panels(MatrixOut c, MatrixView a, MatrixView b, int M, int N,
                            int K) {
  real none[PANEL] = {0};
  for (int i = 0; i < M; i += BLOCK_ROWS)
    for (int j = 0; j < N; j += PANEL) {
      const MatrixView panel = {b.at + j * b.column, PANEL, 1};
      const int end = least(M, i + BLOCK_ROWS);
      const real *next = j + PANEL < N ? panel.at + PANEL * b.column : b.at + PANEL * K;
      for (int row = i, rows; row < end; row += rows, next += K * PANEL / BLOCK_TILES) {
        rows = rows_of_tile(end - row);
        const MatrixView part = {a.at + row * a.row, a.row, a.column};
        const MatrixOut to = {c.at + row * c.row + j, c.row, c.add, false,
                              c.bias ? c.bias + j : none};
        if (rows == TILE_ROWS)
          tile(TILE_ROWS, 2, false, false, to, part, panel, NULL, next, K);
        else part_tile(rows, 2, to, part, panel, K);
      }
    }
}

static void panels_serial(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  gemm_blocked(block_of_panels, BLOCK_COLUMNS, 4, c, a, b, M, N, K);
}

void gemm_panels(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K) {
  assert(N % PANEL == 0 && b.row == PANEL && b.column == K);
  const int share = 2 * PANEL;
  if (M > N) {
    gemm_shared(panels_serial, c, a, b, M, N, K);
    return;
  }
#pragma omp parallel for schedule(dynamic) if ((double)M * N * K > 3e6)
  for (int j = 0; j < N; j += share)
    panels_serial((MatrixOut){c.at + j, c.row, c.add, c.padded,
                              c.bias ? c.bias + j : NULL}, a,
                  (MatrixView){b.at + j * b.column, b.row, b.column}, M,
                  least(N - j, share), K);
}
