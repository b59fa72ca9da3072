/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/shapes.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

const char *const shapes_kinds[] = {"circle", "square", "triangle", "diamond",
                                    "cross",  "ring",   "star",     "bar"};
const char *const shapes_colours[] = {"red",    "green", "blue",   "yellow",
                                      "purple", "cyan",  "orange", "white"};
static const double paint[SHAPES_COLOURS][3] = {
    {220, 50, 45},  {60, 175, 70},  {55, 90, 225},  {235, 215, 60},
    {150, 65, 190}, {70, 205, 210}, {240, 140, 40}, {235, 235, 235}};

// Is a point inside
static bool inside_star(double x, double y) {
  const double radius = sqrt(x * x + y * y);
  if (radius < 0.43 || radius > 1.1) return radius < 1; /* the edge is elsewhere */
  double angle = atan2(x, -y) * 5 / 6.283185307179586;
  double tip = fabs(angle - floor(angle + 0.5)) * 2; /* 0 at a tip, 1 between */
  return radius < 1.1 / (1 + 1.5 * tip);
}

static bool inside(int kind, double x, double y) {
  switch (kind) {
  case 0: return x * x + y * y < 1;
  case 1: return fabs(x) < 0.85 && fabs(y) < 0.85;
  case 2: return y < 0.8 && fabs(x) < (y + 1) * 0.6;
  case 3: return fabs(x) + fabs(y) < 1.1;
  case 4: return (fabs(x) < 0.3 && fabs(y) < 1) || (fabs(y) < 0.3 && fabs(x) < 1);
  case 5: return x * x + y * y < 1 && x * x + y * y > 0.55 * 0.55;
  case 6: return inside_star(x, y);
  default: return fabs(x) < 1.1 && fabs(y) < 0.35;
  }
}

// Draw a scene
static double coverage(const Figure *f, int x, int y) {
  const double reach = 1.1 * f->radius + 0.5; /* of all kinds, and half a pixel */
  int count = 0;
  if (fabs(x + 0.5 - f->x) > reach || fabs(y + 0.5 - f->y) > reach) return 0;
  for (int i = 0; i < 16; i++)
    count += inside(f->kind, (x + (i % 4 + 0.5) / 4 - f->x) / f->radius,
                    (y + (i / 4 + 0.5) / 4 - f->y) / f->radius);
  return count / 16.0;
}

/* Nearly normal, mean 0, variance 1, at most sqrt(12). */
static double grain(RandomKey key, uint64_t index) {
  const uint64_t bits = random_bits(key, index);
  double sum = 0;
  for (int part = 0; part < 4; part++)
    sum += (double)(bits >> 16 * part & 0xffff) / 0xffff;
  return sqrt(3) * (sum - 2);
}

Image shapes_draw(const Figure *figures, int count, RandomKey key) {
  Image image = image_new(SHAPES_SIDE, SHAPES_SIDE, 3, 0);
  double background = 20 + 60 * random_uniform(key, 0);
  for (int i = 0; i < SHAPES_SIDE * SHAPES_SIDE; i++) {
    double value[3] = {background, background, background};
    for (int f = 0; f < count; f++) {
      const double part = coverage(&figures[f], i % SHAPES_SIDE, i / SHAPES_SIDE);
      for (int c = 0; c < 3 && part > 0; c++)
        value[c] += part * (paint[figures[f].colour][c] - value[c]);
    }
    for (int c = 0; c < 3; c++) {
      value[c] += 8 * grain(key, (uint64_t)(1 + 3 * i + c));
      image.pixels[3 * i + c] =
          (uint8_t)(value[c] < 0 ? 0 : value[c] > 255 ? 255 : value[c]);
    }
  }
  return image;
}

// Make a data set
static Figure random_figure(RandomKey key) {
  double radius = 5 + 6 * random_uniform(key, 0);
  double room = SHAPES_SIDE - 2.4 * radius;
  return (Figure){.kind = random_below(key, 1, SHAPES_KINDS),
                  .colour = random_below(key, 2, SHAPES_COLOURS),
                  .x = 1.2 * radius + room * random_uniform(key, 3),
                  .y = 1.2 * radius + room * random_uniform(key, 4),
                  .radius = radius};
}

void shapes_make(Dataset *data, int count, uint64_t seed) {
  size_t size = 3 * SHAPES_SIDE * SHAPES_SIDE;
  RandomKey key = random_key(seed, "shapes");
  *data = (Dataset){.count = count, .classes = SHAPES_KINDS, .channels = 3,
                    .height = SHAPES_SIDE, .width = SHAPES_SIDE,
                    .pixels = allocate((size_t)count, size),
                    .labels = allocate((size_t)count, 1),
                    .class_names = shapes_kinds};
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    RandomKey own = random_subkey(key, (uint64_t)i);
    Figure figure = random_figure(own);
    Image image = shapes_draw(&figure, 1, random_subkey(own, 1));
    memcpy(data->pixels + (size_t)i * size, image.pixels, size);
    data->labels[i] = (uint8_t)figure.kind;
    image_free(&image);
  }
  dataset_measure(data);
}
