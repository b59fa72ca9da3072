/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/captioned.h"

#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "data/cifar.h"
#include "data/emoji.h"
#include "data/scenes.h"

enum { TEST_SCENES = 1000 };

uint64_t captioned_other(uint64_t seed) { return seed + 1000000007u; }

Augment captioned_augment(CaptionedSet set) {
  if (set == CAPTIONED_CIFAR10) return (Augment){.shift = 4, .flip = true};
  if (set == CAPTIONED_SCENES) return (Augment){.shift = 2};
  return emoji_augment;
}

// Captions out of class names
static bool open_cifar(Pairs *pairs, const char *folder, bool train) {
  static const char *const sentences[] = {"a photo of %s %s", "a small photo of %s %s",
                                          "%s %s", "a picture of %s %s"};
  Dataset data = {0};
  if (!cifar10_load(&data, folder, train)) return false;
  *pairs = pairs_new(data);
  for (int i = 0; i < data.count; i++)
    for (int k = 0; k < 4; k++) {
      const char *name = data.class_names[data.labels[i]];
      char text[96];
      snprintf(text, sizeof text, sentences[k], strchr("aeiou", name[0]) ? "an" : "a",
               name);
      pairs_add(pairs, i, text);
    }
  return true;
}

// Two drawings of each emoji
/* Put the pictures of `from` behind those of *to, with their captions. */
static void append(Pairs *to, const Pairs *from) {
  const int n = to->pictures.count;
  const size_t size = dataset_image_size(&from->pictures);
  Dataset data = from->pictures; /* sizes and names */
  data.count = n + from->pictures.count;
  data.pixels = allocate((size_t)data.count, size);
  data.labels = allocate((size_t)data.count, 1);
  Pairs both = pairs_new(data);
  for (int i = 0; i < data.count; i++) {
    const Pairs *own = i < n ? to : from;
    const int k = i < n ? i : i - n;
    memcpy(data.pixels + (size_t)i * size, dataset_image(&own->pictures, k), size);
    data.labels[i] = own->pictures.labels[k];
    for (int c = own->first[k]; c < own->first[k + 1]; c++)
      pairs_add(&both, i, own->caption[c]);
  }
  pairs_free(to);
  *to = both;
  dataset_measure(&to->pictures);
}

static bool open_emoji(Pairs *train, Pairs *test, const char *folder, CaptionedSet set) {
  const char *unseen = set == CAPTIONED_EMOJI ? "twitter" : "openmoji";
  if (!emoji_load(train, folder, "google") || !emoji_load(test, folder, unseen))
    return false;
  if (set != CAPTIONED_EMOJI_THREE) return true;
  Pairs second = {0};
  const bool good = emoji_load(&second, folder, "twitter");
  if (good) append(train, &second);
  pairs_free(&second);
  return good;
}

bool captioned_open(CaptionedSet set, const char *folder, int limit, uint64_t seed,
                    Pairs *train, Pairs *test) {
  char path[PATH_MAX];
  if (!path_join(path, folder, set == CAPTIONED_CIFAR10 ? "cifar10" : "emoji"))
    return false;
  if (set == CAPTIONED_SCENES) {
    scenes_make(train, dataset_limit(CAPTIONED_SCENES_COUNT, limit), CAPTIONED_ALONE,
                SCENES_SEEN, seed);
    scenes_make(test, TEST_SCENES, CAPTIONED_ALONE, SCENES_SEEN, captioned_other(seed));
  } else if (set == CAPTIONED_CIFAR10) {
    if (!open_cifar(train, path, true) || !open_cifar(test, path, false)) return false;
  } else {
    if (!open_emoji(train, test, path, set)) return false;
  }
  if (limit) pairs_limit(train, limit);
  dataset_normalize_with(&test->pictures, train->pictures.mean, train->pictures.std);
  return true;
}
