/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"

/* Pictures with captions: those of picture i are caption[first[i]] up to
   caption[first[i + 1] - 1]. Owns everything but pictures.class_names. */
typedef struct Pairs {
  Dataset pictures;
  int *first;      /* [count + 1] */
  char **caption;  /* [first[count]], each ends with a zero */
} Pairs;

/* Take over pictures, none of which has a caption yet. */
Pairs pairs_new(Dataset pictures);
void pairs_free(Pairs *pairs);

/* The pictures without their captions; the pairs are then empty. */
Dataset pairs_take_pictures(Pairs *pairs);

/* Give a picture one more caption, which is copied. Pictures come in order:
   the one of the last call again, or the one after it. */
void pairs_add(Pairs *pairs, int picture, const char *caption);

/* Forget all pictures, with their captions, but the first `count`. */
void pairs_limit(Pairs *pairs, int count);

/* How many captions there are in all. */
int pairs_captions(const Pairs *pairs);

/* The number of one of a picture's captions, each as likely; the draw depends on
   key and picture. */
int pairs_draw(const Pairs *pairs, int picture, RandomKey key);
