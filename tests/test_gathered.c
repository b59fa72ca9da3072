/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "train/data_parallel.h"

#include <omp.h>

#include "models/clip.h"
#include "testing.h"

enum { PAIRS = 7, T = 5 };

typedef struct Problem {
  Params *params;
  Clip clip;
} Problem;

static Problem problem_new(double dropout_rate) {
  Problem p = {.params = params_new()};
  p.clip = clip_declare(
      p.params,
      (ClipConfig){.image = {.image_size = 8, .channels = 1, .patch_size = 4,
                             .width = 12, .depth = 2, .heads = 3, .mlp = 20,
                             .position = POSITION_LEARNED, .eps = 1e-5,
                             .dropout = dropout_rate},
                   .text = {.vocabulary = 11, .context = T, .width = 8, .depth = 1,
                            .heads = 2, .mlp = 16, .eps = 1e-5, .causal = true},
                   .embed = 6});
  params_fill(p.params, 5);
  for (size_t i = 0; i < p.params->size; i++)
    p.params->value[i] += (real)(0.1 * sin((double)i));
  return p;
}

static void forward(Tape *tape, void *state, int step, int first, int count,
                    Tensor *out[JOINT_KINDS]) {
  const Problem *p = state;
  int ids[PAIRS * T];
  Tensor *x = tape_tensor(tape, "x", SHAPE(count, 1, 8, 8));
  for (int i = 0; i < count * 64; i++)
    x->value[i] = (real)sin(0.37 * (first * 64 + i) + step);
  for (int i = 0; i < count * T; i++)
    ids[i] = i % T == 0 ? 9 : i % T == 3 ? 10 : i % T == 4 ? 0 : (first * T + i) % 7;
  out[0] = clip_encode_image(tape, &p->clip, x);
  out[1] = clip_encode_text(tape, &p->clip, ids, count, T);
}

static Tensor *loss(Tape *tape, void *state, const Shards *shards,
                    Tensor *all[JOINT_KINDS], double *metric) {
  (void)shards;
  return clip_loss(tape, &((Problem *)state)->clip, all[0], all[1], NULL, metric);
}

static const Joint joint = {forward, loss, false};

/* The gradient to gradient[20000]; the loss is returned. */
static double loss_of(int shard_count, int threads, double dropout_rate, real *gradient,
                      size_t *size) {
  Problem p = problem_new(dropout_rate);
  double metric, result = 0;
  omp_set_num_threads(threads);
  Shards *shards = shards_new(p.params, shard_count, 1);
  for (int step = 3; step < 5; step++) /* what the first step leaves must not matter */
    result = joint_gradient(shards, &joint, &p, step, PAIRS, random_key(1, "j"), &metric);
  ck_assert(metric >= 0 && metric <= PAIRS);
  *size = p.params->size;
  memcpy(gradient, p.params->grad, *size * sizeof(real));
  shards_free(shards);
  params_free(p.params);
  return result;
}

START_TEST(shards_give_the_gradient_of_one_tape) {
  static real want[20000], found[20000];
  size_t size;
  Problem p = problem_new(0);
  Tape *tape = tape_new();
  Tensor *out[JOINT_KINDS];
  double metric;
  params_clear_grad(p.params);
  forward(tape, &p, 4, 0, PAIRS, out);
  Tensor *whole = loss(tape, &p, NULL, out, &metric);
  tape_backward(tape, whole);
  memcpy(want, p.params->grad, p.params->size * sizeof(real));
  for (int shards = 1; shards <= 3; shards++) {
    ck_assert_double_eq_tol(loss_of(shards, 2, 0, found, &size), whole->value[0], 1e-5);
    ck_assert_double_lt(relative_error(found, want, size), 10 * ROUNDING);
  }
  tape_free(tape);
  params_free(p.params);
}
END_TEST

START_TEST(threads_do_not_change_a_bit) {
  static real one[20000], more[20000];
  size_t size;
  double a = loss_of(3, 1, 0.2, one, &size);
  for (int threads = 2; threads < 5; threads++) {
    ck_assert(a == loss_of(3, threads, 0.2, more, &size));
    ck_assert_mem_eq(one, more, size * sizeof(real));
  }
}
END_TEST

TEST_MAIN("gathered", shards_give_the_gradient_of_one_tape, threads_do_not_change_a_bit)
