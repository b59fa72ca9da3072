/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "tensor/tensor.h"

#include <assert.h>
#include <limits.h>

// Sizes of a tensor
size_t tensor_size(const Tensor *t) { return shape_size(t->shape); }

int tensor_last(const Tensor *t) {
  return t->shape.rank ? t->shape.size[t->shape.rank - 1] : 1;
}

int tensor_rows(const Tensor *t) {
  const size_t rows = tensor_size(t) / (size_t)tensor_last(t);
  assert(rows <= INT_MAX);
  return (int)rows;
}
