/* Tangled from chapters/10-eva.nw: edit that, not this. */
#include "nn/block_masking.h"

#include <assert.h>
#include <math.h>

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
