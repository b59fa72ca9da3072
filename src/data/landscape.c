/* Tangled from chapters/61-images.nw: edit that, not this. */
#include "data/landscape.h"

#include <math.h>

#include "base/random.h"

typedef struct Colour {
  double part[3];
} Colour;

static Colour blend(Colour a, Colour b, double t) {
  for (int c = 0; c < 3; c++) a.part[c] += t * (b.part[c] - a.part[c]);
  return a;
}

// A smooth random curve
static double knot(RandomKey key, double x) {
  return random_uniform(key, (uint64_t)(int64_t)x);
}

static double curve(RandomKey key, double x) {
  double sum = 0, height = 0.5;
  for (uint64_t octave = 0; octave < 7; octave++, x *= 2, height /= 2) {
    RandomKey own = random_subkey(key, octave);
    double at = x - floor(x), smooth = at * at * (3 - 2 * at);
    sum += height * (knot(own, floor(x)) * (1 - smooth) +
                     knot(own, floor(x) + 1) * smooth);
  }
  return sum;
}

// Colour of a point of the scene
static const Colour zenith = {{60, 105, 165}}, dawn = {{250, 205, 160}},
                    sun = {{255, 244, 214}}, rock = {{38, 50, 62}},
                    haze = {{196, 178, 172}}, water = {{24, 48, 66}};

static Colour above_water(RandomKey key, double x, double y) {
  Colour colour = blend(zenith, dawn, pow(fmin(1, y / 0.62), 1.6));
  double dx = x - 0.68, dy = y - 0.33, near = exp(-60 * (dx * dx + dy * dy));
  colour = blend(colour, sun, dx * dx + dy * dy < 0.003 ? 1 : 0.8 * near);
  for (uint64_t ridge = 0; ridge < 4; ridge++) {
    RandomKey own = random_subkey(key, ridge);
    double far = 1 - (double)ridge / 3;
    double crest = 0.30 + 0.09 * (double)ridge +
                   (0.34 - 0.05 * (double)ridge) * (1 - curve(own, 3 * x)) * 0.8;
    if (y < crest) continue;
    double shade = 0.5 * curve(random_subkey(own, 50), 14 * (x + 0.5 * y));
    colour = blend(blend(rock, haze, 0.25 + 0.6 * far), rock, 0.6 * shade);
    colour = blend(colour, haze, fmin(0.5, 2.2 * (y - crest)));
  }
  return colour;
}

static Colour scene(RandomKey key, double x, double y) {
  const double shore = 0.68;
  if (y < shore) return above_water(key, x, y);
  double depth = y - shore;
  double ripple = sin(900 * depth / (1 + 6 * depth)) * 0.012 * (0.3 + 4 * depth);
  Colour mirrored = above_water(key, fabs(x + ripple), shore - 1.15 * depth);
  return blend(mirrored, water, 0.35 + 0.6 * depth);
}

Image landscape_draw(int side, uint64_t seed) {
  RandomKey key = random_key(seed, "landscape");
  Image image = image_new(side, side, 3, 0);
  for (int i = 0; i < side * side; i++) {
    double x = (i % side + 0.5) / side, y = (double)(i / side) / side;
    Colour colour = scene(key, x, y);
    double grain = 4 * (random_uniform(random_subkey(key, 99), (uint64_t)i) - 0.5);
    for (int c = 0; c < 3; c++)
      image.pixels[3 * i + c] =
          (uint8_t)fmin(255, fmax(0, colour.part[c] + grain));
  }
  return image;
}
