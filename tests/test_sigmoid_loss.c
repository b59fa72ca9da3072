/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "tensor/sigmoid_loss.h"

#include "base/random.h"
#include "tensor/info_nce.h"
#include "tensor/layers.h"
#include "testing.h"

static const double golden[4] = {.9, .1, .2, .8};
static const double tight = sizeof(real) == 4 ? 2e-6 : 1e-12;

/* What of a loss of logits t c + b for cosines c[N][N] can be looked at. */
typedef struct Looked {
  double loss, correct, by_log_t, by_b;
  double by_cosine[64 * 64]; /* divided by t: by the logit */
} Looked;

static Looked look(int N, const double *cosines, double t, double b,
                   const unsigned char *positives, SigmoidForm form) {
  static Looked found;
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *c = given_parameter(params, "cosines", SHAPE(N, N), cosines);
  Tensor *log_t = given_parameter(params, "log_t", SCALAR, (double[]){log(t)});
  Tensor *bias = given_parameter(params, "b", SCALAR, (double[]){b});
  params_fill(params, 1);
  Tensor *logits = shift_by(tape, scale_exp(tape, c, log_t), bias);
  Tensor *loss = sigmoid_loss(tape, logits, positives, form, &found.correct);
  tape_backward(tape, loss);
  found.loss = (double)loss->value[0];
  found.by_log_t = (double)log_t->grad[0], found.by_b = (double)bias->grad[0];
  for (int i = 0; i < N * N && N <= 64; i++)
    found.by_cosine[i] = (double)c->grad[i] / t;
  tape_free(tape);
  params_free(params);
  return found;
}

// Closed forms of the sigmoid loss
START_TEST(softplus_and_logistic_for_any_number) {
  for (double x = -800; x <= 800; x += 12.5) {
    ck_assert(isfinite(softplus(x)) && isfinite(logistic(x)));
    ck_assert_double_eq_tol(softplus(x) - softplus(-x), x, 1e-12 * (1 + fabs(x)));
    ck_assert_double_eq_tol(logistic(x) + logistic(-x), 1, 1e-15);
    if (fabs(x) < 30)
      ck_assert_double_eq_tol(softplus(x), log(1 + exp(x)), 1e-12 * (1 + fabs(x)));
  }
  ck_assert_double_eq_tol(softplus(0), log(2), 1e-15);
  ck_assert_double_eq_tol(logistic(2), 0.880797077977882, 1e-14);
}
END_TEST

START_TEST(the_worked_example) {
  static const double want[] = {-.365529289, 6.1697e-5, 1.67675e-4, -.440398539};
  const Looked rows = look(2, golden, 10, -10, NULL, SIGMOID_BY_ROWS);
  ck_assert_double_eq_tol(rows.loss, 1.720324254, 1e-6);
  for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(rows.by_cosine[i], want[i], 1e-6);
  ck_assert_double_eq_tol(rows.by_b, -.805698456, 1e-6);
  ck_assert_double_eq_tol(rows.by_log_t, -6.812554868, 1e-5);
  const Looked pairs = look(2, golden, 10, -10, NULL, SIGMOID_BY_PAIRS);
  ck_assert_double_eq_tol(pairs.loss, .860162127, 1e-6);
  const Looked cold = look(2, golden, 1 / 0.07, 0, NULL, SIGMOID_BY_ROWS);
  ck_assert_double_eq_tol(cold.loss, 2.278200802, 2e-6);
  ck_assert_double_eq_tol(look(2, golden, 1, 0, NULL, SIGMOID_BY_ROWS).loss, 1.127395035,
                          1e-6);
}
END_TEST

static const double zeros[256 * 256];

