/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "eval/probe.h"

#include "testing.h"

/* Classes on a circle, `spread` radians wide, far from the origin in a third
   direction that says nothing. */
static Features circle(int count, int classes, double spread, uint64_t seed) {
  Features f = {count, 3, classes, calloc((size_t)count * 3, sizeof(real)),
                calloc((size_t)count, sizeof(int))};
  RandomKey key = random_key(seed, "circle");
  for (int i = 0; i < count; i++) {
    f.labels[i] = random_below(key, (uint64_t)(2 * i), classes);
    double angle = 6.283185307 * f.labels[i] / classes +
                   spread * (random_uniform(key, (uint64_t)(2 * i + 1)) - 0.5);
    f.x[3 * i] = (real)cos(angle), f.x[3 * i + 1] = (real)sin(angle);
    f.x[3 * i + 2] = (real)0.5;
  }
  return f;
}

START_TEST(what_is_apart_is_told_apart) {
  Features train = circle(200, 5, 1, 1), test = circle(100, 5, 1, 2);
  ProbeConfig config = {.steps = 300, .batch = 50, .lr = 0.1, .seed = 1};
  ck_assert_double_eq(probe_neighbours(&train, &test, 5, 0.07), 1);
  ck_assert_double_ge(probe_linear(&train, &test, config), 0.99);
  for (int i = 0; i < 100; i++) test.labels[i] = (test.labels[i] + 1) % 5;
  ck_assert_double_eq(probe_neighbours(&train, &test, 5, 0.07), 0);
  ck_assert_double_le(probe_linear(&train, &test, config), 0.01);
  features_free(&train);
  features_free(&test);
}
END_TEST

START_TEST(near_neighbours_count_for_more) {
  real x[] = {1, 0, (real).8, (real).6, (real).8, (real)-.6}, q[] = {1, 0};
  int labels[] = {0, 1, 1}, positives[] = {0};
  Features train = {3, 2, 2, x, labels}, test = {1, 2, 2, q, positives};
  /* cosines 1, .8, .8: votes 1 against 2 e^(-.2/t) */
  ck_assert_double_eq(probe_neighbours(&train, &test, 3, 0.1), 1);
  ck_assert_double_eq(probe_neighbours(&train, &test, 3, 1), 0);
  ck_assert_double_eq(probe_neighbours(&train, &test, 1, 1), 1);
}
END_TEST

TEST_MAIN("probe", what_is_apart_is_told_apart, near_neighbours_count_for_more)
