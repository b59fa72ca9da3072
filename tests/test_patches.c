/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "nn/patches.h"

#include "base/random.h"
#include "testing.h"

START_TEST(the_example_of_the_book) {
  real image[16], patches[16];
  const real want[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
  for (int i = 0; i < 16; i++) image[i] = (real)i;
  patchify(patches, image, 1, 4, 4, 2);
  for (int i = 0; i < 16; i++) ck_assert(patches[i] == want[i]);
}
END_TEST

START_TEST(cutting_and_joining_are_inverse) {
  const int sizes[][4] = {{1, 28, 28, 7}, {3, 32, 32, 4}, {3, 6, 10, 2},
                          {2, 5, 5, 5},   {1, 3, 7, 1}};
  RandomKey key = random_key(1, "patches");
  for (int s = 0; s < 5; s++) {
    int C = sizes[s][0], H = sizes[s][1], W = sizes[s][2], P = sizes[s][3];
    real image[3072], patches[3072], joined[3072];
    for (int i = 0; i < C * H * W; i++)
      image[i] = (real)random_normal(key, (uint64_t)i);
    patchify(patches, image, C, H, W, P);
    unpatchify(joined, patches, C, H, W, P);
    size_t bytes = sizeof(real) * (size_t)(C * H * W);
    ck_assert(memcmp(image, joined, bytes) == 0);
    ck_assert(P == 1 || P == W || memcmp(image, patches, bytes) != 0);
  }
}
END_TEST

// Projection equals convolution
static real convolve(const real *image, const real *filter, int C, int H, int W,
                     int P, int row, int column) {
  real sum = 0;
  for (int c = 0; c < C; c++)
    for (int p = 0; p < P; p++)
      for (int q = 0; q < P; q++)
        sum += filter[(c * P + p) * P + q] *
               image[(c * H + row * P + p) * W + column * P + q];
  return sum;
}

START_TEST(projection_equals_convolution) {
  enum { C = 3, H = 8, W = 12, P = 4, D = 5, K = C * P * P };
  real image[C * H * W], filters[D * K], patches[C * H * W];
  RandomKey key = random_key(2, "convolution");
  for (int i = 0; i < C * H * W; i++)
    image[i] = (real)random_normal(key, (uint64_t)i);
  for (int i = 0; i < D * K; i++)
    filters[i] = (real)random_normal(key, (uint64_t)(1000 + i));
  patchify(patches, image, C, H, W, P);
  for (int n = 0; n < (H / P) * (W / P); n++)
    for (int d = 0; d < D; d++) {
      real dot = 0;
      for (int k = 0; k < K; k++) dot += filters[d * K + k] * patches[n * K + k];
      real want = convolve(image, filters + d * K, C, H, W, P, n / (W / P), n % (W / P));
      ck_assert_double_eq_tol(dot, want, 1e-4);
    }
}
END_TEST

TEST_MAIN("patches", the_example_of_the_book, cutting_and_joining_are_inverse,
          projection_equals_convolution)
