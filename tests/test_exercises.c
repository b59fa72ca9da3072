/* Tangled from chapters/95-answers.nw: edit that, not this. */
#include "base/files.h"
#include "data/image.h"
#include "data/tokenizer.h"
#include "kernels/bf16.h"
#include "kernels/kernels.h"
#include "data/prompts.h"
#include "models/generate.h"
#include "models/mae.h"
#include "models/presets.h"
#include "models/text.h"
#include "models/vit.h"
#include "nn/patches.h"
#include "tensor/arithmetic.h"
#include "tensor/info_nce.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "tensor/sigmoid_loss.h"
#include "testing.h"
#include "train/optimizer.h"

// Answers on patches
static void patchify_channels_last(real *patches, const real *image, int C, int H,
                                   int W, int P) {
  real *planes = malloc((size_t)(C * H * W) * sizeof *planes);
  patchify(planes, image, C, H, W, P);
  for (int i = 0; i < C * H * W; i++) {
    int n = i / (C * P * P), c = i / (P * P) % C, dot = i % (P * P);
    patches[n * C * P * P + dot * C + c] = planes[i];
  }
  free(planes);
}

START_TEST(how_many_patches) {
  int count = 0;
  for (int at = 0; at + 14 <= 224; at += 7) count++;
  ck_assert_int_eq(count * count, 961);
  ck_assert_int_eq((224 / 14) * (224 / 14), 256);
  ck_assert_int_eq(3 * 14 * 14, 588);
}
END_TEST

START_TEST(channels_last) {
  real image[2 * 2 * 4], patches[16];
  const real want[] = {0, 8, 1, 9, 4, 12, 5, 13, 2, 10, 3, 11, 6, 14, 7, 15};
  for (int i = 0; i < 16; i++) image[i] = (real)i;
  patchify_channels_last(patches, image, 2, 2, 4, 2);
  for (int i = 0; i < 16; i++) ck_assert(patches[i] == want[i]);
}
END_TEST
START_TEST(half_filter) {
  enum { C = 3, P = 4, N = C * P * P };
  real patch[N], filter[N], y;
  for (int i = 0; i < N; i++) {
    patch[i] = i % P < P / 2 ? 5 : 3; /* left half 5, right half 3 */
    filter[i] = (real)(i % P < P / 2 ? 2.0 / N : -2.0 / N);
  }
  linear_forward(&y, patch, filter, NULL, 1, N, 1);
  ck_assert_double_eq_tol(y, 2, 1e-6);
}
END_TEST

// Answers on the tape
START_TEST(product_of_sum_and_product) {
  Params *params = params_new();
  Tensor *a = given_parameter(params, "a", SHAPE(1), (double[]){2});
  Tensor *b = given_parameter(params, "b", SHAPE(1), (double[]){3});
  params_fill(params, 0);
  Tape *tape = tape_new();
  Tensor *s = add(tape, a, b);
  tape_backward(tape, mul(tape, s, mul(tape, a, b)));
  ck_assert(a->grad[0] == 21 && b->grad[0] == 16);
  tape_free(tape), params_free(params);
}
END_TEST
static void scale_backward(const Entry *e) {
  const real k = *(const real *)e->saved;
  for (size_t i = 0; i < tensor_size(e->output); i++)
    e->input[0]->grad[i] += k * e->output->grad[i];
}

static Tensor *scale(Tape *tape, Tensor *a, real k) {
  Tensor *y = tape_tensor(tape, "scale", a->shape);
  real *saved = tape_memory(tape, sizeof *saved);
  *saved = k;
  for (size_t i = 0; i < tensor_size(a); i++) y->value[i] = k * a->value[i];
  tape_record(tape, y, scale_backward, saved, a, NULL, NULL);
  return y;
}

static Tensor *scale_loss(Tape *tape, void *state) {
  return weighted_sum(tape, scale(tape, *(Tensor **)state, -3));
}

START_TEST(scale_by_a_number) {
  Params *params = params_new();
  Tensor *a = random_parameter(params, "a", SHAPE(5), 1);
  params_fill(params, 0);
  assert_gradients(scale_loss, &a, params);
  params_free(params);
}
END_TEST
START_TEST(one_sided_differences) {
  double best = 1, at = 1, slope = exp(sin(1)) * cos(1);
  for (double h = 1; h > 1e-14; h /= 2) {
    volatile double above = 1 + h; /* rounded */
    double found = (exp(sin(above)) - exp(sin(1))) / (above - 1);
    double error = fabs(found / slope - 1);
    if (error > 1e-14 && error < best) best = error, at = h;
  }
  ck_assert(at > 1e-10 && at < 1e-6);
  ck_assert(best < 1e-7);
}
END_TEST

