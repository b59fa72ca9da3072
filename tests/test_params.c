/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "tensor/params.h"

#include "testing.h"

START_TEST(values_depend_on_seed_and_name_only) {
  Params *tables[3];
  Tensor *w[3];
  for (int i = 0; i < 3; i++) {
    tables[i] = params_new();
    if (i == 0) random_parameter(tables[i], "first", SHAPE(7), 1);
    w[i] = random_parameter(tables[i], "weight", SHAPE(3, 5), 0.5);
    params_fill(tables[i], i == 2 ? 5 : 4);
  }
  ck_assert_mem_eq(w[0]->value, w[1]->value, 15 * sizeof(real));
  ck_assert_mem_ne(w[0]->value, w[2]->value, 15 * sizeof(real));
  ck_assert(w[0]->value[0] != tables[0]->list[0].tensor->value[0]);
  for (int i = 0; i < 3; i++) params_free(tables[i]);
}
END_TEST

START_TEST(initial_values_follow_their_rule) {
  Params *params = params_new();
  Tensor *c = params_add(params, "c", SHAPE(3), init_constant(2), PARAM_PLAIN);
  Tensor *u = params_add(params, "u", SHAPE(100, 200), init_xavier(200, 100),
                         PARAM_DECAYED);
  params_fill(params, 4);
  double bound = sqrt(6.0 / 300), squares = 0;
  for (int i = 0; i < 20000; i++) {
    ck_assert(fabs((double)u->value[i]) <= bound);
    squares += (double)u->value[i] * (double)u->value[i];
  }
  ck_assert_double_eq_tol(squares / 20000, 2.0 / 300, 2e-4); /* variance */
  ck_assert(c->value[0] == 2 && c->value[2] == 2);
  params_free(params);
}
END_TEST

START_TEST(the_table_counts_finds_and_aligns) {
  Params *params = params_new();
  for (int i = 0; i < 100; i++) {
    char name[32];
    snprintf(name, sizeof name, "p.%d", i);
    params_add(params, name, SHAPE(i + 1), init_constant(i),
               i % 2 ? PARAM_PLAIN : PARAM_FIXED);
  }
  ck_assert_uint_eq(params_count(params, false), 5050);
  ck_assert_uint_eq(params_count(params, true), 2550);
  params_fill(params, 0);
  ck_assert(params_find(params, "p.100") == NULL);
  Tensor *t = params_find(params, "p.41")->tensor;
  ck_assert(t->value[41] == 41 && t->grad != NULL);
  ck_assert_uint_eq((uintptr_t)t->value % 64, 0);
  ck_assert(params_find(params, "p.40")->tensor->grad == NULL);
  t->grad[3] = 5;
  params_clear_grad(params);
  ck_assert(t->grad[3] == 0);
  params_free(params);
}
END_TEST

START_TEST(a_giant_can_be_declared_without_memory) {
  Params *params = params_new();
  params_add(params, "huge", SHAPE(100000, 100000), init_normal(1), PARAM_DECAYED);
  ck_assert_uint_eq(params_count(params, true), 10000000000u);
  params_free(params);
}
END_TEST

TEST_MAIN("params", values_depend_on_seed_and_name_only,
          initial_values_follow_their_rule, the_table_counts_finds_and_aligns,
          a_giant_can_be_declared_without_memory)
