/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "nn/masking.h"

#include "testing.h"

enum { MASKS = 2000 };

/* Hidden patches of many masks: fewest, mean, share with exactly `wanted`. */
static void count_hidden(int side, int wanted, int *fewest, double *mean, double *exact) {
  Tape *tape = tape_new();
  Masking m = masking_blocks(tape, MASKS, side, side, 0.41, random_key(1, "m"), NULL);
  *fewest = side * side, *mean = *exact = 0;
  for (int b = 0; b < MASKS; b++) {
    const int hidden = masking_hidden(&m, b);
    ck_assert_int_le(hidden, wanted);
    if (hidden < *fewest) *fewest = hidden;
    *mean += (double)hidden / MASKS;
    *exact += (hidden == wanted) / (double)MASKS;
  }
  tape_free(tape);
}

START_TEST(as_many_as_the_official_code) {
  int fewest;
  double mean, exact;
  count_hidden(16, 105, &fewest, &mean, &exact);
  ck_assert_double_eq_tol(mean, 104.4, 0.15);
  ck_assert_double_eq_tol(exact, 0.64, 0.04);
  ck_assert_int_ge(fewest, 90);
  count_hidden(8, 26, &fewest, &mean, &exact);
  ck_assert_double_eq_tol(mean, 25.96, 0.02);
  ck_assert_int_ge(fewest, 23);
}
END_TEST

/* The fraction of hidden patches, not at the right edge, whose right neighbour is
   hidden too. */
static double together(const Masking *m, int side) {
  int both = 0, hidden = 0;
  for (int i = 0; i < m->images * m->patches; i++) {
    if (i % side == side - 1 || m->restore[i] >= 0) continue;
    hidden++;
    both += m->restore[i + 1] < 0;
  }
  return (double)both / hidden;
}

START_TEST(hidden_patches_lie_together) {
  Tape *tape = tape_new();
  const RandomKey key = random_key(2, "m");
  Masking blocks = masking_blocks(tape, MASKS, 8, 8, 0.41, key, NULL);
  Masking single = masking_random(tape, MASKS, 64, 0.59, key, NULL);
  ck_assert_double_gt(together(&blocks, 8), 0.7);
  ck_assert_double_eq_tol(together(&single, 8), 37.0 / 63, 0.02);
  tape_free(tape);
}
END_TEST

/* Is what mask b hides one rectangle, of a shape that is allowed? */
static bool is_rectangle(const Masking *m, int b, int side) {
  int top = side, left = side, bottom = -1, right = -1;
  for (int t = 0; t < side * side; t++)
    if (m->restore[b * side * side + t] < 0) {
      const int y = t / side, x = t % side;
      top = y < top ? y : top, bottom = y;
      left = x < left ? x : left, right = x > right ? x : right;
    }
  const int height = bottom - top + 1, width = right - left + 1;
  return height * width == masking_hidden(m, b) && height < 4 * width &&
         width < 4 * height;
}

START_TEST(the_first_rectangle_leaves_little_room) {
  Tape *tape = tape_new();
  int rectangles = 0, side = 64;
  Masking m = masking_blocks(tape, 200, side, side, 0.08, random_key(3, "m"), NULL);
  for (int b = 0; b < 200; b++) {
    ck_assert_int_le(masking_hidden(&m, b), 328);
    rectangles += is_rectangle(&m, b, side);
  }
  ck_assert_int_gt(rectangles, 100);
  tape_free(tape);
}
END_TEST

START_TEST(in_place_says_the_same) {
  Tape *tape = tape_new();
  const RandomKey key = random_key(4, "m");
  Masking out = masking_random(tape, 5, 16, 0.5, key, NULL);
  Masking in = masking_random(tape, 5, 16, 0.5, key, NULL);
  masking_in_place(&in);
  for (int i = 0; i < 5 * 16; i++) {
    ck_assert((out.restore[i] < 0) == (in.restore[i] < 0));
    if (in.restore[i] >= 0) ck_assert_int_eq(in.restore[i], i % 16);
  }
  ck_assert_int_eq(in.kept, 16);
  tape_free(tape);
}
END_TEST

START_TEST(a_picture_has_its_own_blocks) {
  Tape *tape = tape_new();
  const RandomKey key = random_key(3, "m");
  Masking a = masking_blocks(tape, 2, 8, 8, 0.41, key, (int[]){7, 8});
  Masking b = masking_blocks(tape, 2, 8, 8, 0.41, key, (int[]){8, 9});
  ck_assert_mem_eq(a.restore + 64, b.restore, 64 * sizeof(int));
  ck_assert_mem_ne(a.restore, b.restore, 64 * sizeof(int));
  tape_free(tape);
}
END_TEST

TEST_MAIN("block masking", as_many_as_the_official_code, hidden_patches_lie_together,
          the_first_rectangle_leaves_little_room, in_place_says_the_same,
          a_picture_has_its_own_blocks)
