/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "tensor/layers.h"

#include "tensor/arithmetic.h"
#include "testing.h"

static Tensor *row(Tape *tape, int n, const double *values) {
  Tensor *t = tape_tensor(tape, "row", SHAPE(1, n));
  for (int i = 0; i < n; i++) t->value[i] = (real)values[i];
  return t;
}

static void expect(const Tensor *t, int n, const double *want, double tolerance) {
  for (int i = 0; i < n; i++)
    ck_assert_double_le(fabs((double)t->value[i] - want[i]), tolerance);
}

// Values worked by hand
START_TEST(linear_example) {
  Tape *tape = tape_new();
  Tensor *x = row(tape, 2, (double[]){5, 6}), *b = row(tape, 2, (double[]){10, 20});
  Tensor *w = tape_tensor(tape, "w", SHAPE(2, 2));
  for (int i = 0; i < 4; i++) w->value[i] = (real)(i + 1);
  expect(linear(tape, x, w, b), 2, (double[]){27, 59}, 0);
  expect(linear(tape, x, w, NULL), 2, (double[]){17, 39}, 0);
  ck_assert(tape->macs == 8);
  real dx[2] = {0}, dw[4] = {0}, db[2] = {0}, dy[2] = {1, 2};
  linear_backward_input(dx, dy, w->value, 1, 2, 2, true);
  linear_backward_weight(dw, db, dy, x->value, 1, 2, 2);
  ck_assert(dx[0] == 7 && dx[1] == 10 && db[0] == 1 && db[1] == 2);
  ck_assert(dw[0] == 5 && dw[1] == 6 && dw[2] == 10 && dw[3] == 12);
  tape_free(tape);
}
END_TEST

START_TEST(layernorm_example_and_eps) {
  Tape *tape = tape_new();
  Tensor *x = row(tape, 4, (double[]){1, 2, 3, 4});
  Tensor *g = row(tape, 4, (double[]){1, 1, 1, 1});
  Tensor *b = row(tape, 4, (double[]){0, 0, 0, 0});
  double tolerance = sizeof(real) == 4 ? 3e-7 : 1e-8;
  expect(layernorm(tape, x, g, b, 1e-5), 1, (double[]){-1.34163542}, tolerance);
  expect(layernorm(tape, x, g, b, 1e-6), 1, (double[]){-1.34164025}, tolerance);
  Tensor *flat = row(tape, 4, (double[]){7, 7, 7, 7});
  expect(layernorm(tape, flat, g, b, 1e-6), 4, (double[]){0, 0, 0, 0}, 0);
  tape_free(tape);
}
END_TEST

START_TEST(gelu_golden_values) {
  Tape *tape = tape_new();
  Tensor *x = row(tape, 3, (double[]){1, -1, 3});
  double tolerance = sizeof(real) == 4 ? 3e-7 : 1e-8;
  expect(gelu(tape, x, GELU_ERF), 3,
         (double[]){.84134475, -.15865525, 2.99595031}, tolerance);
  expect(gelu(tape, x, GELU_TANH), 3,
         (double[]){.84119199, -.15880801, 2.99636261}, tolerance);
  expect(gelu(tape, x, GELU_QUICK), 3,
         (double[]){.84579577, -.15420423, 2.98192869}, tolerance);
  tape_free(tape);
}
END_TEST

START_TEST(softmax_example_and_safety) {
  Tape *tape = tape_new();
  Tensor *x = row(tape, 3, (double[]){0, log(2), log(5)});
  expect(softmax(tape, x), 3, (double[]){.125, .25, .625}, 1e-7);
  Tensor *far = row(tape, 3, (double[]){1000, 1000 + log(2), 1000 + log(5)});
  expect(softmax(tape, far), 3, (double[]){.125, .25, .625}, 5e-5);
  Tensor *wide = row(tape, 2, (double[]){-3e4, 3e4});
  expect(softmax(tape, wide), 2, (double[]){0, 1}, 0);
  tape_free(tape);
}
END_TEST

START_TEST(normalize_example_and_zero) {
  Tape *tape = tape_new();
  expect(normalize(tape, row(tape, 2, (double[]){3, 4}), 0), 2, (double[]){.6, .8}, 1e-7);
  expect(normalize(tape, row(tape, 2, (double[]){0, 0}), 0), 2, (double[]){0, 0}, 0);
  expect(normalize(tape, row(tape, 2, (double[]){0, 0}), 1e-8), 2, (double[]){0, 0}, 0);
  tape_free(tape);
}
END_TEST

