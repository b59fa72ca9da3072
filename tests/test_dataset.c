/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "data/dataset.h"

#include "testing.h"

START_TEST(every_shift_occurs_and_no_other) {
  enum { SIDE = 7, COUNT = 400 };
  static uint8_t pixels[COUNT * SIDE * SIDE], label[COUNT];
  static real planes[COUNT * SIDE * SIDE];
  static int index[COUNT], labels[COUNT];
  int seen[SIDE * SIDE] = {0}, kinds = 0;
  Dataset data = {.count = COUNT, .classes = 1, .channels = 1, .height = SIDE,
                  .width = SIDE, .pixels = pixels, .labels = label,
                  .mean = {0}, .std = {1}};
  for (int i = 0; i < COUNT; i++) { /* one pixel in the middle of each */
    pixels[i * SIDE * SIDE + 3 * SIDE + 3] = 255;
    index[i] = i;
  }
  dataset_batch(&data, index, COUNT, (Augment){.shift = 1}, random_key(1, "s"), planes,
                labels);
  // Count at which places the pixel is seen
  for (int i = 0; i < COUNT * SIDE * SIDE; i++)
    if (planes[i] > 0) seen[i % (SIDE * SIDE)]++;
  for (int i = 0; i < SIDE * SIDE; i++) {
    bool near = abs(i / SIDE - 3) <= 1 && abs(i % SIDE - 3) <= 1;
    ck_assert(near || !seen[i]);
    kinds += seen[i] > 20; /* of 44 on average */
  }
  ck_assert_int_eq(kinds, 9);
  memset(pixels, 9, sizeof pixels);
  dataset_measure(&data);
  ck_assert(data.std[0] == 1); /* a flat set divides by 1 */
}
END_TEST

TEST_MAIN("dataset", every_shift_occurs_and_no_other)
