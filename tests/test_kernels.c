/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "both_kernels.h"

#include <omp.h>

#include "base/random.h"
#include "testing.h"

// Arrays for two results
enum { ROOM = 1 << 21, GUARD = 64 };

/* Inputs a, b, c, d, filled anew from a seed; results of both implementations. */
static real *a, *b, *c, *d, *naive[4], *fast[4];

static real *filled(real *p, size_t n, uint64_t seed) {
  if (!p) p = calloc(ROOM, sizeof *p);
  ck_assert_uint_le(n, ROOM);
  RandomKey key = random_key(seed, "kernels");
  for (size_t i = 0; i < n; i++) p[i] = (real)random_normal(key, i);
  return p;
}

static void make_positive(real *p, size_t n) {
  for (size_t i = 0; i < n; i++) p[i] = p[i] < 0 ? -p[i] : p[i];
}

/* Inputs of n numbers, results of n and a guard behind them. */
static void prepare(size_t n) {
  a = filled(a, n, 1), b = filled(b, n, 2), c = filled(c, n, 3), d = filled(d, n, 4);
  for (int i = 0; i < 4; i++) {
    naive[i] = filled(naive[i], n + GUARD, (uint64_t)(5 + i));
    fast[i] = filled(fast[i], n + GUARD, (uint64_t)(5 + i));
  }
}
/* The first n of result i agree; what is behind them was left alone. */
static void assert_agree(int i, size_t n, const char *what, int x, int y, int z) {
  const double error = relative_error(fast[i], naive[i], n);
  ck_assert_msg(error <= ROUNDING, "%s of %d, %d, %d: error %g", what, x, y, z, error);
  ck_assert_msg(memcmp(fast[i] + n, naive[i] + n, GUARD * sizeof(real)) == 0,
                "%s of %d, %d, %d writes behind its end", what, x, y, z);
}
// Products agree
/* A weight in panels gives the same bits as in rows; fast[0] has those. */
static void assert_panels(const Kernels *kernels, const real *found, int rows, int in,
                          int out, bool bias) {
  const int unit = kernels->linear_panel_rows();
  const size_t panel = (size_t)unit * in, w = (size_t)in * out;
  real *packed = calloc(w, sizeof *packed), *y = calloc((size_t)rows * out, sizeof *y);
  memcpy(packed, b, w * sizeof *packed);
  for (int p = 0; p < out / unit; p++)
    kernels->linear_panel(packed + p * panel, b + p * panel, in);
  kernels->linear_forward_panels(y, a, packed, bias ? c : NULL, rows, in, out);
  ck_assert_msg(memcmp(y, found, (size_t)rows * out * sizeof *y) == 0,
                "panels: %d x %d x %d", rows, in, out);
  free(packed), free(y);
}

static void assert_products(int rows, int in, int out) {
  const size_t x = (size_t)rows * in, w = (size_t)in * out, y = (size_t)rows * out;
  prepare(x > w ? x > y ? x : y : w > y ? w : y);
  for (int bias = 0; bias < 2; bias++) {
    naive_kernels.linear_forward(naive[0], a, b, bias ? c : NULL, rows, in, out);
    fast_kernels.linear_forward(fast[0], a, b, bias ? c : NULL, rows, in, out);
    assert_panels(&naive_kernels, naive[0], rows, in, out, bias);
    assert_panels(&fast_kernels, fast[0], rows, in, out, bias);
    assert_agree(0, y, "forward", rows, in, out);
  }
  for (int add = 0; add < 2; add++) {
    naive_kernels.linear_backward_input(naive[1], c, b, rows, in, out, add);
    fast_kernels.linear_backward_input(fast[1], c, b, rows, in, out, add);
    assert_agree(1, x, add ? "gradient of input, added" : "gradient of input", rows, in,
                 out);
  }
  naive_kernels.linear_backward_weight(naive[2], naive[3], c, a, rows, in, out);
  fast_kernels.linear_backward_weight(fast[2], fast[3], c, a, rows, in, out);
  assert_agree(2, w, "gradient of weight", rows, in, out);
  assert_agree(3, (size_t)out, "gradient of bias", rows, in, out);
}