START_TEST(the_loss_at_the_start) {
  static const struct {
    int N;
    double loss;
  } want[] = {{2, 10.000091}, {16, 10.000726}, {64, 10.002906}, {256, 10.011622}};
  for (int i = 0; i < 4; i++) {
    const int N = want[i].N;
    const Looked found = look(N, zeros, 10, -10, NULL, SIGMOID_BY_ROWS);
    const double form = softplus(10) + (N - 1) * softplus(-10);
    ck_assert_double_eq_tol(found.loss, want[i].loss, 2e-6);
    ck_assert_double_eq_tol(found.loss, form, 10 * tight);
    ck_assert_double_eq_tol(found.by_b, -(1 - logistic(-10)) + (N - 1) * logistic(-10),
                            sizeof(real) == 4 ? 1e-5 : 1e-11);
    const Looked bare = look(N, zeros, 10, 0, NULL, SIGMOID_BY_ROWS);
    ck_assert_double_eq_tol(bare.loss / (N * log(2)), 1, tight);
  }
  static const double ones[4] = {1, 1, 1, 1}; /* cosine 1: logit 0 */
  ck_assert_double_eq_tol(look(2, ones, 10, -10, NULL, SIGMOID_BY_ROWS).loss,
                          2 * log(2), tight);
}
END_TEST

START_TEST(the_best_bias_for_a_batch) {
  static const struct {
    int N;
    double bias, loss;
  } want[] = {{16, -2.7081, 3.74067}, {64, -4.1431, 5.15103}, {256, -5.5413, 6.54322}};
  for (int i = 0; i < 3; i++) {
    const int N = want[i].N;
    const double best = -log(N - 1);
    const Looked found = look(N, zeros, 10, best, NULL, SIGMOID_BY_ROWS);
    ck_assert_double_eq_tol(best, want[i].bias, 1e-4);
    ck_assert_double_eq_tol(found.loss, want[i].loss, 1e-5);
    ck_assert_double_eq_tol(found.loss, log(N) + (N - 1) * log(N / (N - 1.0)),
                            10 * tight);
    ck_assert_double_eq_tol(found.by_b, 0, 10 * tight);
  }
  ck_assert_double_eq_tol(look(2, zeros, 10, -10, NULL, SIGMOID_BY_ROWS).by_b,
                          2 * logistic(-10) - 1, 10 * tight);
}
END_TEST

// Relations between the forms
enum { SOME = 6 };

static void some_cosines(double *cosines, uint64_t seed) {
  for (int i = 0; i < SOME * SOME; i++)
    cosines[i] = 2 * random_uniform(random_key(seed, "cosines"), (uint64_t)i) - 1;
}

START_TEST(the_popular_form_is_an_nth) {
  double cosines[SOME * SOME];
  some_cosines(cosines, 1);
  const Looked rows = look(SOME, cosines, 7, -3, NULL, SIGMOID_BY_ROWS);
  const Looked pairs = look(SOME, cosines, 7, -3, NULL, SIGMOID_BY_PAIRS);
  ck_assert_double_eq_tol(rows.loss, SOME * pairs.loss, 10 * tight);
  for (int i = 0; i < SOME * SOME; i++)
    ck_assert_double_eq_tol(rows.by_cosine[i], SOME * pairs.by_cosine[i], tight);
}
END_TEST

START_TEST(zero_and_one_or_minus_one_and_one) {
  double cosines[SOME * SOME], entropy = 0, logistic_form = 0, softplus_form = 0;
  some_cosines(cosines, 2);
  for (int i = 0; i < SOME * SOME; i++) {
    const double l = 5 * cosines[i] - 2, y = i / SOME == i % SOME, z = 2 * y - 1;
    entropy -= y * log(logistic(l)) + (1 - y) * log(1 - logistic(l));
    logistic_form -= log(logistic(z * l));
    softplus_form += softplus(l) - y * l;
  }
  ck_assert_double_eq_tol(entropy, logistic_form, 1e-12);
  ck_assert_double_eq_tol(entropy, softplus_form, 1e-12);
  ck_assert_double_eq_tol(look(SOME, cosines, 5, -2, NULL, SIGMOID_BY_ROWS).loss,
                          entropy / SOME, 10 * tight);
}
END_TEST

START_TEST(without_a_bias_the_popular_logits) {
  double cosines[SOME * SOME], sum = 0;
  const double tau = 0.2;
  some_cosines(cosines, 3);
  for (int i = 0; i < SOME * SOME; i++) {
    const double p = 1 / (1 + exp(-cosines[i] / tau));
    sum -= i / SOME == i % SOME ? log(p) : log(1 - p);
  }
  ck_assert_double_eq_tol(look(SOME, cosines, 1 / tau, 0, NULL, SIGMOID_BY_PAIRS).loss,
                          sum / SOME / SOME, 10 * tight);
}
END_TEST

