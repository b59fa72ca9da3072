/* Tangled from chapters/01-patches.nw: edit that, not this. */
#pragma once
#include "base/real.h"

/* Cut one image, planes [C][H][W], into N = (H/P)(W/P) patches in reading
   order: patches[n][(c P + p) P + q] = image[c][row P + p][column P + q] with
   n = row (W/P) + column. P must divide H and W. Overwrites patches[N][C P P].
   The order within a patch is that of a convolution's weights [D][C][P][P].
   Source: ViT, section 3.1. */
void patchify(real *patches, const real *image, int C, int H, int W, int P);

/* The exact inverse: put the patches together. Overwrites image. */
void unpatchify(real *image, const real *patches, int C, int H, int W, int P);
