/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "tensor/tape.h"

#include "base/memory.h"
#include "tensor/arithmetic.h"
#include "tensor/gradcheck.h"
#include "testing.h"

// The hand example as a test
START_TEST(the_hand_example) {
  Params *params = params_new();
  Shape one = SHAPE(1);
  Tensor *w = given_parameter(params, "w", one, (double[]){2});
  Tensor *x = given_parameter(params, "x", one, (double[]){3});
  Tensor *b = given_parameter(params, "b", one, (double[]){-5});
  params_fill(params, 0);
  Tape *tape = tape_new();
  Tensor *u = mul(tape, w, x), *v = add(tape, u, b), *L = mul(tape, v, v);
  tape_backward(tape, L);
  ck_assert(u->value[0] == 6 && v->value[0] == 1 && L->value[0] == 1);
  ck_assert(v->grad[0] == 2 && u->grad[0] == 2 && b->grad[0] == 2);
  ck_assert(w->grad[0] == 6 && x->grad[0] == 4);
  tape_free(tape), params_free(params);
}
END_TEST

// Gradients flow where they should
static void in_place_gradient(bool in_place, bool recycling, real *gradient) {
  Params *params = params_new();
  Tensor *w = random_parameter(params, "w", SHAPE(3, 4), 1);
  params_fill(params, 1);
  Tape *tape = tape_new();
  tape->recycling = recycling;
  Tensor *x = mul(tape, w, w), *branch = mul(tape, x, add(tape, x, w));
  Tensor *y = in_place ? add_in_place(tape, x, branch) : add(tape, x, branch);
  Tensor *again = mul(tape, y, x);
  y = in_place ? add_in_place(tape, y, again) : add(tape, y, again);
  tape_backward(tape, sum(tape, mul(tape, y, y)));
  memcpy(gradient, w->grad, 12 * sizeof *gradient);
  tape_free(tape), params_free(params);
}

START_TEST(working_in_place_changes_no_bit) {
  real plain[12], compared[12];
  in_place_gradient(false, false, plain);
  ck_assert(plain[0] != 0 && plain[11] != 0);
  for (int i = 1; i < 4; i++) {
    in_place_gradient(i & 1, i & 2, compared);
    ck_assert(memcmp(plain, compared, sizeof plain) == 0);
  }
}
END_TEST

START_TEST(what_is_no_number_is_named) {
  const real big = sizeof(real) == 4 ? (real)1e30 : (real)1e300;
  const double cases[][2] = {{1, NAN}, {(double)big, (double)big}, {1, 1}};
  const char *want[] = {"the value of b[1], number 0, in mul",
                        "the value of mul[1], number 0",
                        "the gradient of b[1], number 0, in mul"};
  for (int i = 0; i < 3; i++) {
    Params *params = params_new();
    Tensor *a = given_parameter(params, "a", SHAPE(1), &cases[i][0]);
    Tensor *b = given_parameter(params, "b", SHAPE(1), &cases[i][1]);
    params_fill(params, 1);
    Watch watch = {""};
    Tape *tape = tape_new();
    tape->watch = &watch;
    Tensor *loss = sum(tape, mul(tape, a, b));
    ck_assert_int_eq(*watch.found != 0, i < 2);
    if (i == 2) a->value[0] = big; /* its product with the slope is too large */
    tape_backward_from(tape, loss, big);
    ck_assert_str_eq(watch.found, want[i]);
    tape_free(tape), params_free(params);
  }
}
END_TEST

START_TEST(gradients_go_where_they_are_sent) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(2), 1);
  Tensor *b = random_parameter(params, "b", SHAPE(2), 1);
  params_fill(params, 1);
  real *own = calloc(params->size, sizeof *own);
  Tape *tape = tape_new();
  tape_redirect(tape, params->grad, own, params->size);
  tape_backward_from(tape, sum(tape, mul(tape, a, b)), (real)0.5);
  for (int i = 0; i < 2; i++) {
    ck_assert(a->grad[i] == 0 && b->grad[i] == 0);
    ck_assert(own[a->grad - params->grad + i] == b->value[i] / 2);
    ck_assert(own[b->grad - params->grad + i] == a->value[i] / 2);
  }
  tape_free(tape), free(own), params_free(params);
}
END_TEST

