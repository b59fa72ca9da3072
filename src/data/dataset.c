/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>

#include "data/image.h"

void dataset_free(Dataset *data) {
  free(data->pixels);
  free(data->labels);
  *data = (Dataset){0};
}

size_t dataset_image_size(const Dataset *data) {
  return (size_t)data->channels * (size_t)data->height * (size_t)data->width;
}

const uint8_t *dataset_image(const Dataset *data, int index) {
  return data->pixels + (size_t)index * dataset_image_size(data);
}

void dataset_measure(Dataset *data) {
  size_t dots = (size_t)data->count * (size_t)data->height * (size_t)data->width;
  for (int c = 0; c < data->channels; c++) {
    double times[256] = {0}, mean = 0, squares = 0;
    for (size_t i = 0; i < dots; i++) times[data->pixels[i * data->channels + c]]++;
    for (int v = 0; v < 256; v++) mean += times[v] * v / 255 / (double)dots;
    for (int v = 0; v < 256; v++)
      squares += times[v] * (v / 255.0 - mean) * (v / 255.0 - mean) / (double)dots;
    data->mean[c] = (real)mean;
    data->deviation[c] = (real)(squares > 0 ? sqrt(squares) : 1);
  }
}

// Move a picture
static void move_picture(uint8_t *to, const uint8_t *from, const Dataset *data,
                         int down, int right, bool flip) {
  int H = data->height, W = data->width, C = data->channels;
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++) {
      int v = y - down, u = (flip ? W - 1 - x : x) - right;
      bool inside = v >= 0 && v < H && u >= 0 && u < W;
      for (int c = 0; c < C; c++)
        to[(y * W + x) * C + c] = inside ? from[(v * W + u) * C + c] : 0;
    }
}

// Make a batch
void dataset_batch(const Dataset *data, const int *index, int count,
                   Augment augment, RandomKey key, real *images, int *labels) {
  enum { LARGEST = 3 * 64 * 64 };
  size_t size = dataset_image_size(data);
  bool moves = (augment.shift || augment.flip) && size <= LARGEST;
#pragma omp parallel for
  for (int i = 0; i < count; i++) {
    uint8_t moved[LARGEST];
    const uint8_t *pixels = dataset_image(data, index[i]);
    RandomKey own = random_subkey(key, (uint64_t)i);
    if (moves) {
      int range = 2 * augment.shift + 1;
      move_picture(moved, pixels, data, random_below(own, 0, range) - augment.shift,
                   random_below(own, 1, range) - augment.shift,
                   augment.flip && random_below(own, 2, 2));
      pixels = moved;
    }
    image_normalize(images + (size_t)i * size, pixels, data->channels, data->height,
                    data->width, data->mean, data->deviation);
    labels[i] = data->labels[index[i]];
  }
}
