/* Tangled from chapters/02-tape.nw: edit that, not this. */
#pragma once
#include "base/real.h"
#include "base/shape.h"

/* An array of numbers in row-major order. Owned by a tape (results, gone at
   tape_reset) or by a parameter table. */
typedef struct Tensor {
  const char *name; /* of the parameter, or of the operation that made it */
  Shape shape;
  real *value;
  real *grad;      /* d loss / d value. Of a parameter: there from params_fill.
                      Of a result: NULL until something flows back. */
  bool requires_grad; /* false for inputs, fixed tables, frozen models */
  bool unwritten;     /* grad is memory that nothing was written to yet */
  bool packed;        /* a weight in another order: see linear_keep_packed */
} Tensor;

size_t tensor_size(const Tensor *t);
int tensor_last(const Tensor *t); /* the last size: the length of a row */
int tensor_rows(const Tensor *t); /* all other sizes multiplied */