START_TEST(a_profile_names_what_took_time) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(100, 100), 1);
  params_fill(params, 1);
  Profile profile = {0};
  Tape *tape = tape_new();
  tape->profile = &profile;
  tape_reset(tape, random_key(1, "profile"));
  tape_backward(tape, sum(tape, mul(tape, a, mul(tape, a, a))));
  ck_assert_int_eq(profile.count, 2);
  ck_assert_str_eq(profile.op[0].name, "mul");
  ck_assert_str_eq(profile.op[1].name, "sum");
  for (int i = 0; i < 2; i++)
    ck_assert(profile.op[i].forward > 0 && profile.op[i].backward > 0);
  tape_free(tape), params_free(params);
}
END_TEST
START_TEST(every_use_adds_to_the_gradient) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(2, 3), 1);
  params_fill(params, 1);
  Tape *tape = tape_new();
  tape_backward(tape, sum(tape, add(tape, a, add(tape, a, a))));
  for (int i = 0; i < 6; i++) ck_assert(a->grad[i] == 3);
  tape_reset(tape, (RandomKey){0});
  tape_backward(tape, sum(tape, a)); /* not cleared: 3 + 1 */
  for (int i = 0; i < 6; i++) ck_assert(a->grad[i] == 4);
  tape_free(tape), params_free(params);
}
END_TEST

START_TEST(what_needs_no_gradient_gets_none) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(4), 1);
  Tensor *f = params_add(params, "f", SHAPE(4), init_constant(2), PARAM_FIXED);
  params_fill(params, 1);
  Tape *tape = tape_new();
  Tensor *unused = mul(tape, a, a), *fixed = mul(tape, f, f);
  Tensor *loss = sum(tape, mul(tape, a, fixed));
  tape_backward(tape, loss);
  ck_assert(unused->grad == NULL && fixed->grad == NULL && f->grad == NULL);
  ck_assert(!fixed->requires_grad && loss->requires_grad);
  for (int i = 0; i < 4; i++) ck_assert(a->grad[i] == 4);
  tape_free(tape), params_free(params);
}
END_TEST

START_TEST(nothing_is_recorded_when_not_asked) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(4), 1);
  params_fill(params, 1);
  Tape *tape = tape_no_grad();
  ck_assert(!sum(tape, mul(tape, a, a))->requires_grad);
  ck_assert(tape->last == NULL);
  tape_free(tape), params_free(params);
}
END_TEST

START_TEST(keys_differ_by_call_and_step) {
  Tape *tape = tape_new();
  tape_reset(tape, random_key(0, "a"));
  uint64_t first = tape_key(tape).word, second = tape_key(tape).word;
  tape_reset(tape, random_key(0, "b"));
  uint64_t other = tape_key(tape).word;
  tape_reset(tape, random_key(0, "a"));
  ck_assert(first != second && first != other);
  ck_assert(tape_key(tape).word == first);
  tape_free(tape);
}
END_TEST

// A wrong rule is found
static Tensor *some_arithmetic(Tape *tape, void *state) {
  Tensor **t = state;
  Tensor *product = mul(tape, t[0], add(tape, t[1], t[0]));
  return weighted_sum(tape, add_to_each(tape, product, t[2]));
}

START_TEST(arithmetic_passes_the_gradient_check) {
  Params *params = params_new();
  Tensor *t[] = {random_parameter(params, "a", SHAPE(3, 2, 4), 1),
                 random_parameter(params, "b", SHAPE(3, 2, 4), 1),
                 random_parameter(params, "table", SHAPE(2, 4), 1)};
  params_fill(params, 3);
  assert_gradients(some_arithmetic, t, params);
  params_free(params);
}
END_TEST