// Answers on layers
static void relu_backward(const Entry *e) {
  for (size_t i = 0; i < tensor_size(e->output); i++)
    if (e->input[0]->value[i] > 0) e->input[0]->grad[i] += e->output->grad[i];
}

static Tensor *relu(Tape *tape, Tensor *x) {
  Tensor *y = tape_tensor(tape, "relu", x->shape);
  for (size_t i = 0; i < tensor_size(x); i++)
    y->value[i] = x->value[i] > 0 ? x->value[i] : 0;
  tape_record(tape, y, relu_backward, NULL, x, NULL, NULL);
  return y;
}

static Tensor *relu_loss(Tape *tape, void *state) {
  return weighted_sum(tape, relu(tape, *(Tensor **)state));
}

START_TEST(rectified_linear) {
  Params *params = params_new();
  Tensor *x = given_parameter(params, "x", SHAPE(4), (double[]){-2, -.5, .5, 2});
  params_fill(params, 0);
  assert_gradients(relu_loss, &x, params);
  ck_assert(x->grad[0] == 0 && x->grad[3] != 0);
  params_free(params);
}
END_TEST
START_TEST(two_logits_are_a_logistic) {
  for (int i = -5; i <= 5; i++) {
    real x[2] = {(real)(0.7 * i), 1}, p[2];
    softmax_forward(p, x, 1, 2);
    ck_assert_double_eq_tol(p[0], 1 / (1 + exp(1 - 0.7 * i)), 1e-6);
  }
}
END_TEST

START_TEST(a_flat_row_through_layernorm) {
  const real x[4] = {5, 5, 5, 5}, gain[4] = {1, 1, 1, 1}, bias[4] = {1, 2, 3, 4};
  const real dy[4] = {1, 0, 0, 0};
  real y[4], dx[4] = {0}, mean, rstd;
  layernorm_forward(y, &mean, &rstd, x, gain, bias, (real)1e-6, 1, 4);
  layernorm_backward(dx, NULL, NULL, dy, x, gain, &mean, &rstd, 1, 4, true);
  for (int i = 0; i < 4; i++) ck_assert(y[i] == bias[i]);
  ck_assert_double_eq_tol(dx[0], 750, 0.01);
  ck_assert_double_eq_tol(dx[1], -250, 0.01);
}
END_TEST

// Answers on attention
/* The multiply-adds of one block, split into attention products and the rest. */
START_TEST(attention_against_linear) {
  VitConfig with = {.image_size = 14, .channels = 1, .patch_size = 1, .width = 768,
                    .depth = 1, .heads = 12, .mlp = 3072, .pool = POOL_CLS};
  VitConfig without = with;
  without.depth = 0;
  double T = 197, block = vit_macs(&with) - vit_macs(&without);
  double products = 2 * T * T * 768;
  ck_assert_double_eq_tol(products / (block - products), T / (6 * 768), 1e-12);
  ck_assert_double_eq_tol(products / block, 0.041, 0.001);
}
END_TEST

START_TEST(one_token_attends_to_itself) {
  real qkv[3 * 6], y[6], sum[2], weights[2];
  for (int i = 0; i < 18; i++) qkv[i] = (real)sin(i);
  attention_forward(y, sum, weights, qkv, 1, 1, 2, 3, (Mask){false});
  for (int h = 0; h < 2; h++) ck_assert_double_eq_tol(weights[h], 1, 1e-6);
  for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(y[i], qkv[12 + i], 1e-6);
}
END_TEST
static Tensor *parallel_block(Tape *tape, const Block *b, Tensor *x) {
  Tensor *y = layernorm(tape, x, b->norm1.weight, b->norm1.bias, b->config.eps);
  Tensor *attended = attention_layer(tape, &b->attn, y, (AttentionCall){0});
  Tensor *hidden = gelu(tape, linear(tape, y, b->fc1.weight, b->fc1.bias), GELU_ERF);
  Tensor *thought = linear(tape, hidden, b->fc2.weight, b->fc2.bias);
  return add(tape, x, add(tape, attended, thought));
}

