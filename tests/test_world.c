/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "tasks/gathered.h"
#include "tasks/ring.h"
#include "testing.h"
#include "train/optimizer.h"
#include "train/world.h"

enum { N = 50, E = 7 };

/* A CLIP without encoders, its shards, and vectors. */
typedef struct Pairs50 {
  Params *params;
  Clip clip;
  Shards *shards;
  Tensor *u, *v;
  unsigned char positives[N * N];
} Pairs50;

static Pairs50 pairs_new(PairLoss loss, int shards) {
  Pairs50 p = {.params = params_new(), .clip.config.loss = loss};
  p.clip.logit_scale = params_add(p.params, "logit_scale", SCALAR, init_constant(1.3),
                                  PARAM_PLAIN);
  if (loss >= LOSS_SIGMOID)
    p.clip.logit_bias = params_add(p.params, "logit_bias", SCALAR, init_constant(-2),
                                   PARAM_PLAIN);
  p.u = params_add(p.params, "u", SHAPE(N, E), init_normal(0.4), PARAM_PLAIN);
  p.v = params_add(p.params, "v", SHAPE(N, E), init_normal(0.4), PARAM_PLAIN);
  params_fill(p.params, 3);
  p.shards = shards_new(p.params, shards, N);
  for (int i = 0; i < N * N; i++) p.positives[i] = i % (N + 1) == 0 || i % 13 == 5;
  return p;
}

static void pairs_done(Pairs50 *p) { shards_free(p->shards), params_free(p->params); }

typedef enum { ON_ONE_TAPE, GATHERED, RING } Way;

/* The loss, with its gradients in p->params->grad. */
static double loss_of(Pairs50 *p, Way way, bool several, double *correct) {
  const unsigned char *positives = several ? p->positives : NULL;
  Tape *tape = tape_new();
  params_clear_grad(p->params);
  Tensor *loss = way == ON_ONE_TAPE
      ? clip_loss(tape, &p->clip, p->u, p->v, positives, correct) : way == GATHERED
      ? gathered_loss(tape, &p->clip, p->shards, p->u, p->v, positives, correct)
      : ring_loss(tape, &p->clip, p->shards, N, p->u, p->v, positives, correct);
  const double value = (double)loss->value[0];
  tape_backward(tape, loss);
  tape_free(tape);
  return value;
}

START_TEST(gathered_losses_have_the_bits_of_one_tape) {
  for (PairLoss kind = LOSS_HALF; kind <= LOSS_SIGMOID_MEAN; kind++)
    for (int several = 0; several < 2; several++) {
      Pairs50 p = pairs_new(kind, 4);
      const size_t bytes = p.params->size * sizeof(real);
      real *expected = malloc(bytes);
      double right[2];
      const double loss = loss_of(&p, ON_ONE_TAPE, several, &right[0]);
      memcpy(expected, p.params->grad, bytes);
      ck_assert_double_eq(loss_of(&p, GATHERED, several, &right[1]), loss);
      ck_assert_double_eq(right[0], right[1]);
      for (size_t i = 0; i < p.params->size; i++)
        ck_assert_double_eq((double)p.params->grad[i], (double)expected[i]);
      free(expected), pairs_done(&p);
    }
}
END_TEST

START_TEST(texts_on_a_ring_meet_all_pictures) {
  static const int shards[] = {1, 2, 4, 7, 50};
  for (int k = 0; k < 5; k++)
    for (int several = 0; several < 2; several++)
      for (PairLoss kind = LOSS_SIGMOID; kind <= LOSS_SIGMOID_MEAN; kind++) {
        Pairs50 p = pairs_new(kind, shards[k]);
        const size_t size = p.params->size;
        real *expected = malloc(size * sizeof *expected);
        double right[2];
        const double loss = loss_of(&p, ON_ONE_TAPE, several, &right[0]);
        memcpy(expected, p.params->grad, size * sizeof *expected);
        ck_assert_double_eq_tol(loss_of(&p, RING, several, &right[1]), loss,
                                ROUNDING * fabs(loss));
        ck_assert_double_eq(right[0], right[1]);
        ck_assert_double_lt(relative_error(p.params->grad, expected, size), ROUNDING);
        free(expected), pairs_done(&p);
      }
}
END_TEST

START_TEST(parts_of_an_optimizer_are_the_whole) {
  for (OptimizerKind kind = OPTIMIZER_ADAMW; kind <= OPTIMIZER_LAMB; kind++) {
    Pairs50 whole = pairs_new(LOSS_SIGMOID, 2), parts = pairs_new(LOSS_SIGMOID, 2);
    double correct;
    Optimizer all = optimizer_new(kind, whole.params, 0.99, 0.1);
    Optimizer part[] = {optimizer_new_part(kind, parts.params, 0.99, 0.1, 0, 3),
                        optimizer_new_part(kind, parts.params, 0.99, 0.1, 3, 4)};
    ck_assert(part[1].base == parts.params->list[3].offset);
    for (int step = 0; step < 3; step++) {
      loss_of(&whole, ON_ONE_TAPE, false, &correct);
      optimizer_update(&all, 0.01);
      loss_of(&parts, ON_ONE_TAPE, false, &correct);
      optimizer_update(&part[step % 2], 0.01), optimizer_update(&part[!(step % 2)], 0.01);
    }
    ck_assert_int_eq(memcmp(whole.params->value, parts.params->value,
                            whole.params->size * sizeof(real)), 0);
    ck_assert_int_eq(memcmp(all.m + part[1].base, part[1].m,
                            tensor_size(parts.v) * sizeof(real)), 0);
    for (int k = 0; k < 2; k++) optimizer_free(&part[k]);
    optimizer_free(&all), pairs_done(&whole), pairs_done(&parts);
  }
}
END_TEST

START_TEST(one_process_is_a_world) {
  real parts[2][3] = {{1, 2, 3}, {10, 20, 30}}, *part[] = {parts[0], parts[1]};
  const size_t begin[] = {0, 3};
  char in[] = "none", text[] = "first";
  ck_assert_int_eq(world_rank(), 0);
  ck_assert_int_eq(world_size(), 1);
  ck_assert_int_eq(world_part(24, 0), 0);
  ck_assert_int_eq(world_part(24, 1), 24);
  world_sum(parts[0], part, 2, begin);
  ck_assert_double_eq((double)parts[0][2], 33);
  world_pass("next", 4, in, 4), world_wait();
  ck_assert_str_eq(in, "next");
  world_first_text(text, sizeof text);
  ck_assert_str_eq(text, "first");
  world_barrier();
  ck_assert(world_any(true) && !world_any(false) && world_same("all", "alike"));
}
END_TEST

TEST_MAIN("world", gathered_losses_have_the_bits_of_one_tape,
          texts_on_a_ring_meet_all_pictures, parts_of_an_optimizer_are_the_whole,
          one_process_is_a_world)
