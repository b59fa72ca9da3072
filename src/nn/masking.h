/* Tangled from chapters/09-mae.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* Which of the patches of some images a network sees. */
typedef struct Masking {
  int images, patches, kept; /* of each image */
  int *keep;    /* [images][kept]: the visible patches */
  int *restore; /* [images][patches]: place in keep, or -1 if hidden */
} Masking;

/* Keep floor(patches (1 - ratio)) patches of each image, at least one: the
   first of them in a random order. The draw for image b depends on the
   key and on example_ids[b] (NULL: b). 0 <= ratio < 1. The lists are the tape's memory.
   Source: MAE, section 3. */
Masking masking_random(Tape *tape, int images, int patches, double ratio,
                       RandomKey key, const int *example_ids);

/* How many patches of image b are hidden. */
int masking_hidden(const Masking *mask, int b);

/* Hide rectangles of patches until a fraction `ratio` of each image's grid of rows x
   columns is hidden, rounded; sometimes a few less, but at least one. In place: keep
   is NULL, kept is rows * columns, restore[b][t] is t or, if hidden, -1. Rectangles
   are drawn with an area of one patch in 16 or more, where there is still so much to
   hide, and height over width from 0.3 to 1/0.3, then rounded. The draw for image b
   depends on the key and on example_ids[b] (NULL: b). Source: BEiT's masks as
   EVA's code has them. */
Masking masking_blocks(Tape *tape, int images, int rows, int columns, double ratio,
                       RandomKey key, const int *example_ids);

/* Change a mask that takes patches out into one that leaves them in place. */
void masking_in_place(Masking *mask);

/* Hide every patch, in place: all are to be predicted. */
Masking masking_all(Tape *tape, int images, int patches);

/* In training, of x[B][T][C] the first `extra` tokens and max(1, floor(N (1 -
   rate))) of the other N, drawn for each image: [B][kept][C]. *positions becomes the
   patch that each kept token is, or -1 for an extra one, [B][kept], the tape's
   memory. Otherwise, or with rate 0, x itself and NULL. Source: EVA-CLIP's code. */
Tensor *patch_dropout(Tape *tape, Tensor *x, double rate, int extra, int **positions);
