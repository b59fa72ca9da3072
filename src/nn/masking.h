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
   key and on names[b] (NULL: b). 0 <= ratio < 1. The lists are the tape's memory.
   Source: MAE, section 3. */
Masking masking_random(Tape *tape, int images, int patches, double ratio,
                       RandomKey key, const int *example_ids);

/* How many patches of image b are hidden. */
int masking_hidden(const Masking *mask, int b);
