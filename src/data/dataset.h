/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "base/real.h"

enum { DATASET_MAX_IMAGE = 3 * 256 * 256 }; /* bytes of one picture */

/* Pictures of one size with one label each. Owns pixels and labels. */
typedef struct Dataset {
  int count, classes, channels, height, width;
  uint8_t *pixels;                 /* [count][height][width][channels] */
  uint8_t *labels;                 /* [count], each below classes */
  const char *const *class_names;  /* [classes] */
  real mean[3], std[3];      /* by channel, of pixel / 255 */
} Dataset;

void dataset_free(Dataset *data);
size_t dataset_image_size(const Dataset *data);
const uint8_t *dataset_image(const Dataset *data, int index);
int dataset_limit(int count, int limit); /* at most `limit` of so many; 0: all */

/* Compute mean and standard deviation of each channel over all pictures; or take them
   from others, [3] each: test pictures are normalized as the training pictures, and all
   pictures as the network that looks at them has learned. */
void dataset_measure(Dataset *data);
void dataset_normalize_with(Dataset *data, const real *mean, const real *std);

/* What may be done to a picture without changing what it shows. */
typedef struct Augment {
  int shift;       /* moved by up to this many pixels each way */
  bool flip;       /* mirrored left to right, half of the time */
  double rotation;     /* turned by up to this many degrees either way */
  double scale;    /* resized by up to this factor either way; 0 or 1: not */
  double colour;   /* brightness, contrast and saturation times 1 - colour to
                      1 + colour each */
  uint8_t fill;  /* what moves in: 0 black, 255 white */
} Augment;
bool augment_moves(Augment augment); /* is anything done at all? */

/* The pictures index[0..count-1], augmented and normalized, as planes
   images[count][channels][height][width], and their labels (NULL: not wanted).
   What is done to a picture depends on key and its index. */
void dataset_batch(const Dataset *data, const int *index, int count,
                   Augment augment, RandomKey key, real *images, int *labels);

/* The first file there is among FOLDER/ folders[] names[] endings[], tried in this
   order; lists of folders and endings end with NULL. False with a message that names
   what was expected and how to get it. */
bool data_find(char path[PATH_MAX], const char *folder, const char *const *folders,
               const char *const *names, int name_count, const char *const *endings);

/* Resized by `scale` (2: twice as large) and turned by `turn` degrees
   clockwise about its middle, after a shift; and mirrored at last. */
typedef struct Warp {
  int down, right; /* in pixels */
  bool flip;
  double rotation, scale;
} Warp;

/* to[height][width][channels <= 3] = the warped picture `from`. Bilinear; what lies
   outside is `fill`. Without rotation and with scale 1 every pixel is a copy. */
void warp_picture(uint8_t *to, const uint8_t *from, int height, int width,
                  int channels, Warp warp, uint8_t fill);

/* In place: distance of each pixel from its own grey times saturation, then
   from the picture's mean times contrast, then all times brightness; rounded and
   cut to 0..255. All factors 1: nothing changes. */
void colour_jitter(uint8_t *pixels, int count, int channels, double brightness,
                   double contrast, double saturation);

/* Choose `wanted` of `count` examples, as many of each class as can be, drawn by the
   seed: their numbers to chosen[wanted]. labels[count] are below `classes`. */
void label_subset_choose(const int *labels, int count, int classes, int wanted,
                         uint64_t seed, int *chosen);

/* Keep that many pictures of a data set; 0 or more than there are: all. Mean and
   standard deviation stay those of all. */
void label_subset_apply(Dataset *data, int wanted, uint64_t seed);
