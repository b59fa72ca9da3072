/* Tangled from chapters/01-patches.nw: edit that, not this. */
#include "nn/patches.h"

#include <assert.h>

void patchify(real *patches, const real *image, int C, int H, int W, int P) {
  assert(P > 0 && H % P == 0 && W % P == 0);
  for (int row = 0; row < H / P; row++)
    for (int column = 0; column < W / P; column++)
      for (int c = 0; c < C; c++)
        for (int p = 0; p < P; p++) {
          const real *line = image + (c * H + row * P + p) * W + column * P;
          for (int q = 0; q < P; q++) *patches++ = line[q];
        }
}

void unpatchify(real *image, const real *patches, int C, int H, int W, int P) {
  assert(P > 0 && H % P == 0 && W % P == 0);
  for (int row = 0; row < H / P; row++)
    for (int column = 0; column < W / P; column++)
      for (int c = 0; c < C; c++)
        for (int p = 0; p < P; p++) {
          real *line = image + (c * H + row * P + p) * W + column * P;
          for (int q = 0; q < P; q++) line[q] = *patches++;
        }
}
