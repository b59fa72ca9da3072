/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/label_subset.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"

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
