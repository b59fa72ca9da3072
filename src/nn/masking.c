/* Tangled from chapters/09-mae.nw: edit that, not this. */
#include "nn/masking.h"

#include <assert.h>
#include <math.h>

#include "tensor/layers.h"

Masking masking_random(Tape *tape, int images, int patches, double ratio,
                       RandomKey key, const int *example_ids) {
  assert(ratio >= 0 && ratio < 1);
  const int some = (int)(patches * (1 - ratio) + 1e-9), kept = some > 1 ? some : 1;
  Masking m = {images, patches, kept,
               tape_memory(tape, (size_t)images * kept * sizeof(int)),
               tape_memory(tape, (size_t)images * patches * sizeof(int))};
  int *order = tape_memory(tape, (size_t)patches * sizeof *order);
  for (int b = 0; b < images; b++) {
    const RandomKey own =
        random_subkey(key, (uint64_t)(example_ids ? example_ids[b] : b));
    random_permutation(own, order, patches);
    for (int i = 0; i < patches; i++) {
      m.restore[b * patches + order[i]] = i < kept ? i : -1;
      if (i < kept) m.keep[b * kept + i] = order[i];
    }
  }
  return m;
}
int masking_hidden(const Masking *mask, int b) {
  int hidden = 0;
  for (int t = 0; t < mask->patches; t++)
    hidden += mask->restore[b * mask->patches + t] < 0;
  return hidden;
}

/* A grid of patches of which some are hidden, and where its random numbers come
   from. */
typedef struct Grid {
  int rows, columns, least;
  int *restore;
  RandomKey key;
  uint64_t drawn;
} Grid;

enum { ATTEMPTS = 10 };
static const double most_upright = 1 / 0.3;

// Hide one rectangle
static double draw(Grid *g, double low, double high) {
  return low + (high - low) * random_uniform(g->key, g->drawn++);
}

/* How many patches of a rectangle are still visible; they are hidden if `hide`. */
static int sweep(Grid *g, int top, int left, int height, int width, bool hide) {
  int count = 0;
  for (int y = top; y < top + height; y++)
    for (int x = left; x < left + width; x++) {
      int *place = &g->restore[y * g->columns + x];
      count += *place >= 0;
      if (hide) *place = -1;
    }
  return count;
}

/* Returns how many patches that has hidden; none if ten rectangles did not fit. */
static int hide_rectangle(Grid *g, int room) {
  for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
    const double area = draw(g, g->least, room);
    const double shape = exp(draw(g, -log(most_upright), log(most_upright)));
    const int height = (int)lround(sqrt(area * shape));
    const int width = (int)lround(sqrt(area / shape));
    if (height < 1 || width < 1 || height >= g->rows || width >= g->columns) continue;
    const int top = random_below(g->key, g->drawn++, g->rows - height + 1);
    const int left = random_below(g->key, g->drawn++, g->columns - width + 1);
    const int fresh = sweep(g, top, left, height, width, false);
    if (fresh > 0 && fresh <= room) return sweep(g, top, left, height, width, true);
  }
  return 0;
}

Masking masking_blocks(Tape *tape, int images, int rows, int columns, double ratio,
                       RandomKey key, const int *example_ids) {
  const int patches = rows * columns, wanted = (int)lround(patches * ratio);
  Masking m = {images, patches, patches, NULL,
               tape_memory(tape, (size_t)images * patches * sizeof(int))};
  assert(ratio > 0 && ratio < 1);
  for (int b = 0; b < images; b++) {
    Grid grid = {rows, columns, patches / 16 > 1 ? patches / 16 : 1,
                 m.restore + b * patches,
                 random_subkey(key, (uint64_t)(example_ids ? example_ids[b] : b)), 0};
    for (int t = 0; t < patches; t++) grid.restore[t] = t;
    int room = wanted, hidden;
    while (room > 0 && (hidden = hide_rectangle(&grid, room)) > 0) room -= hidden;
    if (room == wanted) /* nothing fitted, or nothing was wanted: a patch in any case */
      grid.restore[random_below(grid.key, grid.drawn++, patches)] = -1;
  }
  return m;
}

void masking_in_place(Masking *m) {
  for (int i = 0; i < m->images * m->patches; i++)
    if (m->restore[i] >= 0) m->restore[i] = i % m->patches;
  m->keep = NULL;
  m->kept = m->patches;
}

Masking masking_all(Tape *tape, int images, int patches) {
  Masking m = {images, patches, patches, NULL,
               tape_memory(tape, (size_t)images * patches * sizeof(int))};
  for (int i = 0; i < images * patches; i++) m.restore[i] = -1;
  return m;
}

Tensor *patch_dropout(Tape *tape, Tensor *x, double rate, int extra, int **positions) {
  const int B = x->shape.size[0], N = x->shape.size[1] - extra;
  assert(rate >= 0 && rate < 1);
  *positions = NULL;
  if (!tape->training || rate == 0) return x;
  const int some = (int)(N * (1 - rate) + 1e-9), kept = extra + (some > 1 ? some : 1);
  const RandomKey key = tape_key(tape);
  int *index = tape_memory(tape, (size_t)B * kept * sizeof *index);
  int *order = tape_memory(tape, (size_t)N * sizeof *order);
  *positions = tape_memory(tape, (size_t)B * kept * sizeof **positions);
  // Draw what each image keeps
  for (int b = 0; b < B; b++) {
    random_permutation(random_subkey(key, (uint64_t)b), order, N);
    for (int t = 0; t < kept; t++) {
      const int patch = t < extra ? -1 : order[t - extra];
      (*positions)[b * kept + t] = patch;
      index[b * kept + t] = t < extra ? t : extra + patch;
    }
  }
  return gather_tokens(tape, x, index, kept);
}
