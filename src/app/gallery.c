/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "app/gallery.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "kernels/dot.h"
#include "tensor/losses.h"

enum { GAP = 4 };

// Predict all pictures
enum { CHUNK = 200 };

static Tensor *images_tensor(Tape *tape, const Dataset *data, const int *index,
                             int count, int *labels) {
  Tensor *images = tape_tensor(
      tape, "images", SHAPE(count, data->channels, data->height, data->width));
  dataset_batch(data, index, count, (Augment){0}, (RandomKey){0}, images->value,
                labels);
  return images;
}

/* What the logits of n pictures, the first of them number `at`, say. */
static void record_logits(Tape *tape, Predictions *p, int at, const Tensor *logits,
                          const int *labels) {
  int n = tensor_rows(logits), classes = tensor_last(logits);
  real *losses = tape_memory(tape, (size_t)n * sizeof *losses);
  real *p_of_class = tape_memory(tape, tensor_size(logits) * sizeof *p_of_class);
  cross_entropy_forward(losses, p_of_class, logits->value, labels, 0, n, classes);
  for (int i = 0; i < n; i++) {
    p->losses[at + i] = (double)losses[i];
    p->predicted[at + i] = largest_of_row(logits->value + i * classes, classes);
    p->correct += p->predicted[at + i] == labels[i];
  }
}

Predictions predictions_make(Tape *tape, const Vit *vit, const Dataset *data,
                             int batch) {
  size_t count = (size_t)data->count;
  int chunk = batch < CHUNK ? batch : CHUNK;
  Predictions p =
      {allocate(count, sizeof *p.predicted), allocate(count, sizeof *p.losses),
                   0, 0};
  for (int at = 0; at < data->count; at += chunk) {
    int n = data->count - at < chunk ? data->count - at : chunk;
    int index[CHUNK], labels[CHUNK];
    for (int i = 0; i < n; i++) index[i] = at + i;
    tape_reset(tape, (RandomKey){0});
    Tensor *logits = vit_forward(tape, vit, images_tensor(tape, data, index, n, labels));
    record_logits(tape, &p, at, logits, labels);
  }
  for (int i = 0; i < data->count; i++) p.loss += p.losses[i] / data->count;
  return p;
}

void predictions_free(Predictions *p) {
  free(p->predicted);
  free(p->losses);
}

// Put pictures in a grid
static Image grid_new(int rows, int columns, int side, int channels) {
  return image_new(columns * (side + GAP) + GAP, rows * (side + GAP) + GAP, channels,
                   255);
}

static void grid_put(Image *grid, const Image *tile, int row, int column, int side) {
  image_paste(grid, tile, GAP + column * (side + GAP), GAP + row * (side + GAP),
              side / tile->width);
}

static Image picture(const Dataset *data, int index) {
  Image image = image_new(data->width, data->height, data->channels, 0);
  memcpy(image.pixels, dataset_image(data, index), dataset_image_size(data));
  return image;
}

/* n x n values as greys: low black, high white. */
static Image grey_map(const real *values, int n, real low, real high) {
  Image image = image_new(n, n, 1, 0);
  real range = high > low ? high - low : 1;
  for (int i = 0; i < n * n; i++)
    image.pixels[i] = (uint8_t)((values[i] - low) / range * 255 + (real)0.5);
  return image;
}

// Show examples and filters
Image gallery_examples(const Dataset *data) {
  enum { ACROSS = 8 };
  int side = 2 * data->width, column[256] = {0};
  Image grid = grid_new(data->classes, ACROSS, side, data->channels);
  for (int i = 0; i < data->count; i++) {
    int row = data->labels[i];
    if (column[row] == ACROSS) continue;
    Image tile = picture(data, i);
    grid_put(&grid, &tile, row, column[row]++, side);
    image_free(&tile);
  }
  return grid;
}

Image gallery_filters(const Vit *vit) {
  int P = vit->config.patch_size, C = vit->config.channels, size = C * P * P;
  int shown = vit->config.width < 64 ? vit->config.width : 64, side = P * (32 / P + 1);
  Image grid = grid_new((shown + 15) / 16, 16, side, C);
  for (int f = 0; f < shown; f++) {
    const real *w = vit->patch_embed.weight->value + f * size;
    real low = w[0], high = w[0];
    for (int i = 1; i < size; i++) {
      low = w[i] < low ? w[i] : low;
      high = w[i] > high ? w[i] : high;
    }
    real range = high > low ? high - low : 1;
    const real mean[] = {-low / range, -low / range, -low / range};
    const real std[] = {1 / range, 1 / range, 1 / range};
    Image tile = image_from_planes(w, C, P, P, mean, std);
    grid_put(&grid, &tile, f / 16, f % 16, side);
    image_free(&tile);
  }
  return grid;
}

// Show positions
Image gallery_positions(const Vit *vit) {
  int n = vit->config.image_size / vit->config.patch_size, D = vit->config.width;
  int scale = 64 / n + 1;
  if (!vit->pos_embed) return (Image){0};
  Image grid = grid_new(n, n, n * scale, 1);
  memset(grid.pixels, 0, (size_t)grid.width * (size_t)grid.height); /* black gaps */
  const real *table = vit->pos_embed->value + (vit->tokens - vit->patches) * D;
  real *map = allocate((size_t)(n * n), sizeof *map);
  for (int i = 0; i < n * n; i++) {
    for (int j = 0; j < n * n; j++)
      map[j] = (real)vector_cosine(table + i * D, table + j * D, D);
    Image tile = grey_map(map, n, -1, (real)1.0001);
    grid_put(&grid, &tile, i / n, i % n, n * scale);
    image_free(&tile);
  }
  free(map);
  return grid;
}

