/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "nn/position.h"

#include "testing.h"

START_TEST(golden_rows_of_the_mae_convention) {
  double table[4 * 8];
  const double want[2][8] = {{.841471, .01, .540302, .99995, 0, 0, 1, 1},
                             {0, 0, 1, 1, .841471, .01, .540302, .99995}};
  position_sincos(table, 2, 2, 8);
  for (int i = 0; i < 8; i++) {
    ck_assert_double_eq_tol(table[8 + i], want[0][i], 2e-6);
    ck_assert_double_eq_tol(table[16 + i], want[1][i], 2e-6);
  }
}
END_TEST

static double product(const double *table, int a, int b) {
  double sum = 0;
  for (int i = 0; i < 32; i++) sum += table[32 * a + i] * table[32 * b + i];
  return sum;
}

START_TEST(products_depend_on_the_distance_only) {
  double table[30 * 32];
  position_sincos(table, 5, 6, 32);
  for (int i = 0; i < 30; i++)
    ck_assert_double_eq_tol(product(table, i, i), 16, 1e-12);
  ck_assert_double_eq_tol(product(table, 0, 13), product(table, 9, 22), 1e-12);
  ck_assert_double_eq_tol(product(table, 1, 6), product(table, 22, 27), 1e-12);
  ck_assert_double_gt(product(table, 0, 1), product(table, 0, 2));
}
END_TEST

START_TEST(declared_tables) {
  Params *params = params_new();
  Tensor *fixed =
      position_declare(params, "fixed.", POSITION_SINCOS, 3, 3, 8, 1);
  Tensor *learned =
      position_declare(params, "", POSITION_LEARNED, 3, 3, 8, 1);
  ck_assert(!position_declare(params, "no.", POSITION_NONE, 3, 3, 8, 1));
  params_fill(params, 1);
  ck_assert_str_eq(fixed->name, "fixed.pos_embed");
  ck_assert(!fixed->requires_grad && learned->requires_grad);
  for (int i = 0; i < 8; i++) ck_assert(fixed->value[i] == 0);
  ck_assert(fixed->value[8 + 2] == 1 && learned->value[0] != 0);
  params_free(params);
}
END_TEST

START_TEST(resizing) {
  real from[10], to[26], same[10];
  for (int i = 0; i < 10; i++) from[i] = (real)(i * i);
  position_resize(same, 3, from, 3, 1, 1);
  ck_assert_mem_eq(same, from, sizeof from);
  position_resize(to, 5, from, 3, 1, 1);
  ck_assert(to[0] == from[0]);
  ck_assert(to[1] == from[1] && to[5] == from[3]); /* corners stay corners */
  ck_assert(to[21] == from[7] && to[25] == from[9]);
  ck_assert_double_eq_tol(to[2], (from[1] + from[2]) / 2, 1e-5);
  ck_assert_double_eq_tol(to[7], (from[1] + from[2] + from[4] + from[5]) / 4, 1e-5);
}
END_TEST

// Wide rows
START_TEST(resizing_wide_rows_and_to_one) {
  real from[2 * 9], one[2][9], to[2 * 25], half[2][25], corner[2];
  for (int i = 0; i < 18; i++) from[i] = one[i % 2][i / 2] = (real)((i * i) % 23);
  position_resize(to, 5, from, 3, 2, 0);
  for (int c = 0; c < 2; c++) position_resize(half[c], 5, one[c], 3, 1, 0);
  for (int i = 0; i < 50; i++) ck_assert(to[i] == half[i % 2][i / 2]);
  position_resize(corner, 1, from, 3, 2, 0);
  ck_assert(corner[0] == from[0] && corner[1] == from[1]);
}
END_TEST

TEST_MAIN("position", resizing_wide_rows_and_to_one,
          golden_rows_of_the_mae_convention,
          products_depend_on_the_distance_only, declared_tables, resizing)
