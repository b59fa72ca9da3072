/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "base/random.h"
#include "testing.h"

enum { N = 100000 };

START_TEST(draws_depend_on_seed_purpose_and_index_only) {
  RandomKey a = random_key(1, "init"), b = random_key(1, "init");
  double later = random_uniform(a, 7);
  for (uint64_t i = 0; i < 100; i++) random_uniform(b, i);
  ck_assert(random_uniform(b, 7) == later);
  ck_assert(random_uniform(random_key(2, "init"), 7) != later);
  ck_assert(random_uniform(random_key(1, "tini"), 7) != later);
  ck_assert(random_uniform(random_subkey(a, 0), 7) != later);
}
END_TEST

/* Runs made by this version can be repeated by the next. */
START_TEST(the_generator_stays_the_same) {
  ck_assert(random_bits(random_key(1, "init"), 7) == 0x851aa03c9015536bu);
}
END_TEST

START_TEST(moments_are_those_of_the_distributions) {
  RandomKey key = random_key(3, "moments");
  double u = 0, uu = 0, z = 0, zz = 0, z4 = 0;
  for (uint64_t i = 0; i < N; i++) {
    double a = random_uniform(key, i), b = random_normal(key, i);
    ck_assert(a >= 0 && a < 1);
    u += a, uu += a * a, z += b, zz += b * b, z4 += b * b * b * b;
  }
  /* five standard errors each */
  ck_assert_double_eq_tol(u / N, 0.5, 5 * sqrt(1 / 12.0 / N));
  ck_assert_double_eq_tol(uu / N, 1 / 3.0, 5 * sqrt(4 / 45.0 / N));
  ck_assert_double_eq_tol(z / N, 0, 5 * sqrt(1.0 / N));
  ck_assert_double_eq_tol(zz / N, 1, 5 * sqrt(2.0 / N));
  ck_assert_double_eq_tol(z4 / N, 3, 5 * sqrt(96.0 / N));
}
END_TEST

START_TEST(neighbouring_keys_are_not_correlated) {
  double sum = 0;
  RandomKey a = random_subkey(random_key(0, "x"), 1);
  RandomKey b = random_subkey(random_key(0, "x"), 2);
  for (uint64_t i = 0; i < N; i++) sum += random_normal(a, i) * random_normal(b, i);
  ck_assert_double_eq_tol(sum / N, 0, 5 * sqrt(1.0 / N));
}
END_TEST

START_TEST(a_permutation_holds_each_index_once) {
  enum { M = 997 };
  int order[M], seen[M] = {0}, fixed = 0;
  random_permutation(random_key(5, "p"), order, M);
  for (int i = 0; i < M; i++) seen[order[i]]++, fixed += order[i] == i;
  for (int i = 0; i < M; i++) ck_assert_int_eq(seen[i], 1);
  ck_assert_int_lt(fixed, 8);
}
END_TEST

START_TEST(every_permutation_of_three_is_as_likely) {
  int counts[27] = {0};
  for (int i = 0; i < 60000; i++) {
    int o[3];
    random_permutation(random_subkey(random_key(9, "three"), (uint64_t)i), o, 3);
    counts[o[0] * 9 + o[1] * 3 + o[2]]++;
  }
  for (int i = 0; i < 27; i++)
    ck_assert(counts[i] == 0 || abs(counts[i] - 10000) < 500);
}
END_TEST

TEST_MAIN("random", the_generator_stays_the_same,
          draws_depend_on_seed_purpose_and_index_only,
          moments_are_those_of_the_distributions,
          neighbouring_keys_are_not_correlated,
          a_permutation_holds_each_index_once,
          every_permutation_of_three_is_as_likely)
