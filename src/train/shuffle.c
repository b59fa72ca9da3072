/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/shuffle.h"

#include "base/memory.h"
#include "base/random.h"

Shuffle shuffle_new(int count) {
  return (Shuffle){count, -1, allocate((size_t)count, sizeof(int)), NULL};
}

void shuffle_free(Shuffle *shuffle) {
  free(shuffle->order);
  *shuffle = (Shuffle){0};
}

void shuffle_begin(Shuffle *s, uint64_t seed, int step, int batch) {
  const int per_epoch = s->count / batch, epoch = step / per_epoch;
  if (epoch != s->epoch)
    random_permutation(random_subkey(random_key(seed, "shuffle"), (uint64_t)epoch),
                       s->order, s->count);
  s->epoch = epoch;
  s->batch = s->order + step % per_epoch * batch;
}