typedef struct Parallel {
  Block block;
  Tensor *x;
} Parallel;

static Tensor *parallel_loss(Tape *tape, void *state) {
  Parallel *p = state;
  return weighted_sum(tape, parallel_block(tape, &p->block, p->x));
}

START_TEST(a_parallel_block) {
  Params *params = params_new();
  BlockConfig config = {.width = 8, .heads = 2, .mlp = 16, .eps = 1e-6};
  Parallel p = {block_declare(params, "b", config), NULL};
  size_t second_norm = tensor_size(p.block.norm2.weight) +
                       tensor_size(p.block.norm2.bias);
  ck_assert_uint_eq(second_norm, 2 * 8); /* what a parallel block does without */
  p.x = random_parameter(params, "x", SHAPE(2, 3, 8), 1);
  params_fill(params, 1);
  assert_gradients(parallel_loss, &p, params);
  params_free(params);
}
END_TEST

// Answers on the vit
START_TEST(patch_sizes_4_and_7) {
  double work[2];
  for (int i = 0; i < 2; i++) {
    VitConfig c = {.image_size = 28, .channels = 1, .patch_size = i ? 7 : 4,
                   .width = 64, .depth = 4, .heads = 4, .mlp = 256, .classes = 10,
                   .position = POSITION_LEARNED};
    work[i] = vit_macs(&c);
  }
  ck_assert(work[0] / work[1] > 2.9 && work[0] / work[1] < 3.3);
}
END_TEST

static bool any(const Tensor *t) {
  for (size_t i = 0; i < tensor_size(t); i++)
    if (t->grad[i] != 0) return true;
  return false;
}

START_TEST(what_moves_at_the_second_step) {
  VitConfig c = {.image_size = 8, .channels = 1, .patch_size = 4, .width = 8,
                 .depth = 1, .heads = 2, .mlp = 16, .classes = 3,
                 .position = POSITION_LEARNED, .eps = 1e-6};
  Params *params = params_new();
  Vit vit = vit_declare(params, "", c);
  params_fill(params, 1);
  Tape *tape = tape_new();
  for (int step = 1; step <= 2; step++) {
    const int labels[] = {0, 2};
    tape_reset(tape, (RandomKey){0});
    params_clear_grad(params);
    Tensor *images = tape_tensor(tape, "images", SHAPE(2, 1, 8, 8));
    for (int i = 0; i < 128; i++) images->value[i] = (real)cos(i);
    Tensor *logits = vit_forward(tape, &vit, images);
    tape_backward(tape, cross_entropy(tape, logits, labels, 0, NULL));
    ck_assert(any(vit.head.weight) && any(vit.patch_embed.weight) == (step == 2));
    for (int i = 0; i < 24; i++)
      vit.head.weight->value[i] -= vit.head.weight->grad[i];
  }
  tape_free(tape), params_free(params);
}
END_TEST

// Answers on training
START_TEST(the_least_smoothed_loss) {
  real logits[10], losses, p[10];
  const int label = 4;
  for (int i = 0; i < 10; i++) logits[i] = (real)log(i == label ? 0.91 : 0.01);
  cross_entropy_forward(&losses, p, logits, &label, (real)0.1, 1, 10);
  ck_assert_double_eq_tol(losses, 0.5003, 5e-5);
}
END_TEST
static void momentum_step(real *w, real *m, const real *g, real lr, size_t n) {
  for (size_t i = 0; i < n; i++) {
    m[i] = (real)0.9 * m[i] + g[i];
    w[i] -= lr * m[i];
  }
}

START_TEST(momentum) {
  real w = 0, m = 0, g = 1;
  int steps = 0;
  for (; m < 9; steps++) momentum_step(&w, &m, &g, (real)0.01, 1);
  ck_assert_int_eq(steps, 22);
}
END_TEST
/* A weight after three steps, whose gradients are so many times .0001, .0002, .0003. */
static double after_steps(double times, double limit) {
  static const double one[] = {1};
  Params *params = params_new();
  Tensor *w = given_parameter(params, "w", SHAPE(1), one);
  params_fill(params, 1);
  Optimizer optimizer = optimizer_new(OPTIMIZER_ADAMW, params, 0.999, 0);
  for (int i = 0; i < 3; i++) {
    w->grad[0] = (real)(1e-4 * times * (i + 1));
    clip_gradients(params, limit);
    adamw_update(&optimizer, 0.1);
  }
  const double found = (double)w->value[0];
  optimizer_free(&optimizer), params_free(params);
  return found;
}

