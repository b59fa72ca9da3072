/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#include "nn/patch_dropout.h"

#include <assert.h>

#include "tensor/layers.h"

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
