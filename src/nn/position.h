/* Tangled from chapters/05-vit.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"
#include "tensor/tape.h"

typedef enum { POSITION_NONE, POSITION_LEARNED, POSITION_SINCOS } PositionKind;

/* Declare PREFIX "pos_embed" [1][T][width] for a grid of rows x columns
   patches, T = extra + rows * columns, where `extra` tokens (CLS) come first.
   Learned: N(0, 0.02^2), trained. Sincos: fixed, extra rows zero; width must be
   a multiple of 4. None: returns NULL.
   Sources: ViT section 3.1; MAE section 3 and its public code's table. */
Tensor *position_declare(Params *params, const char *prefix, PositionKind kind,
                         int rows, int columns, int width, int extra);

/* The fixed table alone: table[rows * columns][width], order of a row
   [sin column, cos column, sin row, cos row], width / 4 numbers each. */
void position_sincos(double *table, int rows, int columns, int width);

/* Resize a table [extra + side * side][width] to another side by bilinear
   interpolation whose corners stay corners; extra rows are copied. This is how
   a network trained at one image size is used at another (ViT section 3.2). */
void position_resize(real *to, int to_side, const real *from, int from_side,
                     int width, int extra);

/* qkv[B][T][3C] with the queries and keys of patches turned by their places in a
   grid of rows x columns. The first `extra` tokens have none, and the patches come
   in order; or, with positions[B][T], token t of image b is patch positions[b][t], or has
   no place if that is -1. Neighbours are `step` apart: 1, or less where a grid is finer
   than the one that was trained on. The channels of a head must be a multiple of 4.
   Source: EVA-02 and its code; RoFormer. */
typedef struct RotaryGrid {
  int rows, columns, extra;
  double step;
} RotaryGrid;
Tensor *rotary(Tape *tape, Tensor *qkv, int heads, RotaryGrid grid, const int *positions);