START_TEST(logits_from_the_edge_of_the_numbers) {
  static const double far[] = {-1, 1, 1, -1}; /* all of them wrong */
  const Looked found = look(2, far, 1e30, 0, NULL, SIGMOID_BY_ROWS);
  ck_assert_double_eq_tol(found.loss, 2e30, 1e24);
  for (int i = 0; i < 4; i++)
    ck_assert_double_eq_tol(fabs(found.by_cosine[i]), 0.5, 1e-5);
  const double near[] = {1, -1, -1, 1};
  ck_assert_double_eq(look(2, near, 1e30, 0, NULL, SIGMOID_BY_ROWS).loss, 0);
}
END_TEST

// What a pair sees
static void info_gradients(const double *cosines, double t, double *by_cosine) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *c = given_parameter(params, "cosines", SHAPE(SOME, SOME), cosines);
  params_fill(params, 1);
  tape_backward(tape, info_nce(tape, scale_by(tape, c, t), INFO_NCE_HALF, NULL));
  for (int i = 0; i < SOME * SOME; i++) by_cosine[i] = (double)c->grad[i];
  tape_free(tape), params_free(params);
}

START_TEST(pairs_do_not_see_each_other) {
  enum { ROW = 2, COLUMN = 4, CHANGED = ROW * SOME + COLUMN };
  double cosines[SOME * SOME], before[SOME * SOME], after[SOME * SOME];
  some_cosines(cosines, 4);
  const Looked first = look(SOME, cosines, 5, -2, NULL, SIGMOID_BY_ROWS);
  info_gradients(cosines, 5, before);
  cosines[CHANGED] = 0.9;
  const Looked then = look(SOME, cosines, 5, -2, NULL, SIGMOID_BY_ROWS);
  info_gradients(cosines, 5, after);
  for (int i = 0; i < SOME * SOME; i++) {
    const bool in_line = i / SOME == ROW || i % SOME == COLUMN;
    if (i == CHANGED)
      ck_assert_double_gt(fabs(then.by_cosine[i] - first.by_cosine[i]), 1e-3);
    else ck_assert_double_eq(then.by_cosine[i], first.by_cosine[i]);
    if (in_line) ck_assert_double_gt(fabs(after[i] - before[i]), 1e-6);
    else ck_assert_double_eq(after[i], before[i]);
  }
}
END_TEST

START_TEST(several_true_pairs) {
  double cosines[SOME * SOME], sum = 0;
  unsigned char positives[SOME * SOME] = {0}, eye[SOME * SOME] = {0};
  some_cosines(cosines, 5);
  for (int i = 0; i < SOME; i++) {
    eye[i * SOME + i] = 1;
    for (int j = 0; j < SOME; j++) positives[i * SOME + j] = i % 3 == j % 3;
  }
  const Looked found = look(SOME, cosines, 4, -1, positives, SIGMOID_BY_ROWS);
  for (int i = 0; i < SOME * SOME; i++) {
    const double l = 4 * cosines[i] - 1;
    sum += positives[i] ? softplus(-l) : softplus(l);
    ck_assert_double_eq_tol(found.by_cosine[i], (logistic(l) - positives[i]) / SOME,
                            tight);
  }
  ck_assert_double_eq_tol(found.loss, sum / SOME, 10 * tight);
  const Looked none = look(SOME, cosines, 4, -1, NULL, SIGMOID_BY_ROWS);
  ck_assert_double_eq(look(SOME, cosines, 4, -1, eye, SIGMOID_BY_ROWS).loss, none.loss);
  ck_assert_double_gt(fabs(none.loss - found.loss), 0.1);
}
END_TEST

typedef struct Shared {
  Tensor *cosines;
  const unsigned char *positives;
} Shared;

static Tensor *shared_loss(Tape *tape, void *state) {
  const Shared *s = state;
  return info_nce_shared(tape, scale_by(tape, s->cosines, 5), s->positives,
                         INFO_NCE_HALF, NULL);
}