START_TEST(products_of_all_sizes_agree) {
  static const int sizes[] = {1,  2,  3,  7,  8,  11, 12, 13, 15,
                              16, 17, 31, 32, 33, 65, 95, 96, 97};
  enum { COUNT = sizeof sizes / sizeof *sizes };
  for (int i = 0; i < COUNT; i++)
    for (int j = 0; j < COUNT; j++)
      for (int k = 0; k < COUNT; k++) assert_products(sizes[i], sizes[j], sizes[k]);
}
END_TEST
START_TEST(products_of_several_blocks_agree) {
  static const int sizes[] = {255, 256, 257, 383, 384, 385, 769};
  for (int i = 0; i < 7; i++) {
    assert_products(sizes[i], 13, 33);
    assert_products(13, sizes[i], 33);
    assert_products(13, 33, sizes[i]);
  }
  assert_products(400, 390, 300);
  prepare(105);
  naive_kernels.linear_backward_weight(naive[2], NULL, c, a, 5, 7, 3);
  fast_kernels.linear_backward_weight(fast[2], NULL, c, a, 5, 7, 3);
  assert_agree(2, 21, "without bias", 5, 7, 3);
  naive_kernels.linear_backward_weight(NULL, naive[3], c, a, 5, 7, 3);
  fast_kernels.linear_backward_weight(NULL, fast[3], c, a, 5, 7, 3);
  assert_agree(3, 3, "without weight", 5, 7, 3);
}
END_TEST
// Rows and elements agree
static void assert_rows(int rows, int n) {
  const size_t all = (size_t)rows * n;
  int labels[64];
  prepare(all + 2 * (size_t)n);
  for (int r = 0; r < rows; r++) labels[r] = (r * 7) % n;
  for (int k = 0; k < 2; k++) {
    const Kernels *kernels = k ? &fast_kernels : &naive_kernels;
    real **got = k ? fast : naive;
    kernels->layernorm_forward(got[0], got[1], got[2], a, b, c, (real)0.1, rows, n);
    kernels->layernorm_backward(NULL, NULL, NULL, d, a, b, got[1], got[2], rows, n, true);
    kernels->layernorm_backward(got[3], NULL, NULL, d, a, b, got[1], got[2], rows, n,
                                rows == 13);
    kernels->layernorm_backward(got[3], got[3] + all, got[3] + all + n, d, a, b, got[1],
                                got[2], rows, n, true);
  }
  assert_agree(0, all, "layernorm", rows, n, 0);
  assert_agree(1, (size_t)rows, "its mean", rows, n, 0);
  assert_agree(2, (size_t)rows, "its standard deviation", rows, n, 0);
  assert_agree(3, all + 2 * (size_t)n, "layernorm's gradients", rows, n, 0);
  // Compare softmax and cross-entropy
  prepare(all);
  for (int k = 0; k < 2; k++) {
    const Kernels *kernels = k ? &fast_kernels : &naive_kernels;
    real **got = k ? fast : naive;
    kernels->softmax_forward(got[0], a, rows, n);
    kernels->softmax_backward(got[1], b, got[0], rows, n);
    kernels->cross_entropy_forward(got[2], got[3], a, labels, (real)0.1, rows, n);
    kernels->cross_entropy_backward(got[1], got[3], labels, (real)0.1, 3, rows, n);
  }
  assert_agree(0, all, "softmax", rows, n, 0);
  assert_agree(1, all, "gradients of softmax and cross-entropy", rows, n, 0);
  assert_agree(2, (size_t)rows, "cross-entropy", rows, n, 0);
  assert_agree(3, all, "its softmax", rows, n, 0);
  // Compare softmaxes whose rows are elsewhere
  prepare(all);
  real largest[2][64], sum[2][64], losses[64];
  ck_assert_int_le(rows, 64);
  for (int k = 0; k < 2; k++) {
    const Kernels *kernels = k ? &fast_kernels : &naive_kernels;
    real **got = k ? fast : naive, *transposed = got[2];
    kernels->softmax_sums(largest[k], sum[k], a, rows, n);
    for (int r = 0; r < rows; r++)
      for (int i = 0; i < n; i++) transposed[(size_t)i * rows + r] = a[(size_t)r * n + i];
    kernels->softmax_by_columns(got[1], transposed, largest[k], sum[k], n, rows);
    kernels->cross_entropy_forward(losses, got[3], a, labels, 0, rows, n);
    for (int r = 0; r < rows; r++)
      for (int i = 0; i < n; i++)
        ck_assert_double_eq((double)got[1][(size_t)i * rows + r],
                            (double)got[3][(size_t)r * n + i]);
  }
  ck_assert_int_eq(memcmp(largest[0], largest[1], (size_t)rows * sizeof(real)), 0);
  ck_assert_double_lt(relative_error(sum[0], sum[1], (size_t)rows), ROUNDING);
  assert_agree(1, all, "softmax by columns", rows, n, 0);
}
START_TEST(rows_agree) {
  static const int sizes[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 64, 127, 1000};
  for (int i = 0; i < 14; i++)
    for (int rows = 1; rows <= 64; rows += rows == 1 ? 12 : 51)
      assert_rows(rows, sizes[i]);
}
END_TEST
START_TEST(elements_agree) {
  const AdamWStep step = {(real)1e-3, (real)0.9, (real)0.99, (real)1e-8, (real)0.1,
                          (real)0.3, (real)0.05};
  static const size_t sizes[] = {1, 7, 16, 17, 1009, 40000};
  for (int i = 0; i < 6; i++) {
    const size_t n = sizes[i];
    for (GeluKind kind = GELU_ERF; kind <= GELU_QUICK; kind++) {
      prepare(n);
      for (size_t k = 0; k < n; k++) a[k] *= 4;
      naive_kernels.gelu_forward(naive[0], a, kind, n);
      fast_kernels.gelu_forward(fast[0], a, kind, n);
      assert_agree(0, n, "gelu", kind, (int)n, 0);
      for (int add = 0; add < 2; add++) {
        naive_kernels.gelu_backward(naive[1], b, a, kind, n, add);
        fast_kernels.gelu_backward(fast[1], b, a, kind, n, add);
        assert_agree(1, n, add ? "its gradient, added" : "its gradient", kind, (int)n, 0);
      }
    }
    // Compare AdamW
    make_positive(naive[3], n);
    make_positive(fast[3], n);
    naive_kernels.adamw_step(naive[0], naive[2], naive[3], c, step, n);
    fast_kernels.adamw_step(fast[0], fast[2], fast[3], c, step, n);
    assert_agree(0, n, "adamw", (int)n, 0, 0);
    assert_agree(2, n, "its first mean", (int)n, 0, 0);
    assert_agree(3, n, "its second mean", (int)n, 0, 0);
  }
}
END_TEST
// Attention agrees
static void assert_attention(int B, int T, int H, int D, Mask mask, double spread) {
  const size_t n = (size_t)B * T * H * D, pairs = (size_t)B * H * T * T;
  prepare(3 * n > pairs ? 3 * n : pairs);
  for (size_t i = 0; i < 3 * n; i++) a[i] *= (real)spread;
  naive_kernels.attention_forward(naive[0], naive[1], naive[2], a, B, T, H, D, mask);
  fast_kernels.attention_forward(fast[0], fast[1], fast[2], a, B, T, H, D, mask);
  assert_agree(0, n, "attention", T, H, D);
  assert_agree(1, (size_t)B * H * T, "its sums", T, H, D);
  assert_agree(2, pairs, "its weights", T, H, D);
  memcpy(c, fast[0], n * sizeof *c);
  fast_kernels.attention_forward(fast[0], fast[1], NULL, a, B, T, H, D, mask);
  ck_assert(memcmp(c, fast[0], n * sizeof *c) == 0); /* unseen weights change nothing */
  for (int add = 0; add < 2; add++) {
    naive_kernels.attention_backward(naive[3], b, naive[0], naive[1], a, B, T, H, D,
                                     mask, add);
    fast_kernels.attention_backward(fast[3], b, fast[0], fast[1], a, B, T, H, D, mask,
                                    add);
    assert_agree(3, 3 * n, add ? "its gradient, added" : "its gradient", T, H, D);
  }
}

