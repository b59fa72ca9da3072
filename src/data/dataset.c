/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/dataset.h"

#include <string.h>
#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "data/image.h"
#include "data/warp.h"

void dataset_free(Dataset *data) {
  free(data->pixels), free(data->labels);
  *data = (Dataset){0};
}

size_t dataset_image_size(const Dataset *data) {
  return (size_t)data->channels * (size_t)data->height * (size_t)data->width;
}

const uint8_t *dataset_image(const Dataset *data, int index) {
  assert(index >= 0 && index < data->count);
  return data->pixels + (size_t)index * dataset_image_size(data);
}

void dataset_measure(Dataset *data) {
  size_t pixels = (size_t)data->count * (size_t)data->height * (size_t)data->width;
  for (int c = 0; c < data->channels; c++) {
    double times[256] = {0}, mean = 0, squares = 0;
    for (size_t i = 0; i < pixels; i++) times[data->pixels[i * data->channels + c]]++;
    for (int v = 0; v < 256; v++) mean += times[v] * v / 255 / (double)pixels;
    for (int v = 0; v < 256; v++)
      squares += times[v] * (v / 255.0 - mean) * (v / 255.0 - mean) / (double)pixels;
    data->mean[c] = (real)mean;
    data->std[c] = (real)(squares > 0 ? sqrt(squares) : 1);
  }
}

void dataset_normalize_with(Dataset *data, const real *mean, const real *std) {
  memcpy(data->mean, mean, sizeof data->mean);
  memcpy(data->std, std, sizeof data->std);
}

// Move a picture
static void shift_picture(uint8_t *to, const uint8_t *from, const Dataset *data,
                          Warp warp, uint8_t fill) {
  int H = data->height, W = data->width, C = data->channels;
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      int v = y - warp.down, u = (warp.flip ? W - 1 - x : x) - warp.right;
      bool inside = v >= 0 && v < H && u >= 0 && u < W;
      for (int c = 0; c < C; c++)
        to[(y * W + x) * C + c] = inside ? from[(v * W + u) * C + c] : fill;
    }
}

static Warp random_warp(Augment augment, RandomKey key) {
  int range = 2 * augment.shift + 1;
  double size = augment.scale > 1 ? log(augment.scale) : 0;
  return (Warp){.down = random_below(key, 0, range) - augment.shift,
                .right = random_below(key, 1, range) - augment.shift,
                .flip = augment.flip && random_below(key, 2, 2),
                .rotation = augment.rotation * (2 * random_uniform(key, 3) - 1),
                .scale = exp(size * (2 * random_uniform(key, 4) - 1))};
}

static void move_picture(uint8_t *to, const uint8_t *from, const Dataset *data,
                         Augment augment, RandomKey key) {
  Warp warp = random_warp(augment, key);
  if (augment.rotation > 0 || augment.scale > 1)
    warp_picture(to, from, data->height, data->width, data->channels, warp, augment.fill);
  else shift_picture(to, from, data, warp, augment.fill);
  if (augment.colour > 0) {
    double factor[3];
    for (int i = 0; i < 3; i++)
      factor[i] = 1 + augment.colour * (2 * random_uniform(key, (uint64_t)(5 + i)) - 1);
    colour_jitter(to, data->height * data->width, data->channels, factor[0], factor[1],
                  factor[2]);
  }
}

static bool is_moved(Augment augment) {
  return augment.shift || augment.flip || augment.rotation > 0 || augment.scale > 1 ||
         augment.colour > 0;
}

// Make a batch
void dataset_batch(const Dataset *data, const int *index, int count,
                   Augment augment, RandomKey key, real *images, int *labels) {
  size_t size = dataset_image_size(data);
  assert(size <= DATASET_MAX_IMAGE);
#pragma omp parallel
  {
    uint8_t *moved = is_moved(augment) ? allocate(size, 1) : NULL;
#pragma omp for
    for (int i = 0; i < count; i++) {
      const uint8_t *pixels = dataset_image(data, index[i]);
      if (moved)
        move_picture(moved, pixels, data, augment,
                     random_subkey(key, (uint64_t)index[i]));
      image_normalize(images + (size_t)i * size, moved ? moved : pixels, data->channels,
                      data->height, data->width, data->mean, data->std);
      if (labels) labels[i] = data->labels[index[i]];
    }
    free(moved);
  }
}
