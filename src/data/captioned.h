/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/pairs.h"

typedef enum {
  CAPTIONED_SCENES, CAPTIONED_EMOJI, CAPTIONED_CIFAR10, CAPTIONED_EMOJI_THIRD,
  CAPTIONED_EMOJI_THREE
} CaptionedSet;
enum { CAPTIONED_ALONE = 500,   /* scenes of 1000 that have one figure only */
       CAPTIONED_SCENES_COUNT = 20000 }; /* to train on */

/* Open training and test pairs: 20000 and 1000 scenes drawn by the seed, of one or
   two figures, none held out; or Google's emoji to train on and Twitter's to test,
   from FOLDER/emoji; or CIFAR-10 from FOLDER/cifar10, captions made of class names;
   or OpenMoji's emoji to test, and Google's, or Google's and Twitter's, to train on.
   `limit`: at most so many training pairs, 0: all. The test pictures are normalized
   as the training pictures. Both must be empty before. False with a message on bad
   files; the first may be filled even then, so both are to be freed. */
bool captioned_open(CaptionedSet set, const char *folder, int limit, uint64_t seed,
                    Pairs *train, Pairs *test);

/* What suits the pictures of each set. */
Augment captioned_augment(CaptionedSet set);

/* A different seed for test pictures. */
uint64_t captioned_other(uint64_t seed);
