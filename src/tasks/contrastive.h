/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/pairs.h"
#include "models/clip.h"
#include "train/shuffle.h"
#include "train/trainer.h"

/* A pair of a batch: the picture, which view of it this is within the batch, which
   of the captions was drawn, and how many tokens that has. */
typedef struct Example {
  int index, picture, view, caption, tokens;
} Example;

/* Training of a dual encoder on pictures with captions. What is marked `given` is
   set by the caller before contrastive_begin; all of it stays his. */
typedef struct Contrastive {
  const Pairs *train, *test; /* given */
  const Tokenizer *tokenizer; /* given */
  Params *params;             /* given, filled */
  Clip clip;                  /* given */
  Augment augment;            /* given */
  uint64_t seed;              /* given */
  int batch;                  /* given */
  int repeat;                 /* given: views of each picture in a batch, each with a
                                 caption of its own; 0: one */
  bool ring;                  /* given: texts go around a ring of shards (tasks/ring.h) */
  bool multi_positive;        /* given: a text is a positive of every picture that has
                                 it as a caption, not only of its own */
  int *ids;                   /* of all captions of `train`, [..][context] */
  int *lengths;               /* how many of them count */
  int truncated;              /* captions that are longer than the context */
  int *caption_id[2];         /* if multi_positive, of train and test: equal where two
                                 captions read the same */
  Shuffle shuffle;
  int step;
  Example *example;           /* [batch], of this step, those of few tokens first */
} Contrastive;

/* Turn captions into tokens; give what was made back. */
void contrastive_begin(Contrastive *m);
void contrastive_end(Contrastive *m);

/* The task for the trainer: loss and fraction of matches found within the batch;
   extras: logit_scale, the gradient norms of both encoders, and logit_bias if there is
   one. Evaluation: the same
   on the test pairs, `batch` at a time, each with its first caption; what fills no
   batch is left out. */
Task contrastive_task(Contrastive *m);
