/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/prompts.h"
#include "models/vlm.h"
#include "train/shuffle.h"
#include "train/trainer.h"

/* One of a batch: the picture, its prompt, and how many tokens that has. */
typedef struct CaptionExample {
  int picture, prompt, tokens;
} CaptionExample;

/* Training of a vision-language model to answer. What is marked `given` is set by the
   caller before caption_begin; all of it stays the caller's. */
typedef struct Caption {
  const Prompts *train, *test; /* given */
  const Tokenizer *tokenizer;  /* given */
  Vlm vlm;                     /* given */
  Augment augment;             /* given */
  double captions;             /* given: so large a part of the prompts are captions */
  uint64_t seed;               /* given */
  int batch;                   /* given */
  int *ids;      /* of all prompts of `train`, [..][room] */
  VlmText *text; /* of each */
  int truncated; /* prompts that are longer than there is room */
  bool remembers;   /* what the encoder says of each training picture, */
  Tensor *features; /* from the first step on; or NULL */
  Tape *memory;     /* where they are */
  Shuffle shuffle;
  CaptionExample *example; /* [batch], of this step, those of few tokens first */
  int tokens;              /* of answers, in the whole batch */
} Caption;

/* Turn prompts into tokens. If the encoder is frozen and pictures are not augmented, what
   it says of each is computed once, when the first step begins: a run that is resumed has
   its own encoder by then. Give what was made back. */
void caption_begin(Caption *c);
void caption_end(Caption *c);

/* The task for the trainer: the mean loss over all tokens of a batch's answers; metric:
   the part of answers that are right. Evaluation: the same for all prompts of at most
   200 test pictures. */
Task caption_task(Caption *c);