START_TEST(a_thousand_times_the_loss) {
  const double plain = after_steps(1, 0);
  ck_assert_double_eq_tol(after_steps(1000, 0), plain, 1e-3);
  ck_assert_double_eq_tol(after_steps(1000, 1), after_steps(1000, 0), ROUNDING);
  ck_assert_double_eq_tol(after_steps(1e5, 1), 1 - 3 * 0.1, 1e-5);
  ck_assert_double_gt(fabs(after_steps(1e5, 1) - plain), 1e-3);
}
END_TEST

// Answers on fast kernels
START_TEST(square_products_and_tiles) {
  double best = 1;
  int rows = 0, vectors = 0;
  for (int R = 1; R <= 28; R++)
    for (int V = 1; R * V <= 28; V++) {
      ck_assert((R + V <= R * V) == (R >= 2 && V >= 2));
      const double loads = (double)(R + V) / (R * V);
      if (loads < best) best = loads, rows = R, vectors = V;
    }
  ck_assert(rows * vectors == 28 && rows + vectors == 11);
  ck_assert_double_eq_tol(best, 0.393, 0.0005);
  const double N = 90;
  ck_assert_double_eq_tol(2 * N * N * N / (12 * N * N), 15, 1e-12);
}
END_TEST
static double log_sum_exp_online(const double *x, int n) {
  double largest = -INFINITY, sum = 0;
  for (int i = 0; i < n; i++) {
    const double before = largest;
    largest = fmax(largest, x[i]);
    sum = sum * (i ? exp(before - largest) : 0) + exp(x[i] - largest);
  }
  return largest + log(sum);
}

START_TEST(log_sum_exp_in_one_pass) {
  const double x[] = {1000, 1001, -5, 1002}, small[] = {0, log(2), log(3)};
  const double want = 1002 + log(1 + exp(-1) + exp(-2));
  ck_assert_double_eq_tol(log_sum_exp_online(x, 4), want, 1e-12);
  ck_assert_double_eq_tol(log_sum_exp_online(small, 3), log(6), 1e-12);
}
END_TEST
START_TEST(ones_in_bfloat16) {
  real one_by_one = 0, pairs[1024];
  for (int i = 0; i < 1024; i++) one_by_one = bf16(one_by_one + 1), pairs[i] = 1;
  for (int n = 512; n; n /= 2)
    for (int i = 0; i < n; i++) pairs[i] = bf16(pairs[2 * i] + pairs[2 * i + 1]);
  ck_assert(one_by_one == 256 && pairs[0] == 1024);
}
END_TEST

// Answers on text
START_TEST(dogs_and_frogs) {
  const char *texts[] = {"a big dog", "a big frog", "the dog"};
  const char *want[] = {"og</w>", "bi", "dog</w>", "big</w>"};
  Tokenizer *t = tokenizer_train(texts, 3, 10000);
  int *ids;
  ck_assert_int_eq(tokenizer_size(t), 518);
  for (int i = 0; i < 4; i++) ck_assert_str_eq(tokenizer_symbol(t, 512 + i), want[i]);
  ck_assert_int_eq(tokenizer_split(t, "bog", 3, &ids), 2);
  ck_assert(ids[0] == 65 && ids[1] == 512);
  free(ids), tokenizer_free(t);
}
END_TEST

/* The vectors of two captions, from an encoder of random values without positions. */
static void two_vectors(const int ids[10], int depth, bool causal, real vectors[32]) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Text text = text_declare(params, "", (TextConfig){
      .vocabulary = 8, .context = 5, .width = 16, .depth = depth, .heads = 2,
      .mlp = 32, .causal = causal, .eps = 1e-5});
  params_find(params, "token_embedding.weight")->init = init_normal(1);
  params_find(params, "positional_embedding")->init = init_constant(0);
  params_fill(params, 1);
  memcpy(vectors, text_forward(tape, &text, ids, 2, 5)->value, 32 * sizeof(real));
  tape_free(tape), params_free(params);
}

