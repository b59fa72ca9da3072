/* Tangled from chapters/06-training.nw: edit that, not this. */
#ifndef DATASET_H
#define DATASET_H
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
  real mean[3], deviation[3];      /* by channel, of pixel / 255 */
} Dataset;

void dataset_free(Dataset *data);
size_t dataset_image_size(const Dataset *data);
const uint8_t *dataset_image(const Dataset *data, int index);

/* Compute mean and deviation of each channel over all pictures. */
void dataset_measure(Dataset *data);

/* What may be done to a picture without changing what it shows. */
typedef struct Augment {
  int shift;  /* moved by up to this many dots each way, black moves in */
  bool flip;  /* mirrored left to right, half of the time */
} Augment;

/* The pictures index[0..count-1], augmented and normalised, as planes
   images[count][channels][height][width], and their labels. Which way a
   picture is moved depends on key and its place in the batch. */
void dataset_batch(const Dataset *data, const int *index, int count,
                   Augment augment, RandomKey key, real *images, int *labels);
#endif
