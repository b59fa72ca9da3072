/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/pairs.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

Pairs pairs_new(Dataset pictures) {
  return (Pairs){pictures, allocate((size_t)pictures.count + 1, sizeof(int)), NULL};
}

int pairs_captions(const Pairs *pairs) {
  return pairs->first ? pairs->first[pairs->pictures.count] : 0;
}

void pairs_limit(Pairs *pairs, int count) {
  if (count >= pairs->pictures.count) return;
  for (int i = pairs->first[count]; i < pairs_captions(pairs); i++)
    free(pairs->caption[i]);
  pairs->pictures.count = count;
}

Dataset pairs_take_pictures(Pairs *pairs) {
  const Dataset data = pairs->pictures;
  pairs->pictures.pixels = pairs->pictures.labels = NULL; /* not the pairs' any more */
  pairs_free(pairs);
  return data;
}

void pairs_free(Pairs *pairs) {
  for (int i = 0; i < pairs_captions(pairs); i++) free(pairs->caption[i]);
  free(pairs->caption), free(pairs->first), dataset_free(&pairs->pictures);
  *pairs = (Pairs){.first = NULL};
}

// Add a caption
static void make_room(Pairs *pairs, size_t count) {
  const size_t room = count ? 2 * count : 1;
  if ((count & (count - 1)) == 0) /* a power of two: there is none left */
    pairs->caption = reallocate(pairs->caption, room * sizeof *pairs->caption);
}

void pairs_add(Pairs *pairs, int picture, const char *caption) {
  int *first = pairs->first, n = pairs_captions(pairs);
  assert(picture >= 0 && picture < pairs->pictures.count);
  assert(picture == 0 || first[picture] > first[picture - 1]);
  assert(first[picture + 1] == 0 || first[picture + 1] == n);
  make_room(pairs, (size_t)n);
  pairs->caption[n] = text_copy(caption);
  first[pairs->pictures.count] = first[picture + 1] = n + 1;
}

// Draw a caption
int pairs_draw(const Pairs *pairs, int picture, RandomKey key) {
  int first = pairs->first[picture], count = pairs->first[picture + 1] - first;
  assert(count > 0);
  return first + random_below(key, (uint64_t)picture, count);
}
