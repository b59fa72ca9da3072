/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "data/captioned.h"

#include <stdio.h>
#include <string.h>

#include "data/emoji.h"
#include "data/scenes.h"

enum { TRAIN_SCENES = 20000, TEST_SCENES = 1000 };

void captioned_normalise_as(Dataset *data, const Dataset *as) {
  memcpy(data->mean, as->mean, sizeof data->mean);
  memcpy(data->deviation, as->deviation, sizeof data->deviation);
}

uint64_t captioned_other(uint64_t seed) { return seed + 1000000007u; }

Augment captioned_augment(CaptionedSet set) {
  return set == CAPTIONED_EMOJI ? emoji_augment : (Augment){.shift = 2};
}

bool captioned_open(CaptionedSet set, const char *folder, int limit, uint64_t seed,
                    Pairs *train, Pairs *test) {
  char path[1024];
  if (set == CAPTIONED_SCENES) {
    const int scenes = limit && limit < TRAIN_SCENES ? limit : TRAIN_SCENES;
    scenes_make(train, scenes, CAPTIONED_ALONE, SCENES_SEEN, seed);
    scenes_make(test, TEST_SCENES, CAPTIONED_ALONE, SCENES_SEEN, captioned_other(seed));
  } else {
    snprintf(path, sizeof path, "%s/emoji", folder);
    if (!emoji_load(train, path, "google") || !emoji_load(test, path, "twitter"))
      return false;
    if (limit) pairs_limit(train, limit);
  }
  captioned_normalise_as(&test->pictures, &train->pictures);
  return true;
}
