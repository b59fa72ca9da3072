/* Tangled from chapters/09-mae.nw: edit that, not this. */
#pragma once
#include "nn/masking.h"

/* The patches of images[B][C][S][S], to be filled in: [B][N][C P P], each by its
   own mean and (unbiased) variance if so wanted. No gradient. */
Tensor *patch_targets(Tape *tape, Tensor *images, int patch_size, bool normalize);

/* How wrong predicted[B][N][n] is: the mean over images of the mean over an image's
   hidden patches of the mean squared error of a patch; one number. Asserts that
   something is hidden in each, and that the targets need no gradient. */
Tensor *masked_mse(Tape *tape, Tensor *predicted, Tensor *targets, const Masking *mask);

/* The same error of predicting zero. */
real masked_mse_of_zero(Tape *tape, Tensor *targets, const Masking *mask);

/* Undo the normalization of a predicted patch[n], by its true patch's mean and standard
   deviation. */
void patch_denormalize(real *predicted, const real *original, int n);
