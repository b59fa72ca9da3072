/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "nn/attention_pool.h"

#include "testing.h"

enum { B = 2, T = 5, C = 8, H = 2 };

typedef struct Head {
  Params *params;
  Tape *tape;
  Tensor *x;
  AttentionPool pooling;
} Head;

static Head head_new(void) {
  Head h = {.params = params_new(), .tape = tape_new()};
  h.x = random_parameter(h.params, "x", SHAPE(B, T, C), 1);
  h.pooling = attention_pool_declare(h.params, "attn_pool",
                                     (AttentionPoolConfig){C, H, 12, GELU_TANH, 1e-6, 0});
  params_fill(h.params, 5);
  for (size_t i = 0; i < h.params->size; i++) /* biases that matter */
    h.params->value[i] += (real)(0.1 * sin((double)i));
  return h;
}

static void head_free(Head *h) {
  tape_free(h->tape);
  params_free(h->params);
}

static Tensor *run(Tape *tape, void *state) {
  const Head *h = state;
  return weighted_sum(tape, attention_pool_forward(tape, &h->pooling, h->x, NULL));
}

START_TEST(one_head_by_hand) {
  const double keys[] = {0, 1, log(2), 2, 0, 3}; /* key, value of three tokens */
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *q = given_parameter(params, "q", SHAPE(1), (double[]){1}), *weights;
  Tensor *kv = given_parameter(params, "kv", SHAPE(1, 3, 2), keys);
  params_fill(params, 1);
  Tensor *y = attention_pool(tape, q, kv, 1, &weights);
  ck_assert_double_eq_tol((double)y->value[0], 2, ROUNDING);
  ck_assert_double_eq_tol((double)weights->value[1], 0.5, ROUNDING);
  tape_free(tape);
  params_free(params);
}
END_TEST

START_TEST(gradients_of_pooling) {
  Head h = head_new();
  assert_gradients(run, &h, h.params);
  head_free(&h);
}
END_TEST

START_TEST(the_order_of_tokens_is_not_seen) {
  Head h = head_new();
  real before[B * C], row[C];
  Tensor *y = attention_pool_forward(h.tape, &h.pooling, h.x, NULL);
  memcpy(before, y->value, sizeof before);
  memcpy(row, h.x->value, sizeof row);
  memmove(h.x->value, h.x->value + C, (T - 1) * sizeof row); /* the first goes last */
  memcpy(h.x->value + (T - 1) * C, row, sizeof row);
  y = attention_pool_forward(h.tape, &h.pooling, h.x, NULL);
  ck_assert_double_lt(relative_error(y->value, before, B * C), 10 * ROUNDING);
  h.x->value[3] += 1; /* but a changed one is */
  y = attention_pool_forward(h.tape, &h.pooling, h.x, NULL);
  ck_assert_double_gt(relative_error(y->value, before, C), 1e-3);
  head_free(&h);
}
END_TEST

START_TEST(the_probe_is_not_added) {
  Head h = head_new();
  real before[B * C];
  Tensor *w = h.pooling.proj.weight;
  memset(w->value, 0, tensor_size(w) * sizeof(real));
  Tensor *y = attention_pool_forward(h.tape, &h.pooling, h.x, NULL);
  memcpy(before, y->value, sizeof before);
  ck_assert_mem_eq(before, before + C, C * sizeof *before); /* both pictures alike */
  for (int i = 0; i < C; i++) h.pooling.probe->value[i] += (real)(1 + i);
  y = attention_pool_forward(h.tape, &h.pooling, h.x, NULL);
  ck_assert_mem_eq(before, y->value, sizeof before);
  head_free(&h);
}
END_TEST

TEST_MAIN("attention_pool", one_head_by_hand, gradients_of_pooling,
          the_order_of_tokens_is_not_seen, the_probe_is_not_added)