// Identities of the layers
START_TEST(gelu_identity_and_distance) {
  double far_tanh = 0, far_quick = 0;
  for (int i = 0; i <= 4000; i++) {
    real x[2] = {(real)(i * 0.002), (real)(-i * 0.002)}, y[3][2];
    for (int k = 0; k < 3; k++) {
      gelu_forward(y[k], x, (GeluKind)k, 2);
      ck_assert_double_eq_tol(y[k][0] - y[k][1], x[0], 2e-6);
    }
    far_tanh = fmax(far_tanh, fabs((double)(y[1][0] - y[0][0])));
    far_quick = fmax(far_quick, fabs((double)(y[2][0] - y[0][0])));
  }
  ck_assert_double_eq_tol(far_tanh, 4.732e-4, 1e-6);
  ck_assert_double_eq_tol(far_quick, 0.0203349, 1e-6);
}
END_TEST

START_TEST(layernorm_ignores_scale_and_shift) {
  enum { C = 12 };
  real x[C], moved[C], y[2][C], gain[C], bias[C], mean, rstd;
  for (int i = 0; i < C; i++) {
    x[i] = (real)random_normal(random_key(1, "ln"), (uint64_t)i);
    moved[i] = 5 * x[i] - 3;
    gain[i] = (real)(1 + 0.1 * i);
    bias[i] = (real)(0.3 * i);
  }
  layernorm_forward(y[0], &mean, &rstd, x, gain, bias, (real)1e-12, 1, C);
  layernorm_forward(y[1], &mean, &rstd, moved, gain, bias, (real)1e-12, 1, C);
  ck_assert_double_lt(relative_error(y[1], y[0], C), ROUNDING);
}
END_TEST

START_TEST(layernorm_gradient_has_no_part_along_ones_or_x) {
  enum { C = 16 };
  real x[C], dy[C], dx[C] = {0}, y[C], gain[C], bias[C] = {0}, mean, rstd;
  double ones = 0, along = 0;
  for (int i = 0; i < C; i++) {
    x[i] = (real)random_normal(random_key(2, "x"), (uint64_t)i);
    dy[i] = (real)random_normal(random_key(2, "dy"), (uint64_t)i);
    gain[i] = (real)random_normal(random_key(2, "gain"), (uint64_t)i);
  }
  layernorm_forward(y, &mean, &rstd, x, gain, bias, 0, 1, C);
  layernorm_backward(dx, NULL, NULL, dy, x, gain, &mean, &rstd, 1, C, true);
  for (int i = 0; i < C; i++) {
    ones += (double)dx[i];
    along += (double)(dx[i] * (x[i] - mean));
  }
  ck_assert_double_eq_tol(ones, 0, 10 * ROUNDING);
  ck_assert_double_eq_tol(along, 0, 10 * ROUNDING);
}
END_TEST

START_TEST(dropout_keeps_the_mean_and_rests_in_evaluation) {
  Tape *tape = tape_new();
  tape_reset(tape, random_key(3, "dropout"));
  Tensor *x = tape_tensor(tape, "x", SHAPE(100, 200));
  for (int i = 0; i < 20000; i++) x->value[i] = 1;
  ck_assert_ptr_eq(dropout(tape, x, 0.3), x);
  tape->training = true;
  ck_assert_ptr_eq(dropout(tape, x, 0), x);
  Tensor *y = dropout(tape, x, 0.3), *z = dropout(tape, x, 0.3);
  double mean = 0;
  int zeros = 0, same = 0;
  for (int i = 0; i < 20000; i++) {
    mean += (double)y->value[i] / 20000;
    zeros += y->value[i] == 0;
    same += (y->value[i] == 0) == (z->value[i] == 0);
    ck_assert(y->value[i] == 0 || fabs((double)y->value[i] - 1 / 0.7) < 1e-6);
  }
  ck_assert_double_eq_tol(mean, 1, 5 * sqrt(0.3 / 0.7 / 20000));
  ck_assert_double_eq_tol(zeros / 20000.0, 0.3, 5 * sqrt(0.21 / 20000));
  ck_assert_int_lt(same, 15000); /* two calls draw differently */
  tape_free(tape);
}
END_TEST

