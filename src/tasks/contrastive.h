/* Tangled from chapters/09-clip.nw: edit that, not this. */
#ifndef CONTRASTIVE_H
#define CONTRASTIVE_H
#include "data/pairs.h"
#include "models/clip.h"
#include "train/shuffle.h"
#include "train/trainer.h"

/* A pair of a batch: the picture, for the how manieth time it is in the batch, which
   of the captions was drawn, and how many tokens that has. */
typedef struct Example {
  int place, picture, again, caption, tokens;
} Example;

/* Training of a dual encoder on pictures with captions. What is marked `given` is
   set by the caller before matching_begin; all of it stays his. */
typedef struct Matching {
  const Pairs *train, *test; /* given */
  const Tokenizer *tokenizer; /* given */
  Params *params;             /* given, filled */
  Clip clip;                  /* given */
  Augment augment;            /* given */
  uint64_t seed;              /* given */
  int batch;                  /* given */
  int repeat;                 /* given: each picture of a batch stands in it so often,
                                 in other views, with other captions; 0: once */
  bool all_true;              /* given: a text is true of all pictures that have it as
                                 a caption (Chapter 12), not only of its own */
  int *ids;                   /* of all captions of `train`, [..][context] */
  int *lengths;               /* how many of them count */
  int *same[2];               /* if all_true, of train and test: the number of the
                                 first caption that reads the same, for each */
  Shuffle shuffle;
  int step;
  Example *example;           /* [batch], of this step, those of few tokens first */
} Matching;

/* Turn captions into tokens; give what was made back. */
void matching_begin(Matching *m);
void matching_end(Matching *m);

/* The task for the trainer: loss and share of matches found within the batch;
   extras: logit_scale, the gradient norms of both towers, and logit_bias if there is
   one. Evaluation: the same
   on the test pairs, `batch` at a time, each with its first caption; what fills no
   batch is left out. */
Task matching_task(Matching *m);
#endif