START_TEST(order_without_positions) {
  const int ids[] = {6, 1, 2, 3, 7, 6, 3, 2, 1, 7};
  for (int depth = 1; depth < 4; depth++)
    for (int causal = 0; causal < 2; causal++) {
      real v[32];
      two_vectors(ids, depth, causal, v);
      double moved = relative_error(v + 16, v, 16);
      if (causal && depth > 1) ck_assert_double_gt(moved, 1e-2);
      else ck_assert_double_lt(moved, 10 * ROUNDING);
    }
}
END_TEST

START_TEST(end_before_start) {
  const int ids[] = {7, 1, 2, 3, 6, 7, 4, 6, 0, 0};
  real v[32];
  two_vectors(ids, 2, true, v);
  ck_assert_mem_eq(v, v + 16, 16 * sizeof(real));
}
END_TEST
START_TEST(padding_and_exclamation_marks) {
  const int ids[] = {6, 1, 7, 0, 0, 6, 1, 7, 5, 5};
  const int marks[] = {6, 1, 7, 0, 0, 6, 0, 7, 0, 0};
  for (int causal = 0; causal < 2; causal++) {
    real v[32];
    two_vectors(ids, 2, causal, v);
    ck_assert((memcmp(v, v + 16, 16 * sizeof(real)) == 0) == causal);
    two_vectors(marks, 2, causal, v);
    ck_assert_double_gt(relative_error(v, v + 16, 16), 1e-2);
  }
}
END_TEST

// Answers on clip
static double loss_of_logits(Tape *tape, int n, const double *values) {
  Tensor *logits = tape_tensor(tape, "logits", SHAPE(n, n));
  for (int i = 0; i < n * n; i++) logits->value[i] = (real)values[i];
  return (double)info_nce(tape, logits, INFO_NCE_SUM, NULL)->value[0];
}

static double loss_of_rows(Tape *tape, int n, const double *values) {
  int labels[8];
  Tensor *logits = tape_tensor(tape, "logits", SHAPE(n, n));
  for (int i = 0; i < n * n; i++) logits->value[i] = (real)values[i];
  for (int i = 0; i < n; i++) labels[i] = i;
  return (double)cross_entropy(tape, logits, labels, 0, NULL)->value[0];
}

START_TEST(a_number_added_to_a_row) {
  const double before[] = {2, 1, 0, 1, 3, 0, 0, 0, 1};
  const double one[] = {7, 6, 5, 1, 3, 0, 0, 0, 1}, all[] = {7, 6, 5, 6, 8, 5, 5, 5, 6};
  Tape *tape = tape_new();
  double loss = loss_of_logits(tape, 3, before);
  ck_assert_double_eq_tol(loss_of_rows(tape, 3, one), loss_of_rows(tape, 3, before),
                          1e-5);
  ck_assert_double_gt(fabs(loss_of_logits(tape, 3, one) - loss), 0.1);
  ck_assert_double_eq_tol(loss_of_logits(tape, 3, all), loss, 1e-5);
  tape_free(tape);
}
END_TEST

START_TEST(a_batch_shown_twice) {
  const double once[] = {2, 1, 0, 3};
  double twice[16];
  Tape *tape = tape_new();
  for (int i = 0; i < 16; i++) twice[i] = once[i / 4 % 2 * 2 + i % 2];
  ck_assert_double_eq_tol(loss_of_logits(tape, 4, twice) / 2,
                          loss_of_logits(tape, 2, once) / 2 + log(2), 1e-5);
  tape_free(tape);
}
END_TEST

START_TEST(all_texts_alike) {
  const double cosines[] = {.9, .1, -.3};
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *s = params_add(params, "s", SCALAR, init_constant(1), PARAM_PLAIN);
  params_fill(params, 1);
  Tensor *c = tape_tensor(tape, "cosines", SHAPE(3, 3));
  for (int i = 0; i < 9; i++) c->value[i] = (real)cosines[i / 3];
  Tensor *loss = info_nce(tape, scale_exp(tape, c, s), INFO_NCE_HALF, NULL);
  double sum = 0, mean = 0, weighted = 0;
  for (int i = 0; i < 3; i++) {
    sum += exp(exp(1) * cosines[i]), mean += exp(1) * cosines[i] / 3;
    weighted += exp(exp(1) * cosines[i]) * exp(1) * cosines[i];
  }
  ck_assert_double_eq_tol(loss->value[0], (log(3) + log(sum) - mean) / 2, 1e-5);
  tape_backward(tape, loss);
  ck_assert_double_eq_tol(s->grad[0], (weighted / sum - mean) / 2, 1e-5);
  ck_assert_double_gt(s->grad[0], 0);
  tape_free(tape), params_free(params);
}
END_TEST

