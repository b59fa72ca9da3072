/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "train/data_parallel.h"

#include <omp.h>

#include "models/vit.h"
#include "tensor/losses.h"
#include "testing.h"

enum { BATCH = 7 };

typedef struct Problem {
  Params *params;
  Vit vit;
} Problem;

static Problem problem_new(double dropout_rate) {
  VitConfig c = {.image_size = 8, .channels = 1, .patch_size = 4, .width = 12,
                 .depth = 2, .heads = 3, .mlp = 20, .classes = 3, .eps = 1e-6,
                 .position = POSITION_LEARNED, .dropout = dropout_rate};
  Problem p = {.params = params_new()};
  p.vit = vit_declare(p.params, "", c);
  params_fill(p.params, 5);
  for (size_t i = 0; i < p.params->size; i++) /* heads and biases are not zero */
    p.params->value[i] += (real)(0.1 * sin((double)i));
  return p;
}

static Tensor *problem_loss(Tape *tape, void *state, int step, int first, int count,
                            double *metric) {
  const Problem *p = state;
  int labels[BATCH];
  Tensor *x = tape_tensor(tape, "x", SHAPE(count, 1, 8, 8));
  for (int i = 0; i < count * 64; i++)
    x->value[i] = (real)sin(0.37 * (first * 64 + i) + step);
  for (int i = 0; i < count; i++) labels[i] = (first + i) % 3;
  *metric = first + 0.5 * (count - 1); /* the mean number of the examples */
  return cross_entropy(tape, vit_forward(tape, &p->vit, x), labels, 0, NULL);
}
/* The gradient to gradient[20000]; the loss is returned. */
static double loss_of(int count, int micro_batch, int threads, double dropout_rate,
                      real *gradient, size_t *size) {
  Problem p = problem_new(dropout_rate);
  double metric;
  omp_set_num_threads(threads);
  Shards *shards = shards_new(p.params, count, micro_batch);
  for (int i = 0; i < 2; i++) /* twice: nothing is left over from the first */
    shards_gradient(shards, problem_loss, &p, 9, BATCH, random_key(1, "k"), &metric);
  double loss = shards_gradient(shards, problem_loss, &p, 9, BATCH, random_key(1, "k"),
                                &metric);
  ck_assert_double_eq_tol(metric, 3, 1e-12);
  ck_assert_uint_le(p.params->size, 20000);
  memcpy(gradient, p.params->grad, p.params->size * sizeof(real));
  *size = p.params->size;
  shards_free(shards);
  params_free(p.params);
  return loss;
}

START_TEST(shards_give_the_gradient_of_the_whole_batch) {
  static real whole[20000], parts[20000];
  size_t n;
  const double loss = loss_of(1, BATCH, 1, 0, whole, &n);
  for (int count = 1; count <= 9; count += 2)
    for (int micro_batch = 1; micro_batch <= 4; micro_batch++) {
      const double got = loss_of(count, micro_batch, 2, 0, parts, &n);
      double squares = 0, difference = 0;
      for (size_t i = 0; i < n; i++) {
        squares += pow((double)whole[i], 2);
        difference += pow((double)(parts[i] - whole[i]), 2);
      }
      ck_assert_double_eq_tol(got, loss, 1e-6);
      ck_assert(squares > 1e-4);
      ck_assert_double_le(sqrt(difference / squares), 1e-6);
    }
}
END_TEST

START_TEST(threads_do_not_change_a_bit) {
  static real one[20000], two[20000];
  size_t n;
  for (int count = 1; count <= 4; count++) {
    const double first = loss_of(count, 2, 1, 0.2, one, &n);
    for (int threads = 2; threads <= 3; threads++) {
      ck_assert(loss_of(count, 2, threads, 0.2, two, &n) == first);
      ck_assert(memcmp(one, two, n * sizeof *one) == 0);
    }
  }
}
END_TEST
TEST_MAIN("data_parallel", shards_give_the_gradient_of_the_whole_batch,
          threads_do_not_change_a_bit)
