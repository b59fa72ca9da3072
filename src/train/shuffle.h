/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once
#include <stdint.h>

/* The order in which `count` examples come. */
typedef struct Shuffle {
  int count, epoch;
  int *order;       /* [count], of this epoch */
  const int *batch; /* the examples of this step, in `order` */
} Shuffle;

Shuffle shuffle_new(int count);
void shuffle_free(Shuffle *shuffle);

/* Go to step 0, 1, ...: depends on the seed, the step and the batch size only. */
void shuffle_begin(Shuffle *shuffle, uint64_t seed, int step, int batch);
