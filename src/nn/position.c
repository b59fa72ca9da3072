/* Tangled from chapters/05-vit.nw: edit that, not this. */
#include "nn/position.h"

#include <assert.h>
#include <math.h>
#include <string.h>

// Fill the table of sines
void position_sincos(double *table, int rows, int columns, int width) {
  int quarter = width / 4;
  for (int row = 0; row < rows; row++)
    for (int column = 0; column < columns; column++, table += width)
      for (int i = 0; i < quarter; i++) {
        double omega = pow(10000, -(double)i / quarter);
        table[i] = sin(omega * column);
        table[quarter + i] = cos(omega * column);
        table[2 * quarter + i] = sin(omega * row);
        table[3 * quarter + i] = cos(omega * row);
      }
}

// Declare the positions
Tensor *position_declare(Params *params, const char *prefix, PositionKind kind,
                         int rows, int columns, int width, int extra) {
  if (kind == POSITION_NONE) return NULL;
  const char *name = params_name(params, "%spos_embed", prefix);
  Shape shape = SHAPE(1, extra + rows * columns, width);
  if (kind == POSITION_LEARNED)
    return params_add(params, name, shape, init_normal(0.02), PARAM_PLAIN);
  assert(width % 4 == 0);
  size_t size = (size_t)shape.size[1] * (size_t)width;
  double *table = arena_get(params->arena, size * sizeof *table);
  memset(table, 0, (size_t)(extra * width) * sizeof *table);
  position_sincos(table + extra * width, rows, columns, width);
  return params_add(params, name, shape, init_values(table), PARAM_FIXED);
}

// Resize a table
static double stretched(int i, int to_side, int from_side) {
  return to_side > 1 ? (double)i * (from_side - 1) / (to_side - 1) : 0;
}

void position_resize(real *to, int to_side, const real *from, int from_side,
                     int width, int extra) {
  memcpy(to, from, (size_t)(extra * width) * sizeof *to);
  to += extra * width;
  from += extra * width;
  for (int row = 0; row < to_side; row++)
    for (int column = 0; column < to_side; column++, to += width) {
      double y = stretched(row, to_side, from_side);
      double x = stretched(column, to_side, from_side);
      int top = (int)y, left = (int)x;
      int below = top + (top + 1 < from_side), right = left + (left + 1 < from_side);
      real v = (real)(y - top), u = (real)(x - left);
      for (int c = 0; c < width; c++)
        to[c] = (1 - v) * ((1 - u) * from[(top * from_side + left) * width + c] +
                           u * from[(top * from_side + right) * width + c]) +
                v * ((1 - u) * from[(below * from_side + left) * width + c] +
                     u * from[(below * from_side + right) * width + c]);
    }
}
