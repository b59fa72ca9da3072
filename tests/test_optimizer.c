/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "train/optimizer.h"

#include "testing.h"

typedef struct Fixture {
  Params *params;
  Tensor *matrix, *bias;
  Optimizer adamw;
} Fixture;

static Fixture fixture(double decay) {
  Fixture f = {.params = params_new()};
  f.matrix = given_parameter(f.params, "w", SHAPE(2), (double[]){1, -2});
  f.bias = params_add(f.params, "b", SHAPE(1), init_constant(1), PARAM_PLAIN);
  params_add(f.params, "fixed", SHAPE(1), init_constant(1), PARAM_FIXED);
  params_fill(f.params, 0);
  f.adamw = optimizer_new(OPTIMIZER_ADAMW, f.params, 0.999, decay);
  return f;
}

static void done(Fixture *f) {
  optimizer_free(&f->adamw);
  params_free(f->params);
}

START_TEST(the_first_step_by_hand) {
  Fixture f = fixture(0.05);
  f.matrix->grad[0] = (real)0.5;
  f.matrix->grad[1] = (real)-1e-3;
  f.bias->grad[0] = 3;
  adamw_update(&f.adamw, 0.1);
  ck_assert_double_eq_tol(f.matrix->value[0], 0.895, 1e-6);
  ck_assert_double_eq_tol(f.matrix->value[1], -2 + 0.1 * (1 + 0.1), 2e-5);
  ck_assert_double_eq_tol(f.bias->value[0], 0.9, 1e-6); /* not decayed */
  ck_assert(params_find(f.params, "fixed")->tensor->value[0] == 1);
  done(&f);
}
END_TEST

START_TEST(without_gradient_only_decay_is_left) {
  Fixture f = fixture(0.05);
  for (int i = 0; i < 3; i++) adamw_update(&f.adamw, 0.1);
  ck_assert_double_eq_tol(f.matrix->value[0], pow(1 - 0.005, 3), 1e-6);
  ck_assert(f.bias->value[0] == 1);
  done(&f);
}
END_TEST

/* Against the definition in double, over many steps. */
START_TEST(many_steps_follow_the_formula) {
  Fixture f = fixture(0.1);
  double w = -2, m = 0, v = 0;
  for (int k = 1; k <= 50; k++) {
    double g = sin(k) + 0.3;
    f.matrix->grad[1] = (real)g;
    adamw_update(&f.adamw, 0.01);
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    w -= 0.01 * (m / (1 - pow(0.9, k)) / (sqrt(v / (1 - pow(0.999, k))) + 1e-8) +
                 0.1 * w);
  }
  ck_assert_double_eq_tol(f.matrix->value[1], w, sizeof(real) == 4 ? 2e-5 : 1e-12);
  done(&f);
}
END_TEST

START_TEST(gradients_are_clipped_to_the_limit) {
  Fixture f = fixture(0);
  f.matrix->grad[0] = 3;
  f.matrix->grad[1] = 0;
  f.bias->grad[0] = 4;
  ck_assert_double_eq_tol(clip_gradients(f.params, 0), 5, 1e-6);
  ck_assert_double_eq_tol(clip_gradients(f.params, 10), 5, 1e-6);
  ck_assert(f.bias->grad[0] == 4);
  ck_assert_double_eq_tol(clip_gradients(f.params, 1), 5, 1e-6);
  ck_assert_double_eq_tol(gradient_norm_all(f.params), 1, 1e-6);
  ck_assert_double_eq_tol(f.matrix->grad[0], 0.6, 1e-6);
  ck_assert_double_eq_tol(gradient_norm(f.bias), 0.8, 1e-6);
  done(&f);
}
END_TEST

START_TEST(the_schedule_meets_its_corners) {
  ck_assert_double_eq_tol(schedule_rate(1, 100, 10, 3, 0), 0.3, 1e-12);
  ck_assert_double_eq_tol(schedule_rate(10, 100, 10, 3, 0), 3, 1e-12);
  ck_assert_double_eq_tol(schedule_rate(55, 100, 10, 3, 1), 2, 1e-12);
  ck_assert_double_eq_tol(schedule_rate(100, 100, 10, 3, 1), 1, 1e-12);
  ck_assert_double_eq_tol(schedule_rate(50, 100, 0, 3, 0), 1.5, 1e-12);
}
END_TEST

TEST_MAIN("optimizer", the_first_step_by_hand, without_gradient_only_decay_is_left,
          many_steps_follow_the_formula, gradients_are_clipped_to_the_limit,
          the_schedule_meets_its_corners)
