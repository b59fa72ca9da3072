/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"

/* Choose `wanted` of `count` examples, as many of each class as can be, drawn by the
   seed: their numbers to chosen[wanted]. labels[count] are below `classes`. */
void label_subset_choose(const int *labels, int count, int classes, int wanted,
                         uint64_t seed, int *chosen);

/* Keep that many pictures of a data set; 0 or more than there are: all. Mean and
   standard deviation stay those of all. */
void label_subset_apply(Dataset *data, int wanted, uint64_t seed);
