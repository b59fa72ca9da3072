/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "tensor/info_nce.h"

#include "base/random.h"
#include "tensor/layers.h"
#include "testing.h"

enum { MOST = 300 };

static double loss_of(Tape *tape, int N, const double *cosines, double t,
                      InfoNceForm form) {
  Tensor *logits = tape_tensor(tape, "logits", SHAPE(N, N));
  for (int i = 0; i < N * N; i++) logits->value[i] = (real)(t * cosines[i]);
  return (double)info_nce(tape, logits, form, NULL)->value[0];
}

START_TEST(alike_vectors_cost_ln_n) {
  static const double ones[MOST * MOST];
  Tape *tape = tape_new();
  for (int N = 2; N < MOST; N *= 3) {
    ck_assert_double_eq_tol(loss_of(tape, N, ones, 1, INFO_NCE_HALF), log(N), 2e-5);
    ck_assert_double_eq_tol(loss_of(tape, N, ones, 1, INFO_NCE_SUM), 2 * log(N), 4e-5);
  }
  tape_free(tape);
}
END_TEST

START_TEST(perfect_pairs_cost_next_to_nothing) {
  static double eye[256 * 256];
  static const struct {
    int N;
    double loss;
  } want[] = {{64, 3.936635e-5}, {256, 1.5933e-4}};
  Tape *tape = tape_new();
  for (int i = 0; i < 2; i++) {
    const int N = want[i].N;
    memset(eye, 0, sizeof eye);
    for (int k = 0; k < N; k++) eye[k * N + k] = 1;
    const double loss = loss_of(tape, N, eye, 1 / 0.07, INFO_NCE_HALF);
    ck_assert_double_eq_tol(loss, want[i].loss, sizeof(real) == 4 ? 1e-5 : 1e-8);
    if (sizeof(real) == 8)
      ck_assert_double_eq_tol(loss, log1p((N - 1) * exp(-1 / 0.07)), 1e-12);
  }
  tape_free(tape);
}
END_TEST

static const double golden[4] = {.9, .1, .2, .8};

START_TEST(the_worked_example) {
  static const struct {
    double t, loss;
  } want[] = {{1, .403740179}, {10, .001158506}, {1 / 0.07, 7.2775e-5}};
  Tape *tape = tape_new();
  for (int i = 0; i < 3; i++) {
    const double half = loss_of(tape, 2, golden, want[i].t, INFO_NCE_HALF);
    ck_assert_double_eq_tol(half, want[i].loss, 1e-6);
    ck_assert_double_eq(loss_of(tape, 2, golden, want[i].t, INFO_NCE_SUM), 2 * half);
  }
  tape_free(tape);
}
END_TEST

START_TEST(the_gradient_of_the_worked_example) {
  static const double want[] = {-.160459, .160459, .171539, -.171539};
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *logits = given_parameter(params, "logits", SHAPE(2, 2), golden);
  params_fill(params, 1);
  tape_backward(tape, info_nce(tape, logits, INFO_NCE_HALF, NULL));
  for (int i = 0; i < 4; i++)
    ck_assert_double_eq_tol((double)logits->grad[i], want[i], 1e-6);
  tape_free(tape);
  params_free(params);
}
END_TEST

enum { N = 5, E = 7 };

typedef struct Chain {
  Params *params;
  Tape *tape;
  Tensor *images, *texts, *s;
  InfoNceForm form;
} Chain;

static Chain chain_new(void) {
  Chain c = {.params = params_new(), .tape = tape_new()};
  c.images = random_parameter(c.params, "images", SHAPE(N, E), 1);
  c.texts = random_parameter(c.params, "texts", SHAPE(N, E), 1);
  c.s = given_parameter(c.params, "s", SCALAR, (double[]){0.8});
  params_fill(c.params, 3);
  return c;
}

static void chain_free(Chain *c) {
  tape_free(c->tape);
  params_free(c->params);
}

static Tensor *chain_loss(Tape *tape, void *state) {
  const Chain *c = state;
  Tensor *u = normalize(tape, c->images, 0), *v = normalize(tape, c->texts, 0);
  Tensor *logits = scale_exp(tape, linear(tape, u, v, NULL), c->s);
  return info_nce(tape, logits, c->form, NULL);
}

static double chain_value(Chain *c) {
  return (double)chain_loss(c->tape, c)->value[0];
}

START_TEST(gradients_of_the_chain) {
  Chain c = chain_new();
  for (int form = 0; form < 2; form++) {
    c.form = (InfoNceForm)form;
    assert_gradients(chain_loss, &c, c.params);
  }
  chain_free(&c);
}
END_TEST

/* Turn the plane of coordinates a and b of each row. */
static void turn(Tensor *x, int a, int b, double angle) {
  for (int r = 0; r < N; r++) {
    real *row = x->value + r * E, p = row[a], q = row[b];
    row[a] = (real)cos(angle) * p - (real)sin(angle) * q;
    row[b] = (real)sin(angle) * p + (real)cos(angle) * q;
  }
}