START_TEST(drop_path_drops_whole_images) {
  Tape *tape = tape_new();
  tape->training = true;
  tape_reset(tape, random_key(3, "path"));
  Tensor *x = tape_tensor(tape, "x", SHAPE(400, 3, 2));
  for (int i = 0; i < 2400; i++) x->value[i] = 1;
  Tensor *y = drop_path(tape, x, 0.5);
  int dropped = 0;
  for (int b = 0; b < 400; b++) {
    for (int i = 0; i < 6; i++) ck_assert(y->value[6 * b + i] == y->value[6 * b]);
    dropped += y->value[6 * b] == 0;
  }
  ck_assert_int_gt(dropped, 150);
  ck_assert_int_lt(dropped, 250);
  tape_free(tape);
}
END_TEST

// Moving rows is exact
START_TEST(tokens_are_moved_exactly) {
  Tape *tape = tape_new();
  Tensor *x = tape_tensor(tape, "x", SHAPE(2, 3, 2));
  Tensor *f = row(tape, 2, (double[]){-1, -2});
  for (int i = 0; i < 12; i++) x->value[i] = (real)i;
  Tensor *kept = gather_tokens(tape, x, (int[]){2, 0, 1, 1}, 2);
  expect(kept, 8, (double[]){4, 5, 0, 1, 8, 9, 8, 9}, 0);
  Tensor *back = scatter_tokens(tape, kept, f, (int[]){1, -1, 0, -1, 0, -1}, 3);
  expect(back, 12, (double[]){0, 1, -1, -2, 4, 5, -1, -2, 8, 9, -1, -2}, 0);
  Tensor *longer = prepend_token(tape, f, x);
  ck_assert_int_eq(longer->shape.size[1], 4);
  expect(longer, 10, (double[]){-1, -2, 0, 1, 2, 3, 4, 5, -1, -2}, 0);
  expect(take_token(tape, x, 1), 4, (double[]){2, 3, 8, 9}, 0);
  expect(mean_tokens(tape, x, 1), 4, (double[]){3, 4, 9, 10}, 0);
  Tensor *words = embedding(tape, f, (int[]){0, 0, 0}, 1, 3);
  expect(words, 6, (double[]){-1, -2, -1, -2, -1, -2}, 0);
  tape_free(tape);
}
END_TEST

// Every layer passes the gradient check
typedef struct Inputs {
  Tensor *x, *w, *b;
  int kind;
} Inputs;

static void check_gradients(Tensor *(*loss)(Tape *, void *), int kind) {
  Params *params = params_new();
  Inputs in = {random_parameter(params, "x", SHAPE(3, 5, 7), 1.5),
               random_parameter(params, "w", SHAPE(6, 7), 0.5),
               random_parameter(params, "b", SHAPE(kind == -1 ? 6 : 7), 0.5), kind};
  params_fill(params, 11);
  assert_gradients(loss, &in, params);
  params_free(params);
}

static Tensor *linear_loss(Tape *tape, void *state) {
  Inputs *in = state;
  return weighted_sum(tape, linear(tape, in->x, in->w, in->b));
}
START_TEST(gradients_of_linear) { check_gradients(linear_loss, -1); }
END_TEST

START_TEST(a_frozen_weight_does_not_stop_its_bias) {
  Params *params = params_new();
  Tensor *w = params_add(params, "w", SHAPE(2, 3), init_constant(1), PARAM_FIXED);
  Tensor *b = params_add(params, "b", SHAPE(2), init_constant(1), PARAM_PLAIN);
  params_fill(params, 0);
  Tape *tape = tape_new();
  Tensor *x = row(tape, 3, (double[]){1, 2, 3});
  tape_backward(tape, sum(tape, linear(tape, x, w, b)));
  ck_assert(w->grad == NULL && b->grad[0] == 1 && b->grad[1] == 1);
  tape_free(tape), params_free(params);
}
END_TEST

static Tensor *layernorm_loss(Tape *tape, void *state) {
  Inputs *in = state;
  Tensor *gain = embedding(tape, in->w, (int[]){2}, 1, 1); /* a row of w */
  return weighted_sum(tape, layernorm(tape, in->x, gain, in->b, 1e-6));
}
START_TEST(gradients_of_layernorm) { check_gradients(layernorm_loss, 0); }
END_TEST

static Tensor *gelu_loss(Tape *tape, void *state) {
  Inputs *in = state;
  return weighted_sum(tape, gelu(tape, in->x, (GeluKind)in->kind));
}
START_TEST(gradients_of_gelu) {
  for (int kind = 0; kind < 3; kind++) check_gradients(gelu_loss, kind);
}
END_TEST

