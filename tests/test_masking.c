/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "nn/masking.h"

#include "testing.h"

enum { IMAGES = 300, PATCHES = 196 };

START_TEST(restore_undoes_keep) {
  Tape *tape = tape_new();
  Masking m = masking_random(tape, IMAGES, PATCHES, 0.75, random_key(1, "m"), NULL);
  ck_assert_int_eq(m.kept, 49);
  for (int b = 0; b < IMAGES; b++) {
    int hidden = 0;
    for (int i = 0; i < 49; i++)
      ck_assert_int_eq(m.restore[b * PATCHES + m.keep[b * 49 + i]], i);
    for (int t = 0; t < PATCHES; t++) hidden += m.restore[b * PATCHES + t] == -1;
    ck_assert_int_eq(hidden, 147);
  }
  tape_free(tape);
}
END_TEST

START_TEST(every_patch_is_hidden_as_often) {
  Tape *tape = tape_new();
  int hidden[PATCHES] = {0}, both = 0;
  for (int step = 0; step < 10; step++) {
    const RandomKey key = random_subkey(random_key(2, "m"), (uint64_t)step);
    Masking m = masking_random(tape, IMAGES, PATCHES, 0.75, key, NULL);
    for (int b = 0; b < IMAGES; b++) {
      const int *restore = m.restore + b * PATCHES;
      for (int t = 0; t < PATCHES; t++) hidden[t] += restore[t] < 0;
      both += restore[0] < 0 && restore[1] < 0;
    }
  }
  for (int t = 0; t < PATCHES; t++) /* five standard deviations of 3000 draws */
    ck_assert_double_eq_tol(hidden[t] / 3000.0, 0.75, 5 * sqrt(0.75 * 0.25 / 3000));
  ck_assert_double_eq_tol(both / 3000.0, 147.0 / 196 * 146 / 195, 0.05);
  tape_free(tape);
}
END_TEST

START_TEST(ratios_round_down) {
  static const struct {
    int patches, kept;
    double ratio;
  } want[] = {{196, 49, 0.75}, {10, 1, 0.9}, {10, 1, 0.99}, {64, 64, 0}, {100, 10, 0.9},
              {64, 38, 0.4},   {5, 2, 0.5}};
  Tape *tape = tape_new();
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    Masking m = masking_random(tape, 1, want[i].patches, want[i].ratio,
                               random_key(1, "m"), NULL);
    ck_assert_int_eq(m.kept, want[i].kept);
  }
  tape_free(tape);
}
END_TEST

START_TEST(a_picture_has_its_own_mask) {
  Tape *tape = tape_new();
  const RandomKey key = random_key(3, "m");
  Masking a = masking_random(tape, 2, 64, 0.5, key, (int[]){7, 8});
  Masking b = masking_random(tape, 2, 64, 0.5, key, (int[]){8, 9});
  ck_assert_mem_eq(a.keep + 32, b.keep, 32 * sizeof(int));
  ck_assert_mem_ne(a.keep, b.keep, 32 * sizeof(int));
  tape_free(tape);
}
END_TEST

TEST_MAIN("masking", restore_undoes_keep, every_patch_is_hidden_as_often,
          ratios_round_down, a_picture_has_its_own_mask)
