/* Tangled from chapters/09-clip.nw: edit that, not this. */
#ifndef PAIR_EMBEDDINGS_H
#define PAIR_EMBEDDINGS_H
#include <stdio.h>

#include "data/pairs.h"
#include "eval/recall.h"

/* Unit vectors [count][embed] of pictures and of their first captions. Pairs whose
   captions read the same share a group. Owns its arrays. */
typedef struct PairVectors {
  int count, embed, *groups;
  real *image, *text;
} PairVectors;

PairVectors pair_vectors(const Clip *clip, const Tokenizer *tokenizer,
                         const Pairs *pairs);
void pair_vectors_free(PairVectors *vectors);

/* Write how well pictures find their captions and captions their pictures, as lines
   NAME_to_text_r1 TAB share, ... NAME_to_image_median TAB rank. */
void pair_vectors_recall(const PairVectors *vectors, const char *name, FILE *file);
#endif
