/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/warp.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

// Warp a picture
/* One pixel, mixed of the four around (u, v), where centres are whole numbers. */
static void mix_pixel(uint8_t *to, const uint8_t *from, int height, int width,
                      int channels, double u, double v, uint8_t fill) {
  double left = floor(u), top = floor(v), value[3] = {0.5, 0.5, 0.5};
  for (int i = 0; i < 4; i++) {
    double x = left + i % 2, y = top + i / 2;
    double fraction = (1 - fabs(u - x)) * (1 - fabs(v - y));
    bool inside = x >= 0 && x < width && y >= 0 && y < height;
    const uint8_t *dot = inside ? from + ((int)y * width + (int)x) * channels : NULL;
    for (int c = 0; c < channels; c++) value[c] += fraction * (dot ? dot[c] : fill);
  }
  for (int c = 0; c < channels; c++) to[c] = (uint8_t)value[c];
}

void warp_picture(uint8_t *to, const uint8_t *from, int height, int width,
                  int channels, Warp warp, uint8_t fill) {
  assert(warp.scale > 0 && channels <= 3);
  double angle = warp.rotation * 3.14159265358979323846 / 180;
  double cosine = cos(angle) / warp.scale, sine = sin(angle) / warp.scale;
  double across = (width - 1) / 2.0, up = (height - 1) / 2.0; /* to the middle */
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      double X = warp.flip ? across - x : x - across, Y = y - up;
      double u = X * cosine + Y * sine + across - warp.right;
      double v = Y * cosine - X * sine + up - warp.down;
      mix_pixel(to, from, height, width, channels, u, v, fill);
      to += channels;
    }
}

// Warp its colours
static double mean_of(const uint8_t *values, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++) sum += values[i];
  return sum / count;
}

void colour_jitter(uint8_t *pixels, int count, int channels, double brightness,
                   double contrast, double saturation) {
  double mean = mean_of(pixels, count * channels);
  for (int i = 0; i < count; i++, pixels += channels) {
    double grey = mean_of(pixels, channels);
    for (int c = 0; c < channels; c++) {
      double value = grey + saturation * (pixels[c] - grey);
      value = brightness * (mean + contrast * (value - mean));
      pixels[c] = (uint8_t)(fmin(255, fmax(0, value)) + 0.5);
    }
  }
}
