/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "tensor/losses.h"

#include "tensor/arithmetic.h"
#include "testing.h"

static Tensor *logits_of(Tape *tape, int rows, int n, const double *values) {
  Tensor *t = tape_tensor(tape, "logits", SHAPE(rows, n));
  for (int i = 0; i < rows * n; i++) t->value[i] = (real)values[i];
  return t;
}

START_TEST(known_losses) {
  Tape *tape = tape_new();
  int correct, label = 1;
  Tensor *even = logits_of(tape, 1, 10, (double[10]){0});
  ck_assert_double_eq_tol(cross_entropy(tape, even, &label, 0, NULL)->value[0],
                          2.302585093, 1e-6);
  Tensor *x = logits_of(tape, 1, 3, (double[]){0, log(2), log(5)});
  ck_assert_double_eq_tol(cross_entropy(tape, x, &label, 0, &correct)->value[0],
                          log(4), 1e-6);
  ck_assert_int_eq(correct, 0);
  double smooth = 0.9 * log(4) + 0.1 * (log(8) + log(4) + log(8 / 5.0)) / 3;
  ck_assert_double_eq_tol(cross_entropy(tape, x, &label, 0.1, NULL)->value[0],
                          smooth, 1e-6);
  Tensor *two = logits_of(tape, 2, 2, (double[]){0, 0, -2000, 2000});
  ck_assert_double_eq_tol(
      cross_entropy(tape, two, (int[]){0, 1}, 0, &correct)->value[0], log(2) / 2,
      1e-6);
  ck_assert_int_eq(correct, 2);
  tape_free(tape);
}
END_TEST

START_TEST(the_gradient_is_said_minus_true) {
  const real p[] = {.125, .25, .625};
  const int label = 1;
  real dx[3] = {0};
  cross_entropy_backward(dx, p, &label, 0, 1, 1, 3);
  ck_assert(dx[0] == (real).125 && dx[1] == (real)-.75 && dx[2] == (real).625);
}
END_TEST

static Tensor *loss_of(Tape *tape, void *state) {
  const int labels[] = {4, 0, 2, 2, 1, 0};
  return cross_entropy(tape, *(Tensor **)state, labels, 0.1, NULL);
}

START_TEST(gradients_of_cross_entropy) {
  Params *params = params_new();
  Tensor *x = random_parameter(params, "x", SHAPE(2, 3, 5), 2);
  params_fill(params, 1);
  assert_gradients(loss_of, &x, params);
  for (int r = 0; r < 6; r++) {
    double row = 0;
    for (int i = 0; i < 5; i++) row += (double)x->grad[5 * r + i];
    ck_assert_double_eq_tol(row, 0, ROUNDING);
  }
  params_free(params);
}
END_TEST

// A loss within a sum
static Tensor *doubled_loss(Tape *tape, void *state) {
  const int labels[] = {4, 0};
  Tensor *loss = cross_entropy(tape, *(Tensor **)state, labels, 0.1, NULL);
  return add(tape, loss, loss);
}

START_TEST(a_loss_passes_on_its_gradient) {
  Params *params = params_new();
  Tensor *x = random_parameter(params, "x", SHAPE(2, 5), 2);
  params_fill(params, 1);
  assert_gradients(doubled_loss, &x, params);
  params_free(params);
}
END_TEST

TEST_MAIN("losses", a_loss_passes_on_its_gradient,
          known_losses, the_gradient_is_said_minus_true,
          gradients_of_cross_entropy)
