/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "models/mae.h"
#include "train/shuffle.h"
#include "train/trainer.h"

/* Training of an autoencoder to fill in hidden patches. What is marked `given` is set
   by the caller before reconstruct_task; all of it stays the caller's. */
typedef struct Reconstruct {
  const Dataset *train, *test; /* given */
  Mae mae;                     /* given */
  double ratio;                /* given: fraction of patches hidden */
  Augment augment;             /* given */
  uint64_t seed;               /* given */
  int batch;                   /* given */
  bool (*evaluated)(void *state, int step); /* given: see Task; or NULL */
  void *state;                 /* given: what evaluated is called with */
  Shuffle shuffle;
} Reconstruct;

/* The task for the trainer; metric: the error as a fraction of that of predicting zero,
   normalized_error. Evaluation: the same on at most 1000 test pictures, always masked
   alike. End with reconstruct_end. */
Task reconstruct_task(Reconstruct *r);
void reconstruct_end(Reconstruct *r);