// Answers on mae
START_TEST(half_of_the_patches_are_flat) {
  Params *params = params_new();
  Tape *tape = tape_new();
  MaeConfig c = {.encoder = {.image_size = 16, .channels = 1, .patch_size = 4,
                             .width = 4, .depth = 1, .heads = 1, .mlp = 4,
                             .position = POSITION_SINCOS},
                 .width = 4, .depth = 1, .heads = 1, .mlp = 4, .normalize = true};
  Mae mae = mae_declare(params, c);
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, 1, 16, 16));
  for (int i = 0; i < 256; i++) image->value[i] = (real)(i < 128 ? 0.7 : sin(i * i));
  Tensor *targets = mae_targets(tape, &mae, image);
  double squares = 0;
  for (int i = 0; i < 256; i++) squares += pow((double)targets->value[i], 2);
  ck_assert_double_eq_tol(squares / 256, 0.5 * 15 / 16, 1e-5);
  double work = 12.0 / 4 + 8.0 * 4 / 9;
  ck_assert_double_eq_tol(work / 12, 0.55, 0.005);
  tape_free(tape), params_free(params);
}
END_TEST

// Answers on eva
START_TEST(a_rectangle_hides_its_inside) {
  int rim = 0;
  for (int i = 0; i < 25; i++) rim += i / 5 % 4 == 0 || i % 5 % 4 == 0;
  ck_assert_int_eq(rim, 16);
  ck_assert_double_eq_tol(1 - pow(25.0 / 196, 4), 0.9997, 5e-5);
  VitConfig c = {.width = 1024};
  eva02_variant(&c);
  ck_assert_int_eq(c.mlp, 2730);
  ck_assert_int_eq((int)(0.017453 / pow(10000, -30.0 / 32)), 98);
}
END_TEST

/* How far a matrix moves in one step, as a part of its length. */
static double part_moved(double size, void (*update)(Optimizer *, double)) {
  const double value[] = {3 * size, 4 * size};
  Params *params = params_new();
  Tensor *w = params_add(params, "w", SHAPE(2), init_values(value), PARAM_DECAYED);
  params_fill(params, 1);
  Optimizer o = optimizer_new(OPTIMIZER_ADAMW, params, 0.999, 0);
  w->grad[0] = (real)(1 / size), w->grad[1] = (real)(-2 / size);
  update(&o, 0.01);
  const double moved = hypot((double)w->value[0] - value[0],
                             (double)w->value[1] - value[1]);
  optimizer_free(&o), params_free(params);
  return moved / (5 * size);
}

START_TEST(only_lamb_knows_how_long_a_matrix_is) {
  ck_assert_double_eq_tol(part_moved(10, adamw_update) / part_moved(1, adamw_update),
                          0.1, 1e-3);
  ck_assert_double_eq_tol(part_moved(10, lamb_update) / part_moved(1, lamb_update), 1,
                          1e-3);
}
END_TEST

// Answers on siglip
static double sigmoid_of(Tape *tape, int n, const double *values,
                         const unsigned char *positives) {
  Tensor *logits = tape_tensor(tape, "logits", SHAPE(n, n));
  for (int i = 0; i < n * n; i++) logits->value[i] = (real)values[i];
  return (double)sigmoid_loss(tape, logits, positives, SIGMOID_BY_ROWS, NULL)->value[0];
}

START_TEST(a_true_batch_shown_twice) {
  const double once[] = {2, -1, 0, 3};
  double twice[16], extra = 0;
  unsigned char positives[16];
  Tape *tape = tape_new();
  for (int i = 0; i < 16; i++) {
    twice[i] = once[i / 4 % 2 * 2 + i % 2];
    positives[i] = i / 4 % 2 == i % 2;
  }
  const double single = sigmoid_of(tape, 2, once, NULL);
  for (int i = 0; i < 2; i++) /* the twin is wrong instead of true */
    extra += (softplus(once[3 * i]) - softplus(-once[3 * i])) / 2;
  ck_assert_double_eq_tol(sigmoid_of(tape, 4, twice, positives), 2 * single, 1e-5);
  ck_assert_double_eq_tol(sigmoid_of(tape, 4, twice, NULL), 2 * single + extra, 1e-5);
  tape_free(tape);
}
END_TEST

