/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "base/shape.h"

#include <assert.h>

// Compare and count shapes
Shape shape_make(int rank, const int *sizes) {
  Shape shape = {rank, {1, 1, 1, 1}};
  assert(rank >= 0 && rank <= 4);
  for (int i = 0; i < rank; i++) {
    assert(sizes[i] > 0);
    shape.size[i] = sizes[i];
  }
  return shape;
}

bool shape_equal(Shape a, Shape b) {
  bool equal = a.rank == b.rank;
  for (int i = 0; i < 4; i++) equal = equal && a.size[i] == b.size[i];
  return equal;
}

size_t shape_size(Shape shape) {
  size_t size = 1;
  for (int i = 0; i < 4; i++) size *= (size_t)shape.size[i];
  return size;
}