static double shared_by_hand(Tape *tape, const double *x, double *correct) {
  static const unsigned char positives[] = {1, 0, 1, 0, 1, 0, 0, 0, 1};
  real logits[9];
  for (int i = 0; i < 9; i++) logits[i] = (real)x[i];
  Tensor *l = tape_input(tape, "logits", SHAPE(3, 3), logits);
  return (double)info_nce_shared(tape, l, positives, INFO_NCE_SUM, correct)->value[0];
}

START_TEST(shared_targets) {
  Tape *tape = tape_new();
  double correct;
  /* one row and one column at a time: the others find theirs and cost nothing */
  const double x[] = {2, 1, 0, -99, 99, -99, -99, -99, 99};
  ck_assert_double_eq_tol(shared_by_hand(tape, x, &correct), (1.4076059644 + 49.5) / 3,
                          1e-5);
  ck_assert_double_eq(correct, 3);
  Params *params = params_new();
  unsigned char positives[SOME * SOME] = {0}, eye[SOME * SOME] = {0};
  Shared s = {random_parameter(params, "cosines", SHAPE(SOME, SOME), 1), positives};
  params_fill(params, 5);
  for (int i = 0; i < SOME; i++) {
    eye[i * SOME + i] = positives[i * SOME + i] = 1;
    if (i) positives[i] = positives[i * SOME + (i * i) % SOME] = 1;
  }
  assert_gradients(shared_loss, &s, params);
  s.positives = eye;
  const double same = (double)shared_loss(tape, &s)->value[0];
  const Tensor *plain = info_nce(tape, scale_by(tape, s.cosines, 5), INFO_NCE_HALF, NULL);
  ck_assert_double_eq_tol(same, (double)plain->value[0], tight);
  tape_free(tape), params_free(params);
}
END_TEST

START_TEST(shared_targets_compete) {
  static const double x[] = {2, 1, 0, 0, 0, 0, 0, 0, 0};
  static const unsigned char positives[] = {1, 0, 1, 0, 1, 0, 0, 0, 1};
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *cosines = given_parameter(params, "cosines", SHAPE(3, 3), x);
  params_fill(params, 1);
  tape_backward(tape, info_nce_shared(tape, cosines, positives, INFO_NCE_SUM, NULL));
  /* of the first row .1652 and -.4100; of the first column, softmax less one; thirds */
  const double down = 0.6652409 - 0.5, column = exp(2) / (exp(2) + 2) - 1;
  ck_assert_double_eq_tol((double)cosines->grad[0], (down + column) / 3, 1e-5);
  ck_assert_double_gt(down, 0);
  tape_free(tape), params_free(params);
}
END_TEST

START_TEST(matches_are_counted) {
  /* rows find 0, 2, 2; columns find 0, 0, 2 */
  static const double cosines[] = {.9, .8, .1, .2, .3, .6, .0, .1, .7};
  static const unsigned char positives[] = {1, 1, 0, 0, 1, 1, 0, 0, 1};
  ck_assert_double_eq(look(3, cosines, 1, 0, NULL, SIGMOID_BY_ROWS).correct, 2);
  ck_assert_double_eq(look(3, cosines, 1, 0, positives, SIGMOID_BY_ROWS).correct, 3);
}
END_TEST

enum { N = 5, E = 7 };

typedef struct Chain {
  Params *params;
  Tape *tape;
  Tensor *images, *texts, *log_t, *b;
  const unsigned char *positives;
  SigmoidForm form;
  int chunks; /* 0: of parts */
} Chain;

static Chain chain_new(void) {
  Chain c = {.params = params_new(), .tape = tape_new()};
  c.images = random_parameter(c.params, "images", SHAPE(N, E), 1);
  c.texts = random_parameter(c.params, "texts", SHAPE(N, E), 1);
  c.log_t = given_parameter(c.params, "log_t", SCALAR, (double[]){0.8});
  c.b = given_parameter(c.params, "b", SCALAR, (double[]){-0.7});
  params_fill(c.params, 3);
  return c;
}

static void chain_free(Chain *c) {
  tape_free(c->tape), params_free(c->params);
}

