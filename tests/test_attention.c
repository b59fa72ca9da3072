/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "nn/attention.h"

#include "kernels/dot.h"
#include "kernels/kernels.h"
#include "tensor/layers.h"
#include "testing.h"

START_TEST(the_example_of_the_book) {
  const real ln2 = (real)log(2);
  real qkv[] = {ln2, 1, 3, 0, 2, 6}, y[2], sum[2], weights[4]; /* q, k, v */
  attention_forward(y, sum, weights, qkv, 1, 2, 1, 1, (Mask){false});
  ck_assert_double_eq_tol(weights[0], 1 / 3.0, 1e-6);
  ck_assert_double_eq_tol(sum[0], log(2 + 4), 1e-6);
  ck_assert_double_eq_tol(y[0], 5, 1e-6);
  ck_assert_double_eq_tol(y[1], 4.5, 1e-6);
  attention_forward(y, sum, weights, qkv, 1, 2, 1, 1, (Mask){.causal = true});
  ck_assert_double_eq_tol(y[0], 3, 1e-6);
  ck_assert(weights[1] == 0);
}
END_TEST

enum { B = 2, T = 5, C = 12, H = 3 };

typedef struct Fixture {
  Params *params;
  Tape *tape;
  Tensor *x;
  Attention layer;
} Fixture;

static Fixture fixture(bool causal) {
  Fixture f = {.params = params_new(), .tape = tape_new()};
  f.x = random_parameter(f.params, "x", SHAPE(B, T, C), 1);
  f.layer = attention_declare(f.params, "attn", C, H, causal, init_xavier(C, C),
                              init_xavier(C, C), (AttentionVariant){0});
  params_fill(f.params, 5);
  for (int i = 0; i < 3 * C; i++) f.layer.qkv.bias->value[i] = (real)sin(i);
  return f;
}

static void done(Fixture *f) {
  tape_free(f->tape);
  params_free(f->params);
}

static Tensor *output(Fixture *f) {
  return attention_layer(f->tape, &f->layer, f->x, (AttentionCall){0});
}

// Attention that keeps its weights
enum { TOKENS = 5, SIZE = 4 };
typedef real Rows[TOKENS][SIZE], Square[TOKENS][TOKENS];

static void plain_forward(Rows y, Square a, Rows q, Rows k, Rows v) {
  for (int t = 0; t < TOKENS; t++) {
    real s[TOKENS];
    for (int j = 0; j < TOKENS; j++) s[j] = dot(q[t], k[j], SIZE) / (real)sqrt(SIZE);
    softmax_forward(a[t], s, 1, TOKENS);
    for (int d = 0; d < SIZE; d++) {
      y[t][d] = 0;
      for (int j = 0; j < TOKENS; j++) y[t][d] += a[t][j] * v[j][d];
    }
  }
}

static void plain_backward(Rows dq, Rows dk, Rows dv, Rows dy, Square a, Rows q, Rows k,
                           Rows v) {
  for (int t = 0; t < TOKENS; t++) {
    real da[TOKENS], mean = 0;
    for (int j = 0; j < TOKENS; j++) da[j] = dot(dy[t], v[j], SIZE);
    for (int j = 0; j < TOKENS; j++) mean += a[t][j] * da[j];
    for (int j = 0; j < TOKENS; j++) {
      const real ds = a[t][j] * (da[j] - mean) / (real)sqrt(SIZE);
      for (int d = 0; d < SIZE; d++) {
        dv[j][d] += a[t][j] * dy[t][d];
        dq[t][d] += ds * k[j][d];
        dk[j][d] += ds * q[t][d];
      }
    }
  }
}

START_TEST(weights_need_not_be_kept) {
  static Rows y, q, k, v, dy, dq, dk, dv;
  static Square a, weights;
  real qkv[TOKENS][3][SIZE], dqkv[TOKENS][3][SIZE] = {{{0}}}, out[TOKENS][SIZE];
  real log_sum[TOKENS];
  for (int t = 0; t < TOKENS; t++)
    for (int d = 0; d < SIZE; d++) {
      const int i = t * SIZE + d;
      qkv[t][0][d] = q[t][d] = (real)sin(i), qkv[t][1][d] = k[t][d] = (real)cos(3 * i);
      qkv[t][2][d] = v[t][d] = (real)sin(5 * i + 1), dy[t][d] = (real)cos(7 * i);
    }
  plain_forward(y, a, q, k, v);
  plain_backward(dq, dk, dv, dy, a, q, k, v);
  attention_forward(*out, log_sum, *weights, **qkv, 1, TOKENS, 1, SIZE, (Mask){false});
  attention_backward(**dqkv, *dy, *out, log_sum, **qkv, 1, TOKENS, 1, SIZE,
                     (Mask){false}, true);
  ck_assert_double_lt(relative_error(*out, *y, TOKENS * SIZE), 10 * ROUNDING);
  ck_assert_double_lt(relative_error(*weights, *a, TOKENS * TOKENS), 10 * ROUNDING);
  for (int i = 0; i < TOKENS * SIZE; i++) {
    const int t = i / SIZE, d = i % SIZE;
    ck_assert_double_eq_tol(dqkv[t][0][d], dq[t][d], 10 * ROUNDING);
    ck_assert_double_eq_tol(dqkv[t][1][d], dk[t][d], 10 * ROUNDING);
    ck_assert_double_eq_tol(dqkv[t][2][d], dv[t][d], 10 * ROUNDING);
  }
}
END_TEST

