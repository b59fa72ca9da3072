/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "models/vit.h"

/* What a frozen network makes of pictures, with their labels. Owns both arrays. */
typedef struct Features {
  int count, width, classes;
  real *x;     /* [count][width] */
  int *labels; /* [count] */
} Features;

/* The vectors of vit_features for all pictures of a data set. */
Features features_make(const Vit *vit, const Dataset *data);
void features_free(Features *features);

/* The fraction of test examples whose label is that of the weighted majority of the
   k nearest training examples: nearness is the cosine c, the weight of a vote
   e^(c / temperature). Asserts 0 < k <= train->count. */
double probe_neighbours(const Features *train, const Features *test, int k,
                        double temperature);

typedef struct ProbeConfig {
  int steps, batch;
  double lr, decay;
  uint64_t seed;
} ProbeConfig;

/* Standardise each feature (mean 0 and standard deviation 1 over the training examples),
   train one linear layer on top with cross-entropy and AdamW, and return the
   fraction of test examples it gets right. */
double probe_linear(const Features *train, const Features *test, ProbeConfig config);
