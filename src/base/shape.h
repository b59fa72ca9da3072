/* Tangled from chapters/02-tape.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

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
size_t shape_size(Shape shape); /* all sizes multiplied */
