/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "eval/predictions.h"
#include "models/vit.h"
#include "train/shuffle.h"
#include "train/trainer.h"

/* Training of a ViT to name the classes of pictures. What is marked `given` is set by
   the caller before classify_task; all of it stays the caller's. */
typedef struct Classify {
  const Dataset *train, *test; /* given */
  Vit vit;                     /* given */
  Augment augment;             /* given */
  double smoothing;            /* given: of labels */
  uint64_t seed;               /* given */
  int batch;                   /* given */
  Shuffle shuffle;
  Predictions predictions; /* at the last evaluation */
} Classify;

/* The task for the trainer; metric: accuracy. End with classify_end. */
Task classify_task(Classify *c);
void classify_end(Classify *c);
