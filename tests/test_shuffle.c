/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "train/shuffle.h"

#include "testing.h"

START_TEST(an_epoch_shows_each_example_once) {
  Shuffle s = shuffle_new(11);
  for (int epoch = 0; epoch < 3; epoch++) {
    int seen[11] = {0}, most = 0;
    for (int step = 0; step < 3; step++) {
      shuffle_begin(&s, 5, 3 * epoch + step, 3);
      for (int i = 0; i < 3; i++) most += seen[s.batch[i]]++;
    }
    ck_assert_int_eq(most, 0);
  }
  shuffle_free(&s);
}
END_TEST

START_TEST(the_order_depends_on_seed_and_step_only) {
  Shuffle a = shuffle_new(50), b = shuffle_new(50);
  for (int step = 0; step < 23; step++) shuffle_begin(&a, 5, step, 8);
  shuffle_begin(&b, 5, 22, 8);
  ck_assert_mem_eq(a.batch, b.batch, 8 * sizeof(int));
  shuffle_begin(&b, 5, 28, 8); /* the same place of another epoch */
  ck_assert_mem_ne(a.batch, b.batch, 8 * sizeof(int));
  shuffle_free(&a);
  shuffle_free(&b);
}
END_TEST

TEST_MAIN("shuffle", an_epoch_shows_each_example_once,
          the_order_depends_on_seed_and_step_only)
