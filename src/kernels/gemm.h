/* Tangled from chapters/15-fast.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "kernels/vector.h"

/* Columns of a panel; rows and columns of a block; rows of a panel. */
enum { PANEL = 2 * LANES, BLOCK_TILES = 8, BLOCK_ROWS = BLOCK_TILES * TILE_ROWS };
enum { BLOCK_COLUMNS = 256 };
enum { MOST_DEPTH = 384 };

/* A matrix seen through strides: element (i, k) is at[i * row + k * column]. */
typedef struct MatrixView {
  const real *at;
  ptrdiff_t row, column;
} MatrixView;

/* The matrix in which a product ends, rows of `row` numbers. With `add` the
   product is added to what is there; otherwise bias[N], unless NULL, is added to
   each row. With `padded` there is room for whole vectors at the end of each row,
   where zeros are put, or added. */
typedef struct MatrixOut {
  real *at;
  ptrdiff_t row;
  bool add, padded;
  const real *bias;
} MatrixOut;
/* c[M][N] = a[M][K] b[K][N] for K > 0; c overlaps neither. Each element begins
   as its bias, as what is there (add) or as 0, and a[i][k] b[k][j] is added for
   k = 0, 1, 2 ..., one after the other. `gemm` uses all threads, `gemm_serial`
   only the calling one. */
void gemm(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K);
void gemm_serial(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K);

/* Columns 0..PANEL-1 of b[K][] as a panel[K][PANEL]; and the product with a factor that
   is whole panels, one after the other: b.row is PANEL, b.column K (see linear_panel). */
void pack_panel(real *panel, MatrixView b, int K);
void gemm_panels(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K);

/* A product by one thread, and the same by all: how gemm is made of gemm_serial. */
typedef void Product(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K);
void gemm_shared(Product *serial, MatrixOut c, MatrixView a, MatrixView b, int M, int N,
                 int K);

/* A product made of blocks of at most `columns` columns, which are `times` times as deep
   as a panel of floats that takes half of the first cache (at most MOST_DEPTH). */
void gemm_blocked(Product *block, int columns, int times, MatrixOut c, MatrixView a,
                  MatrixView b, int M, int N, int K);
// Declarations of the product of bfloat16
/* The same products with a[i][k] and b[k][j] rounded to bfloat16. In each factor rows
   or columns lie together: one stride is 1. */
void gemm_bf16(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K);
void gemm_bf16_serial(MatrixOut c, MatrixView a, MatrixView b, int M, int N, int K);

static inline int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }

/* How many of the rows that are left the next tile takes. */
static inline int rows_of_tile(int left) {
  return left > TILE_ROWS && left < TILE_ROWS * 3 / 2 ? (left + 1) / 2
                                                      : least(left, TILE_ROWS);
}

/* The part first..last-1 of 0..n-1 that is this thread's, in whole units. */
void thread_range(int n, int unit, int *first, int *last);
