/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "data/image.h"

enum { SHAPES_SIDE = 32, SHAPES_KINDS = 8, SHAPES_COLOURS = 8 };

/* "circle", "square", "triangle", "diamond", "cross", "ring", "star", "bar";
   "red", "green", "blue", "yellow", "purple", "cyan", "orange", "white" */
extern const char *const shapes_kinds[SHAPES_KINDS];
extern const char *const shapes_colours[SHAPES_COLOURS];

/* One figure of a scene: centre and half size in pixels. */
typedef struct Figure {
  int kind, colour;
  double x, y, radius;
} Figure;

/* Draw figures, later ones on top, on a background of one dark grey with noise,
   smoothly edged. The caller frees the image. */
Image shapes_draw(const Figure *figures, int count, RandomKey key);

/* `count` scenes of one random figure; the label is its kind. */
void shapes_make(Dataset *data, int count, uint64_t seed);