static void exchange_rows(Tensor *x, int a, int b) {
  real row[E];
  memcpy(row, x->value + a * E, sizeof row);
  memcpy(x->value + a * E, x->value + b * E, sizeof row);
  memcpy(x->value + b * E, row, sizeof row);
}

START_TEST(what_the_loss_does_not_see) {
  Chain c = chain_new();
  const double loss = chain_value(&c);
  turn(c.images, 0, 3, 0.7), turn(c.texts, 0, 3, 0.7);
  turn(c.images, 5, 1, -2), turn(c.texts, 5, 1, -2);
  ck_assert_double_eq_tol(chain_value(&c), loss, ROUNDING);
  exchange_rows(c.images, 1, 4), exchange_rows(c.texts, 1, 4);
  ck_assert_double_eq_tol(chain_value(&c), loss, ROUNDING);
  Tensor *kept = c.images;
  c.images = c.texts, c.texts = kept;
  ck_assert_double_eq_tol(chain_value(&c), loss, ROUNDING);
  for (int i = 0; i < N * E; i++) c.images->value[i] *= (real)(2 + i / E);
  ck_assert_double_eq_tol(chain_value(&c), loss, ROUNDING);
  exchange_rows(c.images, 0, 2); /* but pairs torn apart it sees */
  ck_assert_double_gt(fabs(chain_value(&c) - loss), 1e-3);
  chain_free(&c);
}
END_TEST

START_TEST(gradients_are_at_right_angles) {
  Chain c = chain_new();
  tape_backward(c.tape, chain_loss(c.tape, &c));
  for (int r = 0; r < N; r++) {
    double dot = 0, length = 0;
    for (int i = r * E; i < (r + 1) * E; i++) {
      dot += (double)c.images->grad[i] * (double)c.images->value[i];
      length += fabs((double)c.images->grad[i]);
    }
    ck_assert_double_gt(length, 1e-3);
    ck_assert_double_eq_tol(dot, 0, ROUNDING);
  }
  chain_free(&c);
}
END_TEST

START_TEST(the_gradient_of_logits_sums_to_zero_over_all_only) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *logits = random_parameter(params, "logits", SHAPE(N, N), 2);
  double all = 0, rows = 0;
  params_fill(params, 4);
  tape_backward(tape, info_nce(tape, logits, INFO_NCE_HALF, NULL));
  for (int i = 0; i < N; i++) {
    double row = 0;
    for (int j = 0; j < N; j++) row += (double)logits->grad[i * N + j];
    all += row, rows += fabs(row);
  }
  ck_assert_double_eq_tol(all, 0, ROUNDING);
  ck_assert_double_gt(rows, 1e-3);
  tape_free(tape);
  params_free(params);
}
END_TEST

START_TEST(the_scale_gets_gradient_times_logits) {
  Chain c = chain_new();
  Tensor *u = normalize(c.tape, c.images, 0), *v = normalize(c.tape, c.texts, 0);
  Tensor *logits = scale_exp(c.tape, linear(c.tape, u, v, NULL), c.s);
  double want = 0;
  tape_backward(c.tape, info_nce(c.tape, logits, INFO_NCE_HALF, NULL));
  for (int i = 0; i < N * N; i++)
    want += (double)logits->grad[i] * (double)logits->value[i];
  ck_assert_double_gt(fabs(want), 1e-3);
  ck_assert_double_eq_tol((double)c.s->grad[0], want, ROUNDING);
  chain_free(&c);
}
END_TEST

static double random_start(Tape *tape, int dimensions, double t) {
  enum { PAIRS = 64 };
  Tensor *side[2];
  for (int k = 0; k < 2; k++) {
    RandomKey key = random_key((uint64_t)k, "start");
    side[k] = tape_tensor(tape, "vectors", SHAPE(PAIRS, dimensions));
    for (int i = 0; i < PAIRS * dimensions; i++)
      side[k]->value[i] = (real)random_normal(key, (uint64_t)i);
    side[k] = normalize(tape, side[k], 0);
  }
  Tensor *cosines = linear(tape, side[0], side[1], NULL);
  Tensor *logits = scale_by(tape, cosines, t);
  return (double)info_nce(tape, logits, INFO_NCE_HALF, NULL)->value[0];
}

START_TEST(random_vectors_start_above_ln_n) {
  Tape *tape = tape_new();
  const double t = 1 / 0.07;
  ck_assert_double_eq_tol(random_start(tape, 512, 1), log(64), 0.02);
  ck_assert_double_eq_tol(random_start(tape, 512, t), 4.31, 0.1);
  ck_assert_double_eq_tol(random_start(tape, 64, t), 5.51, 0.35);
  ck_assert_double_eq_tol(random_start(tape, 32, t), 6.94, 0.6);
  tape_free(tape);
}
END_TEST

TEST_MAIN("info_nce", alike_vectors_cost_ln_n, perfect_pairs_cost_next_to_nothing,
          the_worked_example, the_gradient_of_the_worked_example,
          gradients_of_the_chain, what_the_loss_does_not_see,
          gradients_are_at_right_angles,
          the_gradient_of_logits_sums_to_zero_over_all_only,
          the_scale_gets_gradient_times_logits, random_vectors_start_above_ln_n)
