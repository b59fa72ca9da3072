/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/dataset.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/image.h"

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

int dataset_limit(int count, int limit) { return limit ? least(count, limit) : count; }

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

bool augment_moves(Augment augment) {
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
    uint8_t *moved = augment_moves(augment) ? allocate(size, 1) : NULL;
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

bool data_find(char path[PATH_MAX], const char *folder, const char *const *folders,
               const char *const *names, int name_count, const char *const *endings) {
  char file[256];
  for (; *folders; folders++)
    for (int i = 0; i < name_count; i++)
      for (const char *const *end = endings; *end; end++) {
        snprintf(file, sizeof file, "%s%s%s", *folders, names[i], *end);
        if (!path_join(path, folder, file)) return false;
        if (access(path, F_OK) == 0) return true;
        if (errno == EACCES)
          return fail("%s: cannot look into this folder: %s", folder, strerror(errno));
      }
  return fail("%s/%s: expected this file of the data set, found none of that name; "
              "`make data` fetches it, --data-dir names a folder that has it", folder,
              names[0]);
}

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

void label_subset_choose(const int *labels, int count, int classes, int wanted,
                         uint64_t seed, int *chosen) {
  int *order = allocate((size_t)count, sizeof *order), kept = 0;
  int *taken = allocate((size_t)classes, sizeof *taken);
  memset(taken, 0, (size_t)classes * sizeof *taken);
  random_permutation(random_key(seed, "labels"), order, count);
  for (int most = 1; kept < wanted && kept < count; most++)
    for (int i = 0; i < count && kept < wanted; i++) {
      const int from = order[i];
      if (from < 0 || taken[labels[from]] >= most) continue;
      chosen[kept++] = from;
      taken[labels[from]]++;
      order[i] = -1;
    }
  free(order), free(taken);
}

void label_subset_apply(Dataset *data, int wanted, uint64_t seed) {
  if (wanted == 0 || wanted >= data->count) return;
  const size_t size = dataset_image_size(data);
  uint8_t *pixels = allocate((size_t)wanted, size);
  uint8_t *labels = allocate((size_t)wanted, 1);
  int *all = allocate((size_t)data->count, sizeof *all);
  int *chosen = allocate((size_t)wanted, sizeof *chosen);
  for (int i = 0; i < data->count; i++) all[i] = data->labels[i];
  label_subset_choose(all, data->count, data->classes, wanted, seed, chosen);
  for (int i = 0; i < wanted; i++) {
    memcpy(pixels + (size_t)i * size, dataset_image(data, chosen[i]), size);
    labels[i] = data->labels[chosen[i]];
  }
  free(all), free(chosen), free(data->pixels), free(data->labels);
  data->pixels = pixels, data->labels = labels, data->count = wanted;
}
