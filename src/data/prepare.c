/* Tangled from chapters/17-published.nw: edit that, not this. */
#include "data/prepare.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static double kernel(ResizeFilter filter, double t) {
  t = fabs(t);
  if (filter == FILTER_BILINEAR) return t < 1 ? 1 - t : 0;
  if (t < 1) return (1.5 * t - 2.5) * t * t + 1;
  return t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/* The pixels of a side of `length` that pixel j of one of `to` is made of: from first,
   `count` of them, and their weights, in units of 2^-FRACTION, which sum to one. */
enum { FRACTION = 22 };
typedef struct Taps {
  int first, count;
  double *share;
  int *weight;
} Taps;

static void find_taps(Taps *taps, ResizeFilter filter, int length, int to, int j) {
  const double ratio = (double)length / to, stretch = ratio > 1 ? ratio : 1;
  const double reach = stretch * (filter == FILTER_BICUBIC ? 2 : 1);
  const double center = (j + 0.5) * ratio;
  const int begin = (int)(center - reach + 0.5), end = (int)(center + reach + 0.5);
  double sum = 0;
  taps->first = begin > 0 ? begin : 0;
  taps->count = (end < length ? end : length) - taps->first;
  for (int i = 0; i < taps->count; i++)
    sum += taps->share[i] = kernel(filter, (taps->first + i + 0.5 - center) / stretch);
  for (int i = 0; i < taps->count; i++)
    taps->weight[i] = (int)round(taps->share[i] / sum * (1 << FRACTION));
}

/* What is wanted of a side: `count` pixels from `first`, as if it had been scaled to
   `to` pixels. */
typedef struct Window {
  int to, first, count;
} Window;

static uint8_t *resize_axis(const uint8_t *from, int outer, int length, int inner,
                            Window window, ResizeFilter filter) {
  uint8_t *out = allocate((size_t)outer * (size_t)window.count * (size_t)inner, 1);
  Taps taps = {.share = allocate((size_t)length, sizeof *taps.share),
               .weight = allocate((size_t)length, sizeof *taps.weight)};
  for (int j = 0; j < window.count; j++) {
    find_taps(&taps, filter, length, window.to, window.first + j);
    for (int o = 0; o < outer; o++) {
      const uint8_t *x = from + ((size_t)o * length + taps.first) * inner;
      uint8_t *y = out + ((size_t)o * window.count + j) * inner;
      for (int k = 0; k < inner; k++) {
        int64_t sum = 1 << (FRACTION - 1); /* which rounds */
        for (int i = 0; i < taps.count; i++)
          sum += (int64_t)taps.weight[i] * x[(size_t)i * inner + k];
        const int64_t level = sum >> FRACTION;
        y[k] = (uint8_t)(level < 0 ? 0 : level < 255 ? level : 255);
      }
    }
  }
  free(taps.share), free(taps.weight);
  return out;
}

static Image resize_part(const Image *image, Window x, Window y, ResizeFilter filter) {
  const int C = image->channels;
  uint8_t *rows = resize_axis(image->pixels, image->height, image->width, C, x, filter);
  Image out = {x.count, y.count, C,
               resize_axis(rows, 1, image->height, x.count * C, y, filter)};
  free(rows);
  return out;
}

Image image_resize(const Image *image, int width, int height, ResizeFilter filter) {
  assert(width > 0 && height > 0);
  return resize_part(image, (Window){width, 0, width}, (Window){height, 0, height},
                     filter);
}

/* The middle of a side of `length` pixels. */
static Window middle_of(const Preparation *how, int length, int shorter) {
  const int shown = how->shown ? how->shown : how->size;
  if (!how->shorter) return (Window){how->size, 0, shown};
  const int to = (int)((double)how->shorter * length / shorter), over = to - how->size;
  assert(over >= 0);
  return (Window){to, how->rounded ? (int)nearbyint(over / 2.) : over / 2, shown};
}

Image prepare_pixels(const Preparation *how, const Image *image) {
  const int shorter = image->width < image->height ? image->width : image->height;
  return resize_part(image, middle_of(how, image->width, shorter),
                     middle_of(how, image->height, shorter), how->filter);
}

void prepare_image(const Preparation *how, const Image *image, real *planes) {
  Image pixels = prepare_pixels(how, image);
  image_normalize(planes, pixels.pixels, pixels.channels, pixels.height, pixels.width,
                  how->mean, how->std);
  image_free(&pixels);
}

bool prepare_file(const Preparation *how, const char *path, real *planes) {
  Image image;
  if (!image_load_opaque(&image, path)) return false;
  prepare_image(how, &image, planes);
  image_free(&image);
  return true;
}
static void resize_line(real *to, int to_count, const real *from, int from_count,
                        size_t length) {
  Taps taps = {.share = allocate((size_t)from_count, sizeof *taps.share),
               .weight = allocate((size_t)from_count, sizeof *taps.weight)};
  for (int j = 0; j < to_count; j++) {
    real *y = to + (size_t)j * length;
    double sum = 0;
    find_taps(&taps, FILTER_BICUBIC, from_count, to_count, j);
    for (int i = 0; i < taps.count; i++) sum += taps.share[i];
    for (size_t k = 0; k < length; k++) {
      double y_k = 0;
      for (int i = 0; i < taps.count; i++)
        y_k += taps.share[i] / sum * (double)from[(size_t)(taps.first + i) * length + k];
      y[k] = (real)y_k;
    }
  }
  free(taps.share), free(taps.weight);
}

void resize_numbers(real *to, int to_side, const real *from, int from_side, int length) {
  const size_t from_row = (size_t)from_side * length, to_row = (size_t)to_side * length;
  real *rows = allocate((size_t)from_side * to_row, sizeof *rows);
  for (int r = 0; r < from_side; r++)
    resize_line(rows + (size_t)r * to_row, to_side, from + (size_t)r * from_row,
                from_side, (size_t)length);
  resize_line(to, to_side, rows, from_side, to_row);
  free(rows);
}
