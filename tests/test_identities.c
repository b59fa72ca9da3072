/* Tangled from chapters/74-identities.nw: edit that, not this. */
#include "models/clip.h"
#include "nn/masked_loss.h"
#include "tensor/arithmetic.h"
#include "tensor/info_nce.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "tensor/sigmoid_loss.h"
#include "testing.h"

// Identities of layers and losses
START_TEST(layernorm_with_hardly_any_eps) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *x = given_parameter(params, "x", SHAPE(4), (double[]){1, 2, 3, 4});
  Tensor *one = given_parameter(params, "one", SHAPE(4), (double[]){1, 1, 1, 1});
  Tensor *zero = given_parameter(params, "zero", SHAPE(4), (double[]){0, 0, 0, 0});
  params_fill(params, 1);
  const real first = layernorm(tape, x, one, zero, 1e-12)->value[0];
  ck_assert_double_eq_tol((double)first, -1.341640786, sizeof(real) == 4 ? 2e-7 : 1e-9);
  tape_free(tape), params_free(params);
}
END_TEST
START_TEST(columns_of_the_other_direction) {
  enum { N = 5 };
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *x = random_parameter(params, "x", SHAPE(N, N), 1);
  params_fill(params, 1);
  tape_backward(tape, cross_entropy(tape, transpose(tape, x), (int[]){0, 1, 2, 3, 4}, 0,
                                    NULL));
  double worst_row = 0;
  for (int i = 0; i < N; i++) {
    double row = 0, column = 0;
    for (int k = 0; k < N; k++) {
      row += (double)x->grad[i * N + k];
      column += (double)x->grad[k * N + i];
    }
    ck_assert_double_lt(fabs(column), ROUNDING);
    worst_row = fmax(worst_row, fabs(row));
  }
  ck_assert_double_gt(worst_row, 0.01);
  tape_free(tape), params_free(params);
}
END_TEST
START_TEST(larger_batches_at_the_start) {
  enum { N = 1024 };
  Tape *tape = tape_new();
  Tensor *x = tape_tensor(tape, "logits", SHAPE(N, N));
  for (int i = 0; i < N * N; i++) x->value[i] = -10; /* cosines of 0 */
  const double rows =
      (double)sigmoid_loss(tape, x, NULL, SIGMOID_BY_ROWS, NULL)->value[0];
  const double pairs =
      (double)sigmoid_loss(tape, x, NULL, SIGMOID_BY_PAIRS, NULL)->value[0];
  ck_assert_double_eq_tol(rows, 10.046488, 1e-5);
  ck_assert_double_eq_tol(pairs * N, rows, 1e-5);
  tape_free(tape);
}
END_TEST

// Identities of scales and masks
START_TEST(a_clamp_stops_no_gradient) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *x = random_parameter(params, "cosines", SHAPE(3, 3), 0.3);
  Clip clip = {.logit_scale = params_add(params, "logit_scale", SHAPE(1),
                                         init_constant(9), PARAM_PLAIN)};
  params_fill(params, 1);
  clip_clamp(&clip);
  ck_assert_double_eq_tol((double)clip.logit_scale->value[0], log(100), 1e-6);
  tape_backward(tape, info_nce(tape, scale_exp(tape, x, clip.logit_scale), INFO_NCE_HALF,
                               NULL));
  ck_assert_double_gt(fabs((double)clip.logit_scale->grad[0]), 1e-3);
  tape_free(tape), params_free(params);
}
END_TEST
START_TEST(all_hidden_is_the_mean_of_squares) {
  enum { B = 2, N = 3, n = 4 };
  int restore[B * N] = {-1, -1, -1, -1, -1, -1};
  const Masking all = {B, N, 0, NULL, restore};
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *predicted = random_parameter(params, "said", SHAPE(B, N, n), 1);
  Tensor *target = tape_tensor(tape, "target", SHAPE(B, N, n));
  double squares = 0;
  params_fill(params, 1);
  for (int i = 0; i < B * N * n; i++) {
    target->value[i] = (real)(i % 5);
    squares += pow((double)(predicted->value[i] - target->value[i]), 2);
  }
  const double loss = (double)masked_mse(tape, predicted, target, &all)->value[0];
  ck_assert_double_eq_tol(loss, squares / (B * N * n), 1e-5);
  tape_free(tape), params_free(params);
}
END_TEST

TEST_MAIN("identities", layernorm_with_hardly_any_eps, columns_of_the_other_direction,
          larger_batches_at_the_start, a_clamp_stops_no_gradient,
          all_hidden_is_the_mean_of_squares)
