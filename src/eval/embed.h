/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include <stdio.h>

#include "data/pairs.h"
#include "eval/recall.h"
#include "models/clip.h"

/* Unit vectors[count][E] of all pictures of a data set (with labels or without), and of
   texts. The tape must not be recording; it is reset. */
void embed_images(const Clip *clip, Tape *tape, const Dataset *data, real *vectors);
void embed_texts(const Clip *clip, Tape *tape, const Tokenizer *tokenizer,
                 const char *const *texts, int count, real *vectors);

/* Unit vectors [count][embed] of pictures and of their first captions. Pairs whose
   captions read the same share a group. Owns its arrays. */
typedef struct PairEmbeddings {
  int count, embed, *groups;
  real *image, *text;
} PairEmbeddings;

PairEmbeddings pair_embeddings(const Clip *clip, const Tokenizer *tokenizer,
                               const Pairs *pairs);
void pair_embeddings_free(PairEmbeddings *vectors);

/* Write how well pictures find their captions and captions their pictures, as lines
   NAME_to_text_r1 TAB share, ... NAME_to_image_median TAB rank. */
void pair_embeddings_recall(const PairEmbeddings *vectors, const char *name, FILE *file);
