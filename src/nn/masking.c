/* Tangled from chapters/09-mae.nw: edit that, not this. */
#include "nn/masking.h"

#include <assert.h>

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