static Tensor *softmax_loss(Tape *tape, void *state) {
  Inputs *in = state;
  Tensor *unit = normalize(tape, in->x, in->kind ? 0.1 : 0);
  return weighted_sum(tape, softmax(tape, unit));
}
START_TEST(gradients_of_softmax_and_normalize) {
  for (int kind = 0; kind < 2; kind++) check_gradients(softmax_loss, kind);
}
END_TEST

static Tensor *drop_loss(Tape *tape, void *state) {
  Inputs *in = state;
  tape->training = true;
  return weighted_sum(tape, drop_path(tape, dropout(tape, in->x, 0.4), 0.4));
}
START_TEST(gradients_of_drops) { check_gradients(drop_loss, 0); }
END_TEST

static Tensor *moving_loss(Tape *tape, void *state) {
  Inputs *in = state;
  const int index[] = {4, 0, 1, 2, 2, 2}, from[] = {1, -1, 0, -1, 0, 0, -1, -1, 1};
  Tensor *kept = gather_tokens(tape, in->x, index, 2);
  Tensor *back = scatter_tokens(tape, kept, in->b, from, 3);
  Tensor *whole = prepend_token(tape, in->b, back);
  Tensor *words = embedding(tape, in->w, (int[]){5, 1, 5, 5, 0, 1}, 3, 2);
  Tensor *total = add(tape, weighted_sum(tape, take_token(tape, whole, 2)),
                      weighted_sum(tape, mean_tokens(tape, words, 1)));
  return add(tape, total, weighted_sum(tape, mean_tokens(tape, whole, 0)));
}
START_TEST(gradients_of_moving) { check_gradients(moving_loss, 0); }
END_TEST

// Sums, extremes and rows of zeros
static Tensor *twice_loss(Tape *tape, void *state) {
  Inputs *in = state;
  Tensor *y = linear(tape, linear(tape, in->x, in->w, in->b), in->w, in->b);
  return weighted_sum(tape, y);
}

START_TEST(a_linear_used_twice_adds_both_gradients) {
  Params *params = params_new();
  Inputs in = {random_parameter(params, "x", SHAPE(3, 5), 1),
               random_parameter(params, "w", SHAPE(5, 5), 1),
               random_parameter(params, "b", SHAPE(5), 1), 0};
  params_fill(params, 1);
  assert_gradients(twice_loss, &in, params);
  params_free(params);
}
END_TEST

START_TEST(backward_kernels_add) {
  const real x[] = {5, 6}, dy[] = {1, 2};
  real dw[4] = {100, 100, 100, 100}, db[2] = {100, 100};
  linear_backward_weight(dw, db, dy, x, 1, 2, 2);
  ck_assert(db[0] == 101 && db[1] == 102 && dw[0] == 105 && dw[3] == 112);
}
END_TEST

START_TEST(gelu_far_out) {
  for (int kind = 0; kind < 3; kind++) {
    const real x[] = {100, -100};
    real y[2];
    gelu_forward(y, x, (GeluKind)kind, 2);
    ck_assert(y[0] == 100 && fabs((double)y[1]) < 1e-30);
  }
}
END_TEST

START_TEST(normalize_eps_and_zero_rows) {
  const real x[] = {3, 4}, zero[] = {0, 0}, dy[] = {1, 2};
  real y[2], length, dx[2] = {0, 0};
  normalize_forward(y, &length, x, 5, 1, 2);
  ck_assert_double_eq_tol(y[0], 0.3, 1e-6);
  length = 0;
  normalize_backward(dx, dy, zero, &length, 0, 1, 2);
  ck_assert(dx[0] == 0 && dx[1] == 0);
  normalize_backward(dx, dy, zero, &length, (real)0.5, 1, 2);
  ck_assert(dx[0] == 2 && dx[1] == 4);
}
END_TEST

TEST_MAIN("layers", a_linear_used_twice_adds_both_gradients, backward_kernels_add,
          gelu_far_out, normalize_eps_and_zero_rows,
          linear_example, layernorm_example_and_eps, gelu_golden_values,
          gelu_identity_and_distance, softmax_example_and_safety,
          normalize_example_and_zero, layernorm_ignores_scale_and_shift,
          layernorm_gradient_has_no_part_along_ones_or_x,
          dropout_keeps_the_mean_and_rests_in_evaluation,
          drop_path_drops_whole_images, tokens_are_moved_exactly,
          gradients_of_linear, a_frozen_weight_does_not_stop_its_bias,
          gradients_of_layernorm, gradients_of_gelu,
          gradients_of_softmax_and_normalize, gradients_of_drops,
          gradients_of_moving)
