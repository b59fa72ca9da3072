/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "kernels/bf16.h"

#include <omp.h>

#include "base/random.h"
#include "both_kernels.h"
#include "kernels/dot.h"
#include "models/vit.h"
#include "nn/attention.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "testing.h"

START_TEST(numbers_round_to_the_nearest) {
  static const double want[][2] = {
      {1, 1},                 {1 + 0x1p-8, 1},         {1 + 0x1.8p-8, 1 + 0x1p-7},
      {1 + 0x3p-8, 1 + 0x1p-6}, {0.1, 0.10009765625},  {3.1415927410125732, 3.140625},
      {-0.3, -0.30078125},    {255.5, 256},            {0x1p-126, 0x1p-126},
      {0x1p-127, 0},          {1e-40, 0},              {0, 0}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++)
    for (int sign = -1; sign < 2; sign += 2)
      ck_assert_double_eq((double)bf16((real)(sign * want[i][0])), sign * want[i][1]);
  ck_assert(isinf(bf16(INFINITY)) && bf16(-INFINITY) < 0 && isnan(bf16(NAN)));
#ifndef REAL_DOUBLE
  ck_assert(isinf(bf16(3.4e38f))); /* the largest is 255 / 256 of 2^128 */
#endif
}
END_TEST

/* The number whose first 16 bits are these, plus some of the 16 that are dropped. */
static double number_of(uint32_t first, uint32_t rest) {
  const uint32_t bits = first << 16 | rest;
  float x;
  memcpy(&x, &bits, sizeof x);
  return (double)x;
}

START_TEST(every_bfloat16_and_what_lies_between) {
  for (uint32_t i = 0x0080; i < 0x7f7f; i++) {
    const double low = number_of(i, 0), high = number_of(i + 1, 0);
    const bool good = (double)bf16((real)low) == low &&
                      (double)bf16((real)number_of(i, 0x7fff)) == low &&
                      (double)bf16((real)number_of(i, 0x8000)) == (i % 2 ? high : low) &&
                      (double)bf16((real)number_of(i, 0x8001)) == high &&
                      (double)bf16((real)-number_of(i, 0x8001)) == -high;
    if (!good) ck_abort_msg("0x%04x, %g", (unsigned)i, low);
  }
}
END_TEST

enum { ROOM = 200000 };
static real a[ROOM], b[ROOM], c[ROOM], naive[ROOM], fast[ROOM], plain[ROOM];

static void fill(real *p, size_t n, uint64_t seed) {
  const RandomKey key = random_key(seed, "bf16");
  ck_assert_uint_le(n, ROOM);
  for (size_t i = 0; i < n; i++) p[i] = (real)random_normal(key, i);
}

static void prepare(size_t n) {
  fill(a, n, 1), fill(b, n, 2), fill(c, n, 3);
  fill(naive, n, 4), memcpy(fast, naive, n * sizeof *fast);
}

static void assert_same(size_t n, const char *what, int rows, int in, int out) {
  for (size_t i = 0; i < n; i++)
    if (fast[i] != naive[i])
      ck_abort_msg("%s of %d, %d, %d at %d: %.9g, not %.9g", what, rows, in, out, (int)i,
                   (double)fast[i], (double)naive[i]);
}

static void by_hand(real *y, const real *x, const real *w, const real *bias, int rows,
                    int in, int out) {
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < out; o++) {
      real sum = bias ? bias[o] : 0;
      for (int i = 0; i < in; i++) sum += bf16(x[r * in + i]) * bf16(w[o * in + i]);
      y[r * out + o] = sum;
    }
}

static void assert_products(int rows, int in, int out) {
  const size_t x = (size_t)rows * in, w = (size_t)in * out, y = (size_t)rows * out;
  const size_t most = x > w ? x > y ? x : y : w > y ? w : y;
  for (int bias = 0; bias < 2; bias++) {
    prepare(most + (size_t)out);
    by_hand(naive, a, b, bias ? c : NULL, rows, in, out);
    fast_kernels.linear_forward_bf16(fast, a, b, bias ? c : NULL, rows, in, out);
    assert_same(y, "forward", rows, in, out);
    naive_kernels.linear_forward_bf16(fast, a, b, bias ? c : NULL, rows, in, out);
    ck_assert(relative_error(fast, naive, y) <= ROUNDING);
  }
  for (int add = 0; add < 2; add++) {
    prepare(most);
    naive_kernels.linear_backward_input_bf16(naive, c, b, rows, in, out, add);
    fast_kernels.linear_backward_input_bf16(fast, c, b, rows, in, out, add);
    assert_same(x, "gradient of input", rows, in, out);
  }
  prepare(most + (size_t)out);
  naive_kernels.linear_backward_weight_bf16(naive, naive + w, c, a, rows, in, out);
  fast_kernels.linear_backward_weight_bf16(fast, fast + w, c, a, rows, in, out);
  ck_assert(relative_error(fast + w, naive + w, (size_t)out) <= ROUNDING);
  assert_same(w, "gradient of weight", rows, in, out);
}

