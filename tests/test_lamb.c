/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "train/optimizer.h"

#include "testing.h"

typedef struct Pair {
  Params *params;
  Tensor *matrix, *gain;
  Optimizer optimizer;
} Pair;

/* A decayed and a plain parameter with the same values and gradients. */
static Pair pair_of(const double *value, const double *grad, double decay) {
  Pair p = {.params = params_new()};
  p.matrix = params_add(p.params, "w", SHAPE(2), init_values(value), PARAM_DECAYED);
  p.gain = params_add(p.params, "g", SHAPE(2), init_values(value), PARAM_PLAIN);
  params_fill(p.params, 1);
  p.optimizer = optimizer_new(OPTIMIZER_ADAMW, p.params, 0.98, decay);
  for (int i = 0; i < 2; i++) p.matrix->grad[i] = p.gain->grad[i] = (real)grad[i];
  return p;
}

static void forget(Pair *p) {
  optimizer_free(&p->optimizer);
  params_free(p->params);
}

START_TEST(a_step_by_hand) {
  Pair p = pair_of((double[]){3, 4}, (double[]){1, -2}, 0);
  lamb_update(&p.optimizer, 0.1);
  ck_assert_double_eq_tol(p.matrix->value[0], 3 - 0.5 / sqrt(2), 1e-6);
  ck_assert_double_eq_tol(p.matrix->value[1], 4 + 0.5 / sqrt(2), 1e-6);
  ck_assert_double_eq_tol(p.gain->value[0], 3 - 0.1, 1e-6);
  ck_assert_double_eq_tol(p.gain->value[1], 4 + 0.1, 1e-6);
  forget(&p);
}
END_TEST

/* Decay takes part in the direction, and only the matrix's step has |w| in it. */
START_TEST(steps_are_as_long_as_the_matrix) {
  Pair p = pair_of((double[]){3, 4}, (double[]){1, -2}, 0.5);
  for (int step = 0; step < 5; step++) {
    const double w0 = (double)p.matrix->value[0], w1 = (double)p.matrix->value[1];
    lamb_update(&p.optimizer, 0.01);
    const double moved = hypot((double)p.matrix->value[0] - w0,
                               (double)p.matrix->value[1] - w1);
    ck_assert_double_eq_tol(moved, 0.01 * hypot(w0, w1), 1e-6);
    for (int i = 0; i < 2; i++) p.matrix->grad[i] *= -2;
  }
  Pair first = pair_of((double[]){3, 4}, (double[]){1, -2}, 0.5);
  lamb_update(&first.optimizer, 0.01);
  const double u0 = 1 + 0.5 * 3, u1 = -1 + 0.5 * 4, length = hypot(u0, u1);
  ck_assert_double_eq_tol(first.matrix->value[0], 3 - 0.01 * 5 / length * u0, 1e-6);
  ck_assert_double_eq_tol(first.matrix->value[1], 4 - 0.01 * 5 / length * u1, 1e-6);
  forget(&p);
  forget(&first);
}
END_TEST

START_TEST(zeros_can_move) {
  Pair p = pair_of((double[]){0, 0}, (double[]){1, -2}, 0.1);
  params_find(p.params, "w")->lr_scale = 0.5;
  lamb_update(&p.optimizer, 0.1);
  ck_assert_double_eq_tol(p.matrix->value[0], -0.05, 1e-6);
  ck_assert_double_eq_tol(p.matrix->value[1], 0.05, 1e-6);
  forget(&p);
}
END_TEST

START_TEST(plain_parameters_take_adams_step) {
  Pair lamb = pair_of((double[]){3, 4}, (double[]){1, -2}, 0.1);
  Pair adam = pair_of((double[]){3, 4}, (double[]){1, -2}, 0.1);
  for (int step = 0; step < 7; step++) {
    lamb_update(&lamb.optimizer, 0.03);
    adamw_update(&adam.optimizer, 0.03);
    for (int i = 0; i < 2; i++) {
      ck_assert_double_eq_tol(lamb.gain->value[i], adam.gain->value[i], 1e-5);
      lamb.gain->grad[i] += (real)0.3, adam.gain->grad[i] += (real)0.3;
    }
  }
  forget(&lamb);
  forget(&adam);
}
END_TEST

TEST_MAIN("lamb", a_step_by_hand, steps_are_as_long_as_the_matrix, zeros_can_move,
          plain_parameters_take_adams_step)
