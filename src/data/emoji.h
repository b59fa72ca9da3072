/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/pairs.h"

enum { EMOJI_SIDE = 32, EMOJI_CELL = 34, EMOJI_CATEGORIES = 8,
       EMOJI_MAX_ITEMS = 10000,
       EMOJI_MAX_NAMES = 16,   /* short names of one concept */
       EMOJI_MAX_TEXT = 120 }; /* bytes of a name */

/* One vendor's drawings of the concepts that Google and Twitter both have,
   without flags and components, in the order of the list: FOLDER/emoji.json and
   FOLDER/VENDOR-32.png, vendor "google", "twitter" or "openmoji". 32x32 RGB, transparent
   pixels white. Captions in lower case: the name first, which no other concept
   has, then short names that differ from it, "an emoji of NAME", and name with
   subcategory. The label is the category. False with a message that names the
   file on bad input; *pairs is then untouched. pairs_free gives back. */
bool emoji_load(Pairs *pairs, const char *folder, const char *vendor);

/* What may be done to an emoji while it stays what it is called. No mirror:
   there are arrows to the left and arrows to the right. */
extern const Augment emoji_augment;