static void wrong_backward(const Entry *e) { /* of a * a: forgets one use */
  for (size_t i = 0; i < tensor_size(e->output); i++)
    e->input[0]->grad[i] += e->output->grad[i] * e->input[0]->value[i];
}

static Tensor *wrong_square(Tape *tape, void *state) {
  Tensor *a = *(Tensor **)state, *y = tape_tensor(tape, "wrong", a->shape);
  for (size_t i = 0; i < tensor_size(a); i++) y->value[i] = a->value[i] * a->value[i];
  tape_record(tape, y, wrong_backward, NULL, a, NULL, NULL);
  return sum(tape, y);
}

START_TEST(a_wrong_derivative_is_found) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(5), 1);
  params_fill(params, 3);
  GradcheckResult result = gradcheck(wrong_square, &a, params, 1e-3);
  ck_assert_double_gt(result.error, 0.4);
  ck_assert_int_eq(result.checked, 5);
  ck_assert_str_eq(result.name, "a");
  params_free(params);
}
END_TEST

static void nan_backward(const Entry *e) { e->input[0]->grad[1] = (real)NAN; }

static Tensor *not_a_number(Tape *tape, void *state) {
  Tensor *a = *(Tensor **)state, *y = tape_tensor(tape, "nan", a->shape);
  memcpy(y->value, a->value, tensor_size(a) * sizeof(real));
  tape_record(tape, y, nan_backward, NULL, a, NULL, NULL);
  return sum(tape, y);
}

START_TEST(a_derivative_that_is_no_number_is_found) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(5), 1);
  params_fill(params, 3);
  GradcheckResult result = gradcheck(not_a_number, &a, params, 1e-3);
  ck_assert(isnan(result.error) && result.checked == 5);
  params_free(params);
}
END_TEST

// What a reset forgets
START_TEST(several_outputs_begin_a_backward_pass) {
  Params *params = params_new();
  Tensor *a = params_add(params, "a", SHAPE(3), init_normal(1), PARAM_PLAIN);
  params_fill(params, 1);
  Tape *tape = tape_new();
  const real given[2][3] = {{1, 2, 3}, {(real)0.5, -1, 4}};
  Tensor *y = mul(tape, a, a), *z = add(tape, y, a);
  Tensor *x = tape_input(tape, "x", SHAPE(3), given[0]);
  ck_assert(x->value != given[0] && x->value[2] == 3 && !x->requires_grad);
  tape_backward_outputs(tape, (Tensor *[]){y, x, z},
                        (const real *[]){given[0], given[0], given[1]}, 3);
  for (int i = 0; i < 3; i++)
    ck_assert_double_eq_tol(a->grad[i], 2 * (double)a->value[i] *
                            (double)(given[0][i] + given[1][i]) + (double)given[1][i],
                            1e-5);
  tape_free(tape), params_free(params);
}
END_TEST
START_TEST(reset_forgets_the_work) {
  Tape *tape = tape_new();
  tape->macs = 7;
  tape_reset(tape, (RandomKey){0});
  ck_assert(tape->macs == 0);
  tape_free(tape);
}
END_TEST

TEST_MAIN("tape", reset_forgets_the_work,
          the_hand_example, every_use_adds_to_the_gradient,
          what_needs_no_gradient_gets_none, nothing_is_recorded_when_not_asked,
          arithmetic_passes_the_gradient_check, a_wrong_derivative_is_found,
          a_derivative_that_is_no_number_is_found,
          keys_differ_by_call_and_step, working_in_place_changes_no_bit,
          gradients_go_where_they_are_sent, what_is_no_number_is_named,
          a_profile_names_what_took_time, several_outputs_begin_a_backward_pass)
