/* Tangled from chapters/02-tape.nw: edit that, not this. */
#ifndef TENSOR_H
#define TENSOR_H
#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

/* A shape of rank 0 (one number) to 4; sizes beyond the rank are 1. */
typedef struct Shape {
  int rank;
  int size[4];
} Shape;

#define SHAPE(...) shape_make((int)(sizeof(int[]){__VA_ARGS__} / sizeof(int)), \
                              (int[]){__VA_ARGS__})
#define SCALAR shape_make(0, NULL) /* one number */
Shape shape_make(int rank, const int *sizes);
bool shape_equal(Shape a, Shape b);

/* An array of numbers in row-major order. Owned by a tape (results, gone at
   tape_reset) or by a parameter table. */
typedef struct Tensor {
  const char *name; /* of the parameter, or of the operation that made it */
  Shape shape;
  real *value;
  real *grad;      /* d loss / d value. Of a parameter: there from params_fill.
                      Of a result: NULL until something flows back. */
  bool requires_grad; /* false for inputs, fixed tables, frozen models */
} Tensor;

size_t tensor_size(const Tensor *t);
int tensor_last(const Tensor *t); /* the last size: the length of a row */
int tensor_rows(const Tensor *t); /* all other sizes multiplied */
#endif