// Show attention
/* The mean over heads of what CLS, or the mean token, pays to each patch. */
static void attention_map(real *map, const Vit *vit, const Tensor *weights, int b) {
  int H = vit->config.heads, T = vit->tokens, extra = T - vit->patches;
  memset(map, 0, (size_t)vit->patches * sizeof *map);
  for (int h = 0; h < H; h++)
    for (int t = 0; t < (extra ? 1 : T); t++) {
      const real *row = weights->value + ((size_t)(b * H + h) * T + t) * T;
      for (int i = 0; i < vit->patches; i++) map[i] += row[extra + i];
    }
}

static int first_of_each_class(const Dataset *data, int *index) {
  int count = 0;
  for (int c = 0; c < data->classes; c++)
    for (int i = 0; i < data->count; i++)
      if (data->labels[i] == c) {
        index[count++] = i;
        break;
      }
  return count;
}

Image gallery_attention(const Vit *vit, const Dataset *data) {
  int n = vit->config.image_size / vit->config.patch_size, depth = vit->config.depth;
  int side = 2 * data->width, index[256], labels[256];
  int count = first_of_each_class(data, index);
  Image grid = grid_new(count, depth + 1, side, data->channels);
  Tape *tape = tape_new();
  tape->recording = false;
  Tensor **weights = allocate((size_t)depth, sizeof *weights);
  Tensor *images = images_tensor(tape, data, index, count, labels);
  vit_encode(tape, vit, vit_embed(tape, vit, images), weights);
  real *map = allocate((size_t)vit->patches, sizeof *map);
  for (int b = 0; b < count; b++)
    for (int i = -1; i < depth; i++) {
      real high = 0;
      if (i >= 0) attention_map(map, vit, weights[i], b);
      for (int k = 0; i >= 0 && k < n * n; k++) high = map[k] > high ? map[k] : high;
      Image tile = i < 0 ? picture(data, index[b]) : grey_map(map, n, 0, high);
      grid_put(&grid, &tile, b, i + 1, side);
      image_free(&tile);
    }
  free(map);
  free(weights);
  tape_free(tape);
  return grid;
}

// Show the worst mistakes
enum { WORST = 24, WORST_ACROSS = 12 };

/* Indices of the wrong pictures with the largest losses; returns how many. */
static int worst_mistakes(const Predictions *p, const Dataset *data, int *index) {
  int count = 0;
  for (int i = 0; i < data->count; i++) {
    if (p->predicted[i] == data->labels[i]) continue;
    if (count == WORST && p->losses[index[WORST - 1]] >= p->losses[i]) continue;
    int at = count < WORST ? count++ : WORST - 1;
    for (; at > 0 && p->losses[index[at - 1]] < p->losses[i]; at--)
      index[at] = index[at - 1];
    index[at] = i;
  }
  return count;
}

static bool write_picture(const char *folder, const char *name, Image image) {
  return !image.pixels || image_save_in(folder, name, &image);
}

static bool write_mistakes(const char *folder, const Predictions *p,
                           const Dataset *data) {
  char path[1024];
  int index[WORST] = {0}, count = worst_mistakes(p, data, index);
  const int side = 2 * data->width;
  Image grid = grid_new(WORST / WORST_ACROSS, WORST_ACROSS, side, data->channels);
  snprintf(path, sizeof path, "%s/mistakes.tsv", folder);
  FILE *file = file_begin(path);
  for (int i = 0; i < count; i++) {
    Image tile = picture(data, index[i]);
    grid_put(&grid, &tile, i / WORST_ACROSS, i % WORST_ACROSS, side);
    image_free(&tile);
    if (file)
      fprintf(file, "%s\t%s\t%.4f\n", data->class_names[data->labels[index[i]]],
              data->class_names[p->predicted[index[i]]], exp(-p->losses[index[i]]));
  }
  bool good = file && file_commit(file, path);
  if (!good) image_free(&grid);
  return good && write_picture(folder, "mistakes", grid);
}

// Write the gallery
static bool write_confusion(const char *folder, const Predictions *p,
                            const Dataset *data) {
  char path[1024];
  snprintf(path, sizeof path, "%s/confusion.tsv", folder);
  FILE *file = file_begin(path);
  for (int i = 0; file && i < data->classes * data->classes; i++) {
    int label = i / data->classes, predicted = i % data->classes, times = 0;
    for (int k = 0; k < data->count; k++)
      times += data->labels[k] == label && p->predicted[k] == predicted;
    fprintf(file, "%d\t%d\t%d\n", label, predicted, times);
  }
  return file && file_commit(file, path);
}

bool gallery_write(const char *folder, const Vit *vit, const Dataset *data,
                   const Predictions *p) {
  return write_confusion(folder, p, data) && write_mistakes(folder, p, data) &&
         write_picture(folder, "examples", gallery_examples(data)) &&
         write_picture(folder, "filters", gallery_filters(vit)) &&
         write_picture(folder, "positions", gallery_positions(vit)) &&
         write_picture(folder, "attention", gallery_attention(vit, data));
}
