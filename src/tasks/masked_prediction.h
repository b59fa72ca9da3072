/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "models/eva.h"
#include "train/shuffle.h"
#include "train/trainer.h"

typedef enum { MASKS_BLOCKS, MASKS_RANDOM, MASKS_NONE } MaskKind;

/* Training of a student on pictures. What is marked `given` is set by the caller
   before masked_prediction_begin; all of it stays his. */
typedef struct MaskedPrediction {
  const Dataset *train, *test; /* given; normalized alike, as the teacher's */
  Eva eva;                     /* given */
  const Clip *teacher;         /* given; may be NULL for pixels */
  MaskKind masks;              /* given; none if and only if the student is unmasked */
  double ratio;                /* given: fraction of patches hidden */
  Augment augment;             /* given */
  uint64_t seed;               /* given */
  int batch;                   /* given */
  double constant; /* for features: the best constant answer's mean cosine */
  Shuffle shuffle;
} MaskedPrediction;

void masked_prediction_begin(MaskedPrediction *p);
void masked_prediction_end(MaskedPrediction *p);

/* The masks of some images, in place; those of step 0 are for evaluation. */
Masking masked_prediction_masks(Tape *tape, const MaskedPrediction *p,
                                const int *example_ids, int count, int step);

/* The task for the trainer; metric: the fraction of a constant answer's error.
   Evaluation: the same on at most 1000 test pictures, always masked alike. */
Task masked_prediction_task(MaskedPrediction *p);