// What must not matter
START_TEST(a_key_bias_does_nothing) {
  Fixture f = fixture(false);
  Tensor *before = output(&f);
  for (int i = C; i < 2 * C; i++) f.layer.qkv.bias->value[i] += 3;
  Tensor *after = output(&f);
  ck_assert_double_lt(relative_error(after->value, before->value, B * T * C),
                      10 * ROUNDING);
  params_clear_grad(f.params);
  tape_backward(f.tape, weighted_sum(f.tape, after));
  double key = 0, query = 0;
  for (int i = 0; i < C; i++) {
    query = fmax(query, fabs((double)f.layer.qkv.bias->grad[i]));
    key = fmax(key, fabs((double)f.layer.qkv.bias->grad[C + i]));
  }
  ck_assert_double_gt(query, 0.01);
  ck_assert_double_lt(key, query * 10 * ROUNDING);
  done(&f);
}
END_TEST

START_TEST(permuting_tokens_permutes_the_output) {
  Fixture f = fixture(false);
  const int order[] = {3, 1, 4, 0, 2, 3, 1, 4, 0, 2};
  Tensor *y = gather_tokens(f.tape, output(&f), order, T);
  f.x = gather_tokens(f.tape, f.x, order, T);
  Tensor *z = output(&f);
  ck_assert_double_lt(relative_error(z->value, y->value, B * T * C), ROUNDING);
  done(&f);
}
END_TEST

START_TEST(permuting_heads_changes_nothing) {
  enum { D = C / H };
  Fixture f = fixture(false);
  Tensor *before = output(&f);
  Attention *a = &f.layer;
  for (int part = 0; part < 3; part++) /* exchange heads 0 and 2 */
    for (int d = 0; d < D; d++) {
      int i = part * C + d, j = part * C + 2 * D + d;
      real bias = a->qkv.bias->value[i];
      a->qkv.bias->value[i] = a->qkv.bias->value[j];
      a->qkv.bias->value[j] = bias;
      for (int c = 0; c < C; c++) {
        real w = a->qkv.weight->value[i * C + c];
        a->qkv.weight->value[i * C + c] = a->qkv.weight->value[j * C + c];
        a->qkv.weight->value[j * C + c] = w;
      }
    }
  // Exchange the columns of the projection
  for (int o = 0; o < C; o++)
    for (int d = 0; d < D; d++) {
      real *w = a->proj.weight->value + o * C, kept = w[d];
      w[d] = w[2 * D + d];
      w[2 * D + d] = kept;
    }
  Tensor *after = output(&f);
  ck_assert_double_lt(relative_error(after->value, before->value, B * T * C), ROUNDING);
  done(&f);
}
END_TEST

START_TEST(causal_tokens_do_not_see_the_future) {
  Fixture f = fixture(true);
  Tensor *before = output(&f);
  for (int c = 0; c < C; c++) f.x->value[3 * C + c] += 1; /* token 3, image 0 */
  Tensor *after = output(&f);
  size_t three = 3 * C;
  ck_assert_mem_eq(after->value, before->value, three * sizeof(real));
  ck_assert(after->value[3 * C] != before->value[3 * C]);
  ck_assert(after->value[4 * C] != before->value[4 * C]);
  done(&f);
}
END_TEST

// What the weights must be
START_TEST(rows_of_weights_sum_to_one) {
  for (int causal = 0; causal < 2; causal++) {
    Fixture f = fixture(causal);
    Tensor *weights;
    attention_layer(f.tape, &f.layer, f.x, (AttentionCall){.weights = &weights});
    ck_assert_int_eq(tensor_rows(weights), B * H * T);
    for (int r = 0; r < B * H * T; r++) {
      double total = 0;
      for (int j = 0; j < T; j++) {
        total += (double)weights->value[r * T + j];
        ck_assert(!causal || j <= r % T || weights->value[r * T + j] == 0);
      }
      ck_assert_double_eq_tol(total, 1, ROUNDING);
    }
    done(&f);
  }
}
END_TEST

START_TEST(without_queries_attention_is_the_mean) {
  Fixture f = fixture(false);
  Tensor *weights;
  memset(f.layer.qkv.weight->value, 0, C * C * sizeof(real));
  memset(f.layer.qkv.bias->value, 0, C * sizeof(real));
  attention_layer(f.tape, &f.layer, f.x, (AttentionCall){.weights = &weights});
  for (size_t i = 0; i < tensor_size(weights); i++)
    ck_assert_double_eq_tol(weights->value[i], 1.0 / T, 1e-7);
  done(&f);
}
END_TEST

static Tensor *attention_loss(Tape *tape, void *state) {
  Fixture *f = state;
  return weighted_sum(tape, attention_layer(tape, &f->layer, f->x, (AttentionCall){0}));
}

START_TEST(gradients_of_attention) {
  for (int causal = 0; causal < 2; causal++) {
    Fixture f = fixture(causal);
    assert_gradients(attention_loss, &f, f.params);
    done(&f);
  }
}
END_TEST

TEST_MAIN("attention", the_example_of_the_book, weights_need_not_be_kept,
          a_key_bias_does_nothing,
          permuting_tokens_permutes_the_output, permuting_heads_changes_nothing,
          causal_tokens_do_not_see_the_future, rows_of_weights_sum_to_one,
          without_queries_attention_is_the_mean, gradients_of_attention)