START_TEST(two_texts_are_one_sigmoid) {
  const double a[] = {0.7, -0.4, 1.1, 0.2};
  Tape *tape = tape_new();
  const double rows = loss_of_rows(tape, 2, a);
  const double want = (softplus(a[1] - a[0]) + softplus(a[2] - a[3])) / 2;
  ck_assert_double_eq_tol(rows, want, 1e-6);
  tape_free(tape);
}
END_TEST

START_TEST(several_true_texts_a_row) {
  unsigned char positives[64];
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *b = params_add(params, "b", SCALAR, init_constant(log(2.0 / 6)), PARAM_PLAIN);
  params_fill(params, 1);
  Tensor *zeros = tape_tensor(tape, "cosines", SHAPE(8, 8));
  memset(zeros->value, 0, 64 * sizeof(real));
  for (int i = 0; i < 64; i++) positives[i] = i / 8 % 4 == i % 4; /* two in each row */
  Tensor *logits = shift_by(tape, zeros, b);
  tape_backward(tape, sigmoid_loss(tape, logits, positives, SIGMOID_BY_ROWS, NULL));
  ck_assert_double_eq_tol((double)b->grad[0], 0, 1e-6);
  ck_assert_double_eq_tol(log(13.7 / (128 - 13.7)), -2.12, 5e-3);
  ck_assert_double_eq_tol(-log(127), -4.84, 5e-3);
  tape_free(tape), params_free(params);
}
END_TEST

// Answers on a language model
START_TEST(tokens_with_and_without_a_cache) {
  int with = 576 + 20 + 99, without = 0;
  for (int n = 1; n <= 100; n++) without += 576 + 20 + n - 1;
  ck_assert(with == 695 && without == 64550 && without / with == 92);
}
END_TEST

START_TEST(which_tokens_are_kept) {
  static const struct { double p, temperature, want[4]; } cases[] = {
      {.699, 1, {4 / 7., 3 / 7., 0, 0}},       {.71, 1, {4 / 9., 3 / 9., 2 / 9., 0}},
      {.699, .5, {16 / 25., 9 / 25., 0, 0}},   {.71, .5, {16 / 25., 9 / 25., 0, 0}}};
  real logits[4];
  for (int i = 0; i < 4; i++) logits[i] = (real)log(.4 - .1 * i);
  for (int k = 0; k < 4; k++) {
    double part[4] = {0}, p;
    for (int i = 0; i < 4000; i++) {
      const Sampling s = {cases[k].temperature, cases[k].p, random_key((uint64_t)i, "a")};
      part[choose_token(logits, 4, &s, 0, &p)] += 1 / 4000.;
    }
    for (int i = 0; i < 4; i++) {
      ck_assert_double_eq_tol(part[i], cases[k].want[i], 4 * .5 / sqrt(4000));
      ck_assert((part[i] == 0) == (cases[k].want[i] == 0));
    }
  }
}
END_TEST

START_TEST(blind_answers_of_other_scenes) {
  int two = 0, yes = 0;
  Prompts p;
  prompts_of_scenes(&p, 3000, 333, SCENES_SEEN, 2);
  for (int i = 0; i < 3000 * p.each; i++) {
    if (p.prompt[i].type == PROMPT_COUNT) two += p.prompt[i].answer[0] == 't';
    if (p.prompt[i].type == PROMPT_THERE) yes += p.prompt[i].answer[0] == 'y';
  }
  ck_assert_double_eq_tol(two / 3000., 2 / 3., 0.04);
  ck_assert_double_eq_tol(yes / 3000., 0.5, 0.04);
  prompts_free(&p);
}
END_TEST