START_TEST(products_agree_to_the_last_bit) {
  static const int sizes[] = {1, 2, 13, 16, 33, 65, 97};
  enum { COUNT = sizeof sizes / sizeof *sizes };
  omp_set_num_threads(1); /* most are too small to wake another for */
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++)
      for (int k = 0; k < COUNT; k++) assert_products(sizes[i], sizes[j], sizes[k]);
  static const int large[] = {255, 383, 384, 385, 767, 769, 1537};
  for (int i = 0; i < 7; i++) {
    assert_products(large[i], 13, 33);
    assert_products(13, large[i], 33);
    assert_products(13, 33, large[i]);
  }
  assert_products(400, 390, 300);
}
END_TEST

START_TEST(products_are_off_by_what_two_roundings_allow) {
  const int rows = 33, in = 97, out = 65;
  const double u = 0x1p-8, allowed = 2 * u + u * u + 2 * in * 0x1p-24;
  double all = 0, most = 0;
  prepare((size_t)in * out);
  for (int i = 0; i < 2; i++) {
    const Kernels *k = i ? &fast_kernels : &naive_kernels;
    k->linear_forward(plain, a, b, NULL, rows, in, out);
    k->linear_forward_bf16(fast, a, b, NULL, rows, in, out);
    for (int r = 0; r < rows; r++)
      for (int o = 0; o < out; o++) {
        double size = 0;
        for (int j = 0; j < in; j++)
          size += fabs((double)a[r * in + j] * (double)b[o * in + j]);
        const double off = fabs((double)fast[r * out + o] - (double)plain[r * out + o]);
        ck_assert_double_le(off, allowed * size);
        all += off / size, most = fmax(most, off / size);
      }
  }
  ck_assert_double_gt(most, u / 16); /* something was rounded */
  ck_assert_double_lt(all / (2 * rows * out), allowed / 16);
}
END_TEST

static void to_eighths(real *p, size_t n) {
  for (size_t i = 0; i < n; i++)
    p[i] = (real)(round(fmin(fmax((double)p[i], -2), 2) * 8) / 8);
}

START_TEST(what_needs_no_rounding_is_exact) {
  const int rows = 33, in = 97, out = 65;
  const size_t n = (size_t)in * out;
  for (int i = 0; i < 2; i++) {
    const Kernels *k = i ? &fast_kernels : &naive_kernels;
    prepare(n);
    to_eighths(a, n), to_eighths(b, n), to_eighths(c, n);
    k->linear_forward(naive, a, b, NULL, rows, in, out);
    k->linear_forward_bf16(fast, a, b, NULL, rows, in, out);
    assert_same((size_t)rows * out, "forward", rows, in, out);
    k->linear_backward_input(naive, c, b, rows, in, out, false);
    k->linear_backward_input_bf16(fast, c, b, rows, in, out, false);
    assert_same((size_t)rows * in, "gradient of input", rows, in, out);
    memset(naive, 0, sizeof naive), memset(fast, 0, sizeof fast);
    k->linear_backward_weight(naive, NULL, c, a, rows, in, out);
    k->linear_backward_weight_bf16(fast, NULL, c, a, rows, in, out);
    assert_same(n, "gradient of weight", rows, in, out);
  }
}
END_TEST

static void assert_near(const real *found, const real *want, size_t n, const char *what,
                        int T, int D) {
  double squares = 0, size = 0, most = 0, largest = 0;
  for (size_t i = 0; i < n; i++) {
    const double off = (double)found[i] - (double)want[i];
    squares += off * off, size += (double)want[i] * (double)want[i];
    most = fmax(most, fabs(off)), largest = fmax(largest, fabs((double)want[i]));
  }
  ck_assert_msg(most <= 0x1p-7 * largest, "%s of %d, %d: %g of %g", what, T, D, most,
                largest);
  ck_assert_msg(squares <= 0x1p-26 * size, "%s of %d, %d: %g", what, T, D,
                sqrt(squares / size));
}

