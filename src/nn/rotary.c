/* Tangled from chapters/11-eva.nw: edit that, not this. */
#include "nn/rotary.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct Rotary {
  int heads, tokens, extra; /* tokens of an image */
  const int *places;
  real *turns; /* [patches][d / 2][2]: cosine and sine of each pair's angle */
} Rotary;

static real *make_turns(Tape *tape, int rows, int columns, int d) {
  real *turns = tape_memory(tape, (size_t)rows * columns * d * sizeof *turns);
  for (int i = 0; i < rows * columns * d / 2; i++) {
    const int patch = i / (d / 2), pair = i % (d / 2), j = pair % (d / 4);
    const int steps = pair < d / 4 ? patch / columns : patch % columns;
    const double angle = steps * pow(10000, -2.0 * j / (d / 2));
    turns[2 * i] = (real)cos(angle);
    turns[2 * i + 1] = (real)sin(angle);
  }
  return turns;
}

/* to += from with each pair turned, forth (1) or back (-1). */
static void turn(real *to, const real *from, const real *turns, int pairs, real way) {
  for (int i = 0; i < pairs; i++) {
    const real c = turns[2 * i], s = way * turns[2 * i + 1];
    const real a = from[2 * i], b = from[2 * i + 1];
    to[2 * i] += a * c - b * s;
    to[2 * i + 1] += a * s + b * c;
  }
}

static void turn_all(real *to, const real *from, const Rotary *r, int rows, int width,
                     real way) {
  const int C = width / 3, d = C / r->heads;
#pragma omp parallel for
  for (int t = 0; t < rows; t++) {
    const int in_order = t % r->tokens - r->extra;
    const int patch = r->places ? r->places[t] : in_order < 0 ? -1 : in_order;
    real *y = to + (size_t)t * width;
    const real *x = from + (size_t)t * width;
    const int turned = patch < 0 ? 0 : 2 * C; /* queries and keys */
    for (int h = 0; h < turned; h += d)
      turn(y + h, x + h, r->turns + (size_t)patch * d, d / 2, way);
    for (int i = turned; i < width; i++) y[i] += x[i];
  }
}

static void rotary_backward(const Entry *e) {
  turn_all(e->input[0]->grad, e->output->grad, e->saved, tensor_rows(e->output),
           tensor_last(e->output), -1);
}

Tensor *rotary(Tape *tape, Tensor *qkv, int heads, int rows, int columns, int extra,
               const int *places) {
  const int width = tensor_last(qkv), d = width / 3 / heads;
  assert(d % 4 == 0);
  assert(places || qkv->shape.size[1] == extra + rows * columns);
  Rotary *r = tape_memory(tape, sizeof *r);
  *r = (Rotary){heads, qkv->shape.size[1], extra, places,
                make_turns(tape, rows, columns, d)};
  Tensor *y = tape_tensor(tape, "rotary", qkv->shape);
  memset(y->value, 0, tensor_size(y) * sizeof *y->value);
  turn_all(y->value, qkv->value, r, tensor_rows(y), width, 1);
  tape_record(tape, y, rotary_backward, r, qkv, NULL, NULL);
  return y;
}