static Tensor *chain_loss(Tape *tape, void *state) {
  const Chain *c = state;
  Tensor *u = normalize(tape, c->images, 0), *v = normalize(tape, c->texts, 0);
  if (c->chunks)
    return sigmoid_loss_in_chunks(tape, u, v, c->log_t, c->b, c->positives, c->form,
                                  c->chunks, NULL);
  Tensor *logits = scale_exp(tape, linear(tape, u, v, NULL), c->log_t);
  if (c->b) logits = shift_by(tape, logits, c->b);
  return sigmoid_loss(tape, logits, c->positives, c->form, NULL);
}

static const unsigned char some_positives[N * N] = {1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1,
                                                    0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1};

START_TEST(gradients_of_the_sigmoid_loss) {
  Chain c = chain_new();
  for (int i = 0; i < 4; i++) {
    c.form = (SigmoidForm)(i / 2);
    c.positives = i % 2 ? some_positives : NULL;
    assert_gradients(chain_loss, &c, c.params);
  }
  chain_free(&c);
}
END_TEST

// Chunks
/* Value and gradients of everything, after a slope of `slope`. */
static real *everything(Chain *c, real slope, size_t *count) {
  *count = c->params->size + 1;
  real *all = calloc(*count, sizeof *all);
  tape_reset(c->tape, (RandomKey){0});
  params_clear_grad(c->params);
  Tensor *loss = chain_loss(c->tape, c);
  all[0] = loss->value[0];
  tape_backward_from(c->tape, loss, slope);
  memcpy(all + 1, c->params->grad, (*count - 1) * sizeof *all);
  return all;
}

static void compare_chunks(Chain *c) {
  size_t n;
  c->chunks = 0;
  real *whole = everything(c, (real)0.3, &n);
  for (c->chunks = 1; c->chunks <= N; c->chunks++) {
    real *parts = everything(c, (real)0.3, &n);
    ck_assert_double_lt(relative_error(parts, whole, n),
                        sizeof(real) == 4 ? 1e-6 : 1e-13);
    free(parts);
  }
  free(whole);
}

START_TEST(chunks_are_the_whole) {
  Chain c = chain_new();
  compare_chunks(&c);
  c.form = SIGMOID_BY_PAIRS;
  compare_chunks(&c);
  c.b = NULL;
  compare_chunks(&c);
  chain_free(&c);
}
END_TEST

START_TEST(chunks_of_the_whole_truth) {
  Chain c = chain_new();
  double whole, parts;
  c.positives = some_positives;
  compare_chunks(&c);
  Tensor *u = normalize(c.tape, c.images, 0), *v = normalize(c.tape, c.texts, 0);
  Tensor *logits = shift_by(c.tape, scale_exp(c.tape, linear(c.tape, u, v, NULL),
                                              c.log_t), c.b);
  sigmoid_loss(c.tape, logits, some_positives, SIGMOID_BY_ROWS, &whole);
  for (int chunks = 1; chunks <= N; chunks++) {
    sigmoid_loss_in_chunks(c.tape, u, v, c.log_t, c.b, some_positives, SIGMOID_BY_ROWS,
                           chunks, &parts);
    ck_assert_double_eq(parts, whole);
  }
  ck_assert_double_gt(whole, 0);
  chain_free(&c);
}
END_TEST

START_TEST(gradients_of_chunks) {
  Chain c = chain_new();
  for (c.chunks = 1; c.chunks <= N; c.chunks += 2) {
    c.positives = c.chunks == 3 ? some_positives : NULL;
    assert_gradients(chain_loss, &c, c.params);
  }
  chain_free(&c);
}
END_TEST

TEST_MAIN("sigmoid_loss", softplus_and_logistic_for_any_number, the_worked_example,
          the_loss_at_the_start, the_best_bias_for_a_batch,
          the_popular_form_is_an_nth, zero_and_one_or_minus_one_and_one,
          without_a_bias_the_popular_logits, logits_from_the_edge_of_the_numbers,
          pairs_do_not_see_each_other, several_true_pairs, shared_targets,
          shared_targets_compete, matches_are_counted,
          gradients_of_the_sigmoid_loss, chunks_are_the_whole, chunks_of_the_whole_truth,
          gradients_of_chunks)