static void assert_attention(int B, int T, int H, int D, Mask mask) {
  const size_t n = (size_t)B * T * H * D, rows = (size_t)B * H * T;
  static real naive_sum[ROOM], fast_sum[ROOM];
  prepare(3 * n);
  naive_kernels.attention_forward_bf16(naive, naive_sum, a, B, T, H, D, mask);
  fast_kernels.attention_forward_bf16(fast, fast_sum, a, B, T, H, D, mask);
  assert_near(fast, naive, n, "attention", T, D);
  assert_near(fast_sum, naive_sum, rows, "its sums", T, D);
  naive_kernels.attention_forward(plain, fast_sum, NULL, a, B, T, H, D, mask);
  const double off = relative_error(naive, plain, n);
  ck_assert_msg(off < 0x1p-5 && (T * D < 12 || off > 0x1p-14), "off by %g", off);
  memcpy(c, naive, n * sizeof *c);
  for (int add = 0; add < 2; add++) {
    fill(naive, 3 * n, 5), fill(fast, 3 * n, 5);
    naive_kernels.attention_backward_bf16(naive, b, c, naive_sum, a, B, T, H, D, mask,
                                          add);
    fast_kernels.attention_backward_bf16(fast, b, c, naive_sum, a, B, T, H, D, mask,
                                         add);
    assert_near(fast, naive, 3 * n, "gradient of attention", T, D);
  }
}

START_TEST(attention_agrees) {
  static const int tokens[] = {1, 2, 5, 13, 16, 17, 65, 97}, sizes[] = {1, 3, 16, 33};
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < 4; j++)
      for (int kind = 0; kind < MASKS; kind++)
        assert_attention(2, tokens[i], 2, sizes[j], mask_of(kind, tokens[i]));
  for (int kind = 0; kind < MASKS; kind++) /* several blocks of keys */
    assert_attention(1, kind ? 515 : 257, 1, 8, mask_of(kind, 515));
}
END_TEST

static void run_all(real *to, int threads) {
  const int rows = 203, in = 151, out = 150;
  omp_set_num_threads(threads);
  fast_kernels.linear_forward_bf16(to, a, b, c, rows, in, out);
  fast_kernels.linear_backward_input_bf16(to + 31000, a, b, rows, in, out, true);
  fast_kernels.linear_backward_weight_bf16(to + 62000, to + 85000, a, b, rows, in, out);
  fast_kernels.attention_forward_bf16(to + 86000, to + 98000, a, 3, 97, 2, 19,
                                      (Mask){.causal = true});
  fast_kernels.attention_backward_bf16(to + 99000, b, to + 86000, to + 98000, a, 3, 97, 2,
                                       19, (Mask){.causal = true}, true);
}

START_TEST(threads_do_not_change_a_bit) {
  for (int threads = 2; threads <= 5; threads++) {
    prepare(140000);
    run_all(naive, 1);
    run_all(fast, threads);
    ck_assert(memcmp(fast, naive, 140000 * sizeof *fast) == 0);
  }
}
END_TEST

START_TEST(the_gradient_of_a_linear_layer_is_exact_on_the_grid) {
  enum { ROWS = 3, IN = 5, OUT = 4 };
  Params *params = params_new();
  Tensor *x = random_parameter(params, "x", SHAPE(ROWS, IN), 1);
  Tensor *w = random_parameter(params, "w", SHAPE(OUT, IN), 1);
  Tensor *bias = random_parameter(params, "b", SHAPE(OUT), 1);
  params_fill(params, 3);
  to_eighths(params->value, params->size);
  memset(params->grad, 0, params->size * sizeof(real));
  Tape *tape = tape_new();
  tape->bf16 = true;
  fill(c, ROWS * OUT, 3), to_eighths(c, ROWS * OUT);
  const real *slope = c;
  Tensor *y = linear(tape, x, w, bias);
  tape_backward_outputs(tape, &y, &slope, 1);
  for (size_t i = 0; i < params->size; i++) {
    real difference = 0, *value = &params->value[i], middle = *value;
    for (int end = -1; end < 2; end += 2) {
      *value = middle + (real)end / 8;
      tape_reset(tape, (RandomKey){0});
      Tensor *moved = linear(tape, x, w, bias);
      for (int k = 0; k < ROWS * OUT; k++)
        difference += (real)end * slope[k] * moved->value[k] * 4;
    }
    *value = middle;
    ck_assert(params->grad[i] == difference);
  }
  tape_free(tape), params_free(params);
}
END_TEST

