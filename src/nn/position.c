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

typedef struct Rotary {
  int heads, tokens, extra; /* tokens of an image */
  const int *positions;
  real *rotations; /* [patches][d / 2][2]: cosine and sine of each pair's angle */
} Rotary;

static real *make_rotations(Tape *tape, RotaryGrid grid, int d) {
  const int patches = grid.rows * grid.columns, pairs = d / 4; /* of each direction */
  const int most = grid.rows > grid.columns ? grid.rows : grid.columns;
  const size_t half = 2 * (size_t)pairs;
  real *rotations = tape_memory(tape, (size_t)patches * d * sizeof *rotations);
  real *one = tape_memory(tape, (size_t)most * half * sizeof *one); /* of each step */
  for (int i = 0; i < most * pairs; i++) {
    const double angle = grid.step * (i / pairs) *
                         pow(10000, -2.0 * (i % pairs) / (d / 2));
    one[2 * i] = (real)cos(angle);
    one[2 * i + 1] = (real)sin(angle);
  }
  for (int i = 0; i < 2 * patches; i++) {
    const int steps = i % 2 ? i / 2 % grid.columns : i / 2 / grid.columns;
    memcpy(rotations + i * half, one + steps * half, half * sizeof *one);
  }
  return rotations;
}

/* to += from with each pair turned, forth (1) or back (-1). */
static void rotate(real *to, const real *from, const real *rotations, int pairs,
                   real way) {
  for (int i = 0; i < pairs; i++) {
    const real c = rotations[2 * i], s = way * rotations[2 * i + 1];
    const real a = from[2 * i], b = from[2 * i + 1];
    to[2 * i] += a * c - b * s;
    to[2 * i + 1] += a * s + b * c;
  }
}

static void rotate_all(real *to, const real *from, const Rotary *r, int rows, int width,
                       real way) {
  const int C = width / 3, d = C / r->heads;
#pragma omp parallel for
  for (int t = 0; t < rows; t++) {
    const int in_order = t % r->tokens - r->extra;
    const int patch = r->positions ? r->positions[t] : in_order < 0 ? -1 : in_order;
    real *y = to + (size_t)t * width;
    const real *x = from + (size_t)t * width;
    const int rotated = patch < 0 ? 0 : 2 * C; /* queries and keys */
    for (int h = 0; h < rotated; h += d)
      rotate(y + h, x + h, r->rotations + (size_t)patch * d, d / 2, way);
    for (int i = rotated; i < width; i++) y[i] += x[i];
  }
}

static void rotary_backward(const Entry *e) {
  rotate_all(e->input[0]->grad, e->output->grad, e->saved, tensor_rows(e->output),
             tensor_last(e->output), -1);
}

Tensor *rotary(Tape *tape, Tensor *qkv, int heads, RotaryGrid grid,
               const int *positions) {
  const int width = tensor_last(qkv), d = width / 3 / heads, T = qkv->shape.size[1];
  assert(d % 4 == 0);
  assert(positions || T == grid.extra + grid.rows * grid.columns);
  Rotary *r = tape_memory(tape, sizeof *r);
  *r = (Rotary){heads, T, grid.extra, positions, make_rotations(tape, grid, d)};
  Tensor *y = tape_tensor(tape, "rotary", qkv->shape);
  memset(y->value, 0, tensor_size(y) * sizeof *y->value);
  rotate_all(y->value, qkv->value, r, tensor_rows(y), width, 1);
  tape_record(tape, y, rotary_backward, r, qkv, NULL, NULL);
  return y;
}
