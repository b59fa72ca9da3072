/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/gallery.h"

#include <math.h>
#include <string.h>

#include "app/contact_sheet.h"
#include "base/files.h"
#include "base/memory.h"
#include "kernels/dot.h"
#include "nn/image_batch.h"

// Show examples and filters
/* n x n values as greys: low black, high white. */
static Image grey_map(const real *values, int n, real low, real high) {
  Image image = image_new(n, n, 1, 0);
  real range = high > low ? high - low : 1;
  for (int i = 0; i < n * n; i++)
    image.pixels[i] = (uint8_t)((values[i] - low) / range * 255 + (real)0.5);
  return image;
}

Image gallery_examples(const Dataset *data) {
  enum { ACROSS = 8 };
  int side = 2 * data->width, column[256] = {0};
  Image grid = sheet_new(data->classes, ACROSS, side, data->channels);
  for (int i = 0; i < data->count; i++) {
    int row = data->labels[i];
    if (column[row] == ACROSS) continue;
    Image tile = sheet_picture(data, i);
    sheet_put(&grid, tile, row, column[row]++, side);
  }
  return grid;
}

Image gallery_filters(const Vit *vit) {
  int P = vit->config.patch_size, C = vit->config.channels, size = C * P * P;
  int shown = vit->config.width < 64 ? vit->config.width : 64, side = P * (32 / P + 1);
  Image grid = sheet_new((shown + 15) / 16, 16, side, C);
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
    sheet_put(&grid, tile, f / 16, f % 16, side);
  }
  return grid;
}

// Show positions
Image gallery_positions(const Vit *vit) {
  int n = vit->config.image_size / vit->config.patch_size, D = vit->config.width;
  int scale = 64 / n + 1;
  if (!vit->pos_embed) return (Image){0};
  Image grid = sheet_new(n, n, n * scale, 1);
  memset(grid.pixels, 0, (size_t)grid.width * (size_t)grid.height); /* black gaps */
  const real *table = vit->pos_embed->value + (vit->tokens - vit->patches) * D;
  real *map = allocate((size_t)(n * n), sizeof *map);
  for (int i = 0; i < n * n; i++) {
    for (int j = 0; j < n * n; j++)
      map[j] = (real)vector_cosine(table + i * D, table + j * D, D);
    Image tile = grey_map(map, n, -1, (real)1.0001);
    sheet_put(&grid, tile, i / n, i % n, n * scale);
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
  Image grid = sheet_new(count, depth + 1, side, data->channels);
  Tape *tape = tape_no_grad();
  Tensor **weights = allocate((size_t)depth, sizeof *weights);
  Tensor *images = image_batch(tape, data, index, count, (Augment){0},
                               (RandomKey){0}, labels);
  vit_encode(tape, vit, vit_embed(tape, vit, images), weights);
  real *map = allocate((size_t)vit->patches, sizeof *map);
  for (int b = 0; b < count; b++)
    for (int i = -1; i < depth; i++) {
      real high = 0;
      if (i >= 0) attention_map(map, vit, weights[i], b);
      for (int k = 0; i >= 0 && k < n * n; k++) high = map[k] > high ? map[k] : high;
      Image tile = i < 0 ? sheet_picture(data, index[b]) : grey_map(map, n, 0, high);
      sheet_put(&grid, tile, b, i + 1, side);
    }
  free(map), free(weights), tape_free(tape);
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
  char path[PATH_MAX];
  int index[WORST] = {0}, count = worst_mistakes(p, data, index);
  const int side = 2 * data->width;
  Image grid = sheet_new(WORST / WORST_ACROSS, WORST_ACROSS, side, data->channels);
  FILE *file = path_join(path, folder, "mistakes.tsv") ? file_begin(path) : NULL;
  for (int i = 0; i < count; i++) {
    Image tile = sheet_picture(data, index[i]);
    sheet_put(&grid, tile, i / WORST_ACROSS, i % WORST_ACROSS, side);
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
  char path[PATH_MAX];
  FILE *file = path_join(path, folder, "confusion.tsv") ? file_begin(path) : NULL;
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