START_TEST(patches_after_the_last_block_are_not_trained) {
  Params *params = params_new();
  const Vit vit = vit_declare(params, "", (VitConfig){
      .image_size = 8, .channels = 3, .patch_size = 4, .width = 12, .depth = 2,
      .heads = 3, .mlp = 20, .position = POSITION_LEARNED, .eps = 1e-6});
  Tape *tape = tape_new();
  Tensor *images = random_parameter(params, "images", SHAPE(2, 3, 8, 8), 1);
  params_fill(params, 1);
  Tensor *x = vit_encode(tape, &vit, vit_embed(tape, &vit, images), NULL);
  tape_backward(tape, weighted_sum(tape, take_token(tape, x, 0)));
  for (int b = 0; b < 2; b++)
    for (int i = 12; i < 5 * 12; i++) ck_assert(x->grad[b * 5 * 12 + i] == 0);
  tape_free(tape), params_free(params);
}
END_TEST
// Answers on evolution
START_TEST(the_share_of_the_text) {
  VitConfig image = {.image_size = 32, .channels = 3, .width = 256, .depth = 4,
                     .heads = 4, .mlp = 1024};
  const TextConfig text = {.vocabulary = 700, .context = 12, .width = 256, .depth = 2,
                           .heads = 4, .mlp = 1024};
  static const double fraction[] = {0.26, 0.08};
  for (int i = 0; i < 2; i++) {
    image.patch_size = i ? 4 : 8;
    const double words = text_macs(&text, 12), picture = vit_macs(&image);
    ck_assert_double_eq_tol(words / (words + picture), fraction[i], 0.01);
  }
}
END_TEST

// Answers on machines
START_TEST(half_of_the_gradient_is_forgotten) {
  const double e = exp(1), p = e / (e * e + e), q = e / (e + e * e);
  const double whole = (p + q) / 4, own_row = p / 2 / 2;
  ck_assert_double_eq_tol(whole, 0.134, 0.0005);
  ck_assert_double_eq_tol(own_row, whole / 2, 1e-12);
  ck_assert_double_eq_tol(2 * 7 / 8. * 400, 700, 1e-9);
  ck_assert_double_eq_tol((2 + 1) * 7 / 8. * 400, 1050, 1e-9);
  const double N = sqrt(8e9 * 64 / 8);
  ck_assert_double_eq_tol(N, 253e3, 500);
  ck_assert_double_eq_tol(4 * pow(N / 64, 2), 62.5e6, 1e5);
}
END_TEST

// Answers on trust
START_TEST(a_blank_picture_and_its_file) {
  ck_assert_int_eq((int)sqrt(IMAGE_MAX_BYTES / 3.0), 7478);
  const int side = (int)sqrt(IMAGE_MAX_BYTES);
  ck_assert_int_eq(side, 12952);
  ck_assert_int_eq((int)((double)side * side / (8 * DEFLATE_LIMIT)), 20319);
}
END_TEST

START_TEST(two_hundred_kills) {
  ck_assert_double_eq_tol(pow(0.99, 200), 0.134, 0.0005);
  ck_assert(pow(0.99, 458) > 0.01 && pow(0.99, 459) <= 0.01);
  const double loss = NAN, limit = 1;
  ck_assert(!(loss > limit) && !(loss <= limit));
}
END_TEST

TEST_MAIN("exercises", dogs_and_frogs, order_without_positions, end_before_start,
          padding_and_exclamation_marks, a_thousand_times_the_loss,
          how_many_patches, channels_last, half_filter,
          attention_against_linear, product_of_sum_and_product,
          scale_by_a_number, one_sided_differences, rectified_linear,
          two_logits_are_a_logistic, a_flat_row_through_layernorm,
          one_token_attends_to_itself, a_parallel_block, patch_sizes_4_and_7,
          what_moves_at_the_second_step, the_least_smoothed_loss, momentum,
          square_products_and_tiles, log_sum_exp_in_one_pass, ones_in_bfloat16,
          a_number_added_to_a_row,
          a_batch_shown_twice, all_texts_alike, half_of_the_patches_are_flat,
          a_rectangle_hides_its_inside, only_lamb_knows_how_long_a_matrix_is,
          a_true_batch_shown_twice, two_texts_are_one_sigmoid, several_true_texts_a_row,
          tokens_with_and_without_a_cache, which_tokens_are_kept,
          blind_answers_of_other_scenes, patches_after_the_last_block_are_not_trained,
          the_share_of_the_text, a_blank_picture_and_its_file, two_hundred_kills,
          half_of_the_gradient_is_forgotten)