START_TEST(attention_agrees) {
  static const int tokens[] = {1, 2, 5, 12, 13, 16, 17, 65}, heads[] = {1, 3, 16, 33};
  for (int i = 0; i < 8; i++)
    for (int j = 0; j < 4; j++)
      for (int kind = 0; kind < MASKS; kind++)
        assert_attention(2, tokens[i], 2, heads[j], mask_of(kind, tokens[i]), 1);
}
END_TEST
START_TEST(attention_over_several_blocks_agrees) {
  static const int tokens[] = {95, 96, 97, 255, 256, 257, 300, 515};
  for (int i = 0; i < 8; i++)
    for (int kind = 0; kind < MASKS; kind++)
      assert_attention(1, tokens[i], 1, 8, mask_of(kind, tokens[i]), i % 2 ? 1 : 2);
}
END_TEST
// Threads change nothing
/* Every fast kernel once, with so many threads, results into `got`. */
static void run_all(real **got, int threads) {
  const int rows = 203, n = 503, B = 3, T = 97, H = 2, D = 19;
  static int labels[203];
  const AdamWStep step = {(real)1e-3, (real)0.9, (real)0.99, (real)1e-8, (real)0.1,
                          (real)0.3, (real)0.05};
  const Kernels *k = &fast_kernels;
  omp_set_num_threads(threads);
  k->linear_forward(got[0], a, b, c, rows, n, 150);
  k->linear_backward_input(got[1], a, b, rows, 150, n, true);
  k->linear_backward_weight(got[2], got[3], a, b, rows, 150, n);
  // Run the kernels that go by rows or by numbers
  real *at = got[0] + 40000;
  k->layernorm_forward(at, at + 110000, at + 111000, a, b, c, (real)0.1, rows, n);
  k->layernorm_backward(got[1] + 40000, got[2] + 80000, got[3] + 40000, d, a, b,
                        at + 110000, at + 111000, rows, n, true);
  k->gelu_forward(got[0] + 160000, a, GELU_ERF, 40001);
  k->gelu_backward(got[1] + 160000, a, b, GELU_ERF, 40001, true);
  k->softmax_forward(got[0] + 210000, a, rows, n);
  k->softmax_backward(got[1] + 210000, b, got[0] + 210000, rows, n);
  k->cross_entropy_forward(got[2] + 100000, got[3] + 100000, a, labels, 0, rows, n);
  k->cross_entropy_backward(got[2] + 110000, got[3] + 100000, labels, 0, 1, rows, n);
  k->attention_forward(got[0] + 320000, got[1] + 320000, NULL, a, B, T, H, D,
                       (Mask){.causal = true});
  k->attention_backward(got[2] + 320000, b, got[0] + 320000, got[1] + 320000, a, B, T,
                        H, D, (Mask){.causal = true}, true);
  k->adamw_step(got[0] + 340000, got[1] + 340000, d, a, step, 40001);
}
START_TEST(threads_do_not_change_a_bit) {
  enum { UNROLL = 400000 };
  for (int threads = 2; threads <= 5; threads++) {
    prepare(UNROLL);
    make_positive(d, UNROLL);
    run_all(naive, 1);
    d = filled(d, UNROLL, 4);
    make_positive(d, UNROLL);
    run_all(fast, threads);
    for (int i = 0; i < 4; i++)
      ck_assert(memcmp(fast[i], naive[i], UNROLL * sizeof(real)) == 0);
  }
}
END_TEST

TEST_MAIN("kernels", products_of_all_sizes_agree, products_of_several_blocks_agree,
          rows_agree, elements_agree, attention_agrees,
          attention_over_several_blocks_agrees, threads_do_not_change_a_bit)
