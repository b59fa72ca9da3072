/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Resized by `scale` (2: twice as large) and turned by `turn` degrees
   clockwise about its middle, after a shift; and mirrored at last. */
typedef struct Warp {
  int down, right; /* in pixels */
  bool flip;
  double rotation, scale;
} Warp;

/* to[height][width][channels <= 3] = the warped picture `from`. Bilinear; what lies
   outside is `ground`. Without turn and scale 1 every pixel is a copy. */
void warp_picture(uint8_t *to, const uint8_t *from, int height, int width,
                  int channels, Warp warp, uint8_t fill);

/* In place: distance of each pixel from its own grey times saturation, then
   from the picture's mean times contrast, then all times brightness; rounded and
   cut to 0..255. All factors 1: nothing changes. */
void colour_jitter(uint8_t *pixels, int count, int channels, double brightness,
                   double contrast, double saturation);