START_TEST(layers_on_a_rounding_tape_are_the_kernels) {
  enum { B = 2, T = 5, D = 8, OUT = 7, N = B * T * D, Y = B * T * OUT };
  Params *params = params_new();
  Tensor *x = random_parameter(params, "x", SHAPE(B, T, D), 1);
  Tensor *w = random_parameter(params, "w", SHAPE(OUT, D), 1);
  Tensor *bias = random_parameter(params, "b", SHAPE(OUT), 1);
  Tensor *qkv = random_parameter(params, "qkv", SHAPE(B, T, 3 * D), 1);
  params_fill(params, 3);
  Tape *tape = tape_new();
  tape->bf16 = true;
  fill(c, N + Y, 3);
  const real *slopes[] = {c, c + Y};
  const int prefix[] = {0, 3};
  const Mask mask = {true, prefix};
  Tensor *out[] = {linear(tape, x, w, bias), attention(tape, qkv, 2, mask, NULL)};
  tape_backward_outputs(tape, out, slopes, 2);
  real *y = naive, *dx = y + Y, *dw = dx + N, *db = dw + OUT * D, *z = db + OUT;
  real *log_sum = z + N, *dqkv = log_sum + B * T * 2;
  memset(naive, 0, sizeof naive);
  linear_forward_bf16(y, x->value, w->value, bias->value, B * T, D, OUT);
  linear_backward_input_bf16(dx, c, w->value, B * T, D, OUT, false);
  linear_backward_weight_bf16(dw, db, c, x->value, B * T, D, OUT);
  attention_forward_bf16(z, log_sum, qkv->value, B, T, 2, D / 2, mask);
  attention_backward_bf16(dqkv, c + Y, z, log_sum, qkv->value, B, T, 2, D / 2, mask,
                          false);
  const struct { const real *found, *want; size_t n; } all[] = {
      {out[0]->value, y, Y},   {x->grad, dx, N},       {w->grad, dw, OUT * D},
      {bias->grad, db, OUT},   {out[1]->value, z, N},  {qkv->grad, dqkv, 3 * N}};
  for (int i = 0; i < 6; i++)
    ck_assert_msg(memcmp(all[i].found, all[i].want, all[i].n * sizeof(real)) == 0, "%d",
                  i);
  tape_free(tape), params_free(params);
}
END_TEST

static void gradient_of_vit(real *gradient, size_t size, bool rounded, int seed) {
  const VitConfig config = {.image_size = 16, .channels = 1, .patch_size = 4, .width = 24,
                            .depth = 2, .heads = 3, .mlp = 48, .classes = 7,
                            .position = POSITION_LEARNED, .eps = 1e-6};
  const int labels[4] = {0, 3, 6, 2};
  Params *params = params_new();
  const Vit vit = vit_declare(params, "", config);
  params_fill(params, (uint64_t)seed);
  ck_assert_uint_eq(params->size, size);
  fill(vit.head.weight->value, 7 * 24, 9); /* begins as zeros, which tell nothing */
  for (int i = 0; i < 7 * 24; i++) vit.head.weight->value[i] /= 10;
  memset(params->grad, 0, size * sizeof(real));
  Tape *tape = tape_new();
  tape->bf16 = rounded;
  fill(c, 4 * 256, 8);
  Tensor *images = tape_input(tape, "images", SHAPE(4, 1, 16, 16), c);
  Tensor *logits = vit_forward(tape, &vit, images);
  tape_backward(tape, cross_entropy(tape, logits, labels, 0, NULL));
  memcpy(gradient, params->grad, size * sizeof(real));
  tape_free(tape), params_free(params);
}

START_TEST(the_gradient_of_a_model_is_off_as_expected) {
  enum { SIZE = 10976 };
  for (int seed = 1; seed <= 5; seed++) {
    double off = 0, size = 0;
    gradient_of_vit(plain, SIZE, false, seed);
    gradient_of_vit(fast, SIZE, true, seed);
    for (int i = 0; i < SIZE; i++) {
      off += pow((double)fast[i] - (double)plain[i], 2);
      size += pow((double)plain[i], 2);
    }
    const double expected = 0.6 * 0x1p-8 * sqrt(28), found = sqrt(off / size);
    ck_assert_msg(found < 4 * expected && found > expected / 50, "seed %d: off by %g",
                  seed, found);
  }
}
END_TEST

TEST_MAIN("bf16", numbers_round_to_the_nearest, every_bfloat16_and_what_lies_between,
          products_agree_to_the_last_bit, products_are_off_by_what_two_roundings_allow,
          what_needs_no_rounding_is_exact, attention_agrees, threads_do_not_change_a_bit,
          the_gradient_of_a_linear_layer_is_exact_on_the_grid,
          layers_on_a_rounding_tape_are_the_kernels,
          the_gradient_of_a_model_is_off_as_expected)
