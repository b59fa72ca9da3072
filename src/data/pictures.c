/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/pictures.h"

#include "base/error.h"
#include "base/files.h"
#include "data/captioned.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "data/shapes.h"

const char *const pictures_names[] = {"shapes", "mnist", "cifar10", "scenes", "emoji"};

Augment pictures_augment(PictureSet set) {
  if (set >= PICTURES_SCENES)
    return captioned_augment(set == PICTURES_EMOJI ? CAPTIONED_EMOJI : CAPTIONED_SCENES);
  return (Augment){.shift = set == PICTURES_SHAPES ? 0 : set == PICTURES_MNIST ? 2 : 4,
                   .flip = set == PICTURES_CIFAR10};
}

static bool captioned(PictureSet set, const char *folder, int limit, uint64_t seed,
                      Dataset *train, Dataset *test) {
  Pairs pairs[2] = {0};
  const CaptionedSet kind = set == PICTURES_EMOJI ? CAPTIONED_EMOJI : CAPTIONED_SCENES;
  bool good = captioned_open(kind, folder, limit, seed, &pairs[0], &pairs[1]);
  *train = pairs_take_pictures(&pairs[0]);
  *test = pairs_take_pictures(&pairs[1]);
  return good;
}

bool pictures_open(PictureSet set, const char *folder, int limit, uint64_t seed,
                   Dataset *train, Dataset *test) {
  char path[PATH_MAX];
  bool good = path_join(path, folder, pictures_names[set]);
  // Open or draw both parts
  if (set == PICTURES_SHAPES) {
    shapes_make(train, 6000, seed);
    shapes_make(test, 1000, seed + 1000000007u);
  } else if (set == PICTURES_MNIST) {
    good = mnist_load(train, path, true) && mnist_load(test, path, false);
  } else if (set >= PICTURES_SCENES) {
    good = captioned(set, folder, limit, seed, train, test);
  } else {
    good = cifar10_load(train, path, true) && cifar10_load(test, path, false);
  }
  if (!good) return false;
  if (test->height != train->height || test->width != train->width ||
      train->height != train->width)
    return fail("%s: expected square pictures of one size, found %d x %d and %d x %d",
                path, train->height, train->width, test->height, test->width);
  train->count = dataset_limit(train->count, limit);
  dataset_normalize_with(test, train->mean, train->std);
  return true;
}
