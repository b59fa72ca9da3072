/* Tangled from chapters/15-fast.nw: edit that, not this. */
#include <tgmath.h>

#include "kernels/dot.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

/* So many numbers are worth waking the threads, who then take them in shares. */
#ifndef WORTH_THREADS /* tests wake them for less */
#define WORTH_THREADS (1 << 17)
#endif
enum { SHARE = 1 << 15 };
static inline bool worth(size_t n) { return n > WORTH_THREADS; }

// Fast linear layers
void linear_forward(real *y, const real *x, const real *w, const real *b, int rows,
                    int in, int out) {
  gemm((MatrixOut){y, out, false, false, b}, (MatrixView){x, in, 1},
       (MatrixView){w, 1, in}, rows, out, in);
}

void linear_backward_input(real *dx, const real *dy, const real *w, int rows, int in,
                           int out, bool add) {
  gemm((MatrixOut){.at = dx, .row = in, .add = add}, (MatrixView){dy, out, 1},
       (MatrixView){w, in, 1}, rows, in, out);
}

static void add_column_sums(real *sum, const real *x, int rows, int C) {
#pragma omp parallel if (worth((size_t)rows * C))
  {
    int first, last;
    thread_range(C, LANES, &first, &last);
    for (int r = 0; r < rows; r++)
#pragma omp simd
      for (int c = first; c < last; c++) sum[c] += x[(size_t)r * C + c];
  }
}
// The fast gradient of a weight
void linear_backward_weight(real *dw, real *db, const real *dy, const real *x, int rows,
                            int in, int out) {
  if (dw && rows > 0)
    gemm((MatrixOut){.at = dw, .row = in, .add = true}, (MatrixView){dy, 1, out},
         (MatrixView){x, in, 1}, out, in, rows);
  if (db) add_column_sums(db, dy, rows, out);
}

int linear_panel_rows(void) { return PANEL; }

void linear_panel(real *panel, const real *rows, int in) {
  pack_panel(panel, (MatrixView){rows, 1, in}, in);
}

void linear_forward_panels(real *y, const real *x, const real *w, const real *b,
                           int rows, int in, int out) {
  const int whole = out / PANEL * PANEL, rest = out - whole;
  const MatrixView left = {x, in, 1};
  if (whole)
    gemm_panels((MatrixOut){y, out, false, false, b}, left, (MatrixView){w, PANEL, in},
                rows, whole, in);
  if (rest)
    gemm((MatrixOut){y + whole, out, false, false, b ? b + whole : NULL}, left,
         (MatrixView){w + (size_t)whole * in, 1, in}, rows, rest, in);
}

// Fast row by row
static void layernorm_row(real *y, real *mean, real *rstd, const real *x,
                          const real *gain, const real *bias, real eps, int C) {
  real sum[PARTS] = {0}, squares[PARTS] = {0};
  IN_PARTS(c, C, sum[part] += x[c]);
  const real mu = sum_of_parts(sum) / (real)C;
  IN_PARTS(c, C, squares[part] += (x[c] - mu) * (x[c] - mu));
  const real scale = 1 / sqrt(sum_of_parts(squares) / (real)C + eps);
#pragma omp simd
  for (int c = 0; c < C; c++) y[c] = (x[c] - mu) * scale * gain[c] + bias[c];
  *mean = mu;
  *rstd = scale;
}

void layernorm_forward(real *y, real *mean, real *rstd, const real *x, const real *gain,
                       const real *bias, real eps, int rows, int C) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * C))
  for (int r = 0; r < rows; r++)
    layernorm_row(y + (size_t)r * C, mean + r, rstd + r, x + (size_t)r * C, gain, bias,
                  eps, C);
}
static void layernorm_row_backward(real *dx, const real *dy, const real *x,
                                   const real *gain, real mu, real scale, int C,
                                   bool add) {
  real ones[PARTS] = {0}, centred[PARTS] = {0};
  IN_PARTS(c, C, {
    ones[part] += dy[c] * gain[c];
    centred[part] += dy[c] * gain[c] * (x[c] - mu);
  });
  const real along_ones = sum_of_parts(ones) / (real)C;
  const real along_x = sum_of_parts(centred) * scale * scale / (real)C;
#pragma omp simd
  for (int c = 0; c < C; c++) {
    const real slope = dy[c] * gain[c] - along_ones - (x[c] - mu) * along_x;
    dx[c] = scale * slope + (add ? dx[c] : 0);
  }
}
// The fast gradient of a gain
static void layernorm_gain_backward(real *dgain, const real *dy, const real *x,
                                    const real *mean, const real *rstd, int rows, int C) {
#pragma omp parallel if (worth((size_t)rows * C))
  {
    int first, last;
    thread_range(C, LANES, &first, &last);
    for (int r = 0; r < rows; r++) {
      const real *slope = dy + (size_t)r * C, *row = x + (size_t)r * C;
#pragma omp simd
      for (int c = first; c < last; c++)
        dgain[c] += slope[c] * ((row[c] - mean[r]) * rstd[r]);
    }
  }
}

void layernorm_backward(real *dx, real *dgain, real *dbias, const real *dy,
                        const real *x, const real *gain, const real *mean,
                        const real *rstd, int rows, int C, bool add) {
  if (dx)
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * C))
    for (int r = 0; r < rows; r++)
      layernorm_row_backward(dx + (size_t)r * C, dy + (size_t)r * C, x + (size_t)r * C,
                             gain, mean[r], rstd[r], C, add);
  if (dgain) layernorm_gain_backward(dgain, dy, x, mean, rstd, rows, C);
  if (dbias) add_column_sums(dbias, dy, rows, C);
}
static inline real larger(real a, real b) { return a > b ? a : b; }

/* The largest of n numbers; minus infinity if there are none. */
static real largest_of(const real *x, int n) {
  real most[PARTS];
  for (int part = 0; part < PARTS; part++) most[part] = -INFINITY;
  IN_PARTS(i, n, most[part] = larger(x[i], most[part]));
  for (int apart = PARTS / 2; apart; apart /= 2)
    for (int i = 0; i < apart; i++) most[i] = larger(most[i], most[i + apart]);
  return most[0];
}

/* p = exp(scale x - shift); the sum of p */
static real exp_row(real *p, const real *x, real scale, real shift, int n) {
  real sum[PARTS] = {0};
  IN_PARTS(i, n, sum[part] += p[i] = fast_exp(scale * x[i] - shift));
  return sum_of_parts(sum);
}

void softmax_forward(real *p, const real *x, int rows, int n) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * n))
  for (int r = 0; r < rows; r++) {
    const real *from = x + (size_t)r * n;
    real *to = p + (size_t)r * n;
    const real scale = 1 / exp_row(to, from, 1, largest_of(from, n), n);
    for (int i = 0; i < n; i++) to[i] *= scale;
  }
}
// The fast backward pass of softmax
void softmax_backward(real *dx, const real *dp, const real *p, int rows, int n) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * n))
  for (int r = 0; r < rows; r++) {
    const real *slope = dp + (size_t)r * n, *weight = p + (size_t)r * n;
    const real average = dot(slope, weight, n);
    for (int i = 0; i < n; i++)
      dx[(size_t)r * n + i] += weight[i] * (slope[i] - average);
  }
}

// Fast cross-entropy
void cross_entropy_forward(real *losses, real *p, const real *logits, const int *labels,
                           real smoothing, int rows, int n) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * n))
  for (int r = 0; r < rows; r++) {
    const real *x = logits + (size_t)r * n;
    real *weight = p + (size_t)r * n, above[PARTS] = {0};
    const real largest = largest_of(x, n);
    const real sum = exp_row(weight, x, 1, largest, n);
    IN_PARTS(i, n, above[part] += x[i] - largest);
    losses[r] = log(sum) - (1 - smoothing) * (x[labels[r]] - largest) -
                smoothing * sum_of_parts(above) / (real)n;
    for (int i = 0; i < n; i++) weight[i] /= sum;
  }
}
void softmax_sums(real *largest, real *sum, const real *x, int rows, int n) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * n))
  for (int r = 0; r < rows; r++) {
    const real *row = x + (size_t)r * n, most = largest_of(row, n);
    real parts[PARTS] = {0};
    IN_PARTS(i, n, parts[part] += fast_exp(row[i] - most));
    largest[r] = most, sum[r] = sum_of_parts(parts);
  }
}

void softmax_by_columns(real *p, const real *x, const real *largest, const real *sum,
                        int rows, int n) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * n))
  for (int r = 0; r < rows; r++) {
    const real *row = x + (size_t)r * n;
    real *to = p + (size_t)r * n;
    for (int i = 0; i < n; i++) to[i] = fast_exp(row[i] - largest[i]) / sum[i];
  }
}

// The fast backward pass of cross-entropy
void cross_entropy_backward(real *dlogits, const real *p, const int *labels,
                            real smoothing, real scale, int rows, int n) {
#pragma omp parallel for schedule(dynamic, 64) if (worth((size_t)rows * n))
  for (int r = 0; r < rows; r++) {
    real *slope = dlogits + (size_t)r * n;
    for (int i = 0; i < n; i++)
      slope[i] += scale * (p[(size_t)r * n + i] - smoothing / (real)n);
    slope[labels[r]] -= scale * (1 - smoothing);
  }
}

// Fast element by element
static const real root_2_over_pi = (real)0.7978845608028654;
static const real cubic = (real)0.044715, steepness = (real)1.702;

typedef struct Gate {
  real value, slope; /* y = x value; dy/dx = slope */
} Gate;

static inline Gate gate_erf(real x) {
  NormalTail tail = normal_tail(fabs(x));
  const real cdf = x > 0 ? 1 - tail.above : tail.above;
  return (Gate){cdf, cdf + x * tail.density};
}

static inline Gate gate_tanh(real x) {
  const real s = sigmoid(2 * root_2_over_pi * (x + cubic * x * x * x));
  return (Gate){s, s + 2 * x * s * (1 - s) * root_2_over_pi * (1 + 3 * cubic * x * x)};
}

static inline Gate gate_quick(real x) {
  const real s = sigmoid(steepness * x);
  return (Gate){s, s + steepness * x * s * (1 - s)};
}

#define FOR_EACH_I /* i < n, both by these names */                                   \
  _Pragma("omp parallel for simd schedule(dynamic, SHARE) if (parallel : worth(n))") \
  for (size_t i = 0; i < n; i++)
void gelu_forward(real *y, const real *x, GeluKind kind, size_t n) {
  if (kind == GELU_ERF)
    FOR_EACH_I y[i] = x[i] * gate_erf(x[i]).value;
  else if (kind == GELU_TANH)
    FOR_EACH_I y[i] = x[i] * gate_tanh(x[i]).value;
  else
    FOR_EACH_I y[i] = x[i] * gate_quick(x[i]).value;
}

#define SLOPES(gate)                                              \
  do {                                                            \
    if (add) FOR_EACH_I dx[i] += dy[i] * gate(x[i]).slope;        \
    else FOR_EACH_I dx[i] = dy[i] * gate(x[i]).slope;             \
  } while (0)

void gelu_backward(real *dx, const real *dy, const real *x, GeluKind kind, size_t n,
                   bool add) {
  if (kind == GELU_ERF) SLOPES(gate_erf);
  else if (kind == GELU_TANH) SLOPES(gate_tanh);
  else SLOPES(gate_quick);
}

// Fast AdamW
void adamw_step(real *w, real *m, real *v, const real *g, AdamWStep s, size_t n) {
  const real unbias1 = 1 / s.correction1, unbias2 = 1 / s.correction2;
  FOR_EACH_I {
    m[i] = s.beta1 * m[i] + (1 - s.beta1) * g[i];
    v[i] = s.beta2 * v[i] + (1 - s.beta2) * g[i] * g[i];
    const real step = m[i] * unbias1 / (sqrt(v[i] * unbias2) + s.eps);
    w[i] -= s.lr * (step + s.decay * w[i]);
  }
}

// Fast attention
enum { QUERIES = 96, KEYS = 256 };

typedef struct Head { /* one head of one image */
  const real *q, *k, *v;
  real scale;
  int T, D, width;      /* width: H D */
  int q_apart, kv_apart; /* from a token to the next: 3 width, if all stand in one */
  int first;  /* which token the first query is */
  int prefix; /* so many tokens attend to each other, a later one to those before it */
  Product *product; /* gemm_serial, or of other numbers */
} Head;

static Head head_of(const real *qkv, int b, int h, int T, int H, int D, Mask mask,
                    Product *product) {
  const real *q = qkv + (size_t)b * T * 3 * H * D + h * D;
  return (Head){q, q + H * D, q + 2 * H * D, 1 / sqrt((real)D), T, D, H * D, 3 * H * D,
                3 * H * D, 0, prefix_of(mask, b, T), product};
}

/* Ask for n numbers, so that they are on their way when they are needed. */
static void fetch(const real *p, size_t n) {
  for (size_t i = 0; i < n; i += 64 / sizeof *p) __builtin_prefetch(p + i);
}

/* How many of the keys from k0 on may query t see? */
static int keys_seen(const Head *a, int t, int k0, int keys) {
  return least(keys, greatest(a->first + t + 1, a->prefix) - k0);
}

/* So many keys, from the first, a block of queries sees. */
static int keys_of_block(const Head *a, int q0, int queries) {
  return greatest(a->first + q0 + queries, a->prefix);
}
/* scores[queries][row] = q k^T, unscaled */
static void scores_of(real *scores, int row, const Head *a, int q0, int queries, int k0,
                      int keys) {
  const bool padded = row >= round_up(keys, LANES);
  a->product((MatrixOut){.at = scores, .row = row, .padded = padded},
             (MatrixView){a->q + (size_t)q0 * a->q_apart, a->q_apart, 1},
             (MatrixView){a->k + (size_t)k0 * a->kv_apart, 1, a->kv_apart}, queries, keys,
             a->D);
}

/* A row of scores to exp(scale s - shift), or 0 from `seen` on; their sum. */
static real weights_of_row(real *p, int n, int seen, real scale, real shift) {
  real sum[PARTS] = {0};
  IN_PARTS(j, n, {
    const real power = fast_exp(scale * p[j] - shift);
    sum[part] += p[j] = j < seen ? power : 0;
  });
  return sum_of_parts(sum);
}
static void attend(real *y, real *log_sum, const Head *a, int q0, int queries) {
  static _Thread_local real p[QUERIES * KEYS] __attribute__((aligned(64)));
  real top[QUERIES], largest[QUERIES], sum[QUERIES];
  const int stride = a->kv_apart;
  for (int t = 0; t < queries; t++) largest[t] = -INFINITY, sum[t] = 0;
  // Find the largest scores first
  if (a->product == gemm_bf16_serial && a->T > KEYS)
    for (int k0 = 0; k0 < keys_of_block(a, q0, queries); k0 += KEYS) {
      const int keys = least(KEYS, a->T - k0);
      scores_of(p, KEYS, a, q0, queries, k0, keys);
      for (int t = 0; t < queries; t++) {
        const int seen = keys_seen(a, q0 + t, k0, keys);
        largest[t] = larger(largest[t], a->scale * largest_of(p + t * KEYS, seen));
      }
    }
  for (int k0 = 0; k0 < keys_of_block(a, q0, queries); k0 += KEYS) {
    const int keys = least(KEYS, a->T - k0), row = round_up(keys, PARTS);
    scores_of(p, row, a, q0, queries, k0, keys);
    // Turn the scores of each query into weights
    for (int t = 0; t < queries; t++)
      top[t] = a->scale * largest_of(p + t * row, keys_seen(a, q0 + t, k0, keys));
    for (int t = 0; t < queries; t++) {
      const int seen = keys_seen(a, q0 + t, k0, keys);
      const real old = largest[t];
      largest[t] = larger(top[t], old);
      const real shrink = k0 == 0 ? 0 : exp(old - largest[t]);
      sum[t] = sum[t] * shrink +
               weights_of_row(p + t * row, row, seen, a->scale, largest[t]);
      if (k0 > 0)
        for (int d = 0; d < a->D; d++) y[t * a->width + d] *= shrink;
    }
    a->product((MatrixOut){.at = y, .row = a->width, .add = k0 > 0},
               (MatrixView){p, row, 1},
               (MatrixView){a->v + (size_t)k0 * stride, stride, 1}, queries, a->D, keys);
  }
  for (int t = 0; t < queries; t++) {
    const real scale = 1 / sum[t];
    for (int d = 0; d < a->D; d++) y[t * a->width + d] *= scale;
    log_sum[t] = largest[t] + log(sum[t]);
  }
}
// Write the weights of attention
/* The weights themselves, for whoever wants to look at them. */
static void write_weights(real *weights, const real *log_sum, const Head *a,
                          int queries) {
  scores_of(weights, a->T, a, 0, queries, 0, a->T);
  for (int t = 0; t < queries; t++) {
    real *row = weights + (size_t)t * a->T;
    const int seen = keys_seen(a, t, 0, a->T);
    exp_row(row, row, a->scale, log_sum[t], seen);
    for (int j = seen; j < a->T; j++) row[j] = 0;
  }
}

static void heads_forward(real *y, real *log_sum, real *weights, const real *qkv, int B,
                          int T, int H, int D, Mask mask, Product *product) {
#pragma omp parallel for collapse(2)
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++) {
      const Head a = head_of(qkv, b, h, T, H, D, mask, product);
      const size_t head = (size_t)b * H + h, image = (size_t)T * H * D;
      if (h == 0) fetch(qkv + 3 * image * b, 3 * image);
      for (int t = 0; t < T; t += QUERIES)
        attend(y + ((size_t)b * T + t) * H * D + h * D, log_sum + head * T + t, &a, t,
               least(QUERIES, T - t));
      if (weights) write_weights(weights + head * T * T, log_sum + head * T, &a, T);
    }
}

void attention_forward(real *y, real *log_sum, real *weights, const real *qkv, int B,
                       int T, int H, int D, Mask mask) {
  heads_forward(y, log_sum, weights, qkv, B, T, H, D, mask, gemm_serial);
}

void attention_cached(real *y, real *weights, const real *qkv, const real *kv,
                      int queries, int T, int H, int D, int prefix) {
  const int width = H * D;
  for (int h = 0; h < H; h++)
    for (int t = 0; t < queries; t += QUERIES) {
      real log_sum[QUERIES];
      const real *q = qkv + (size_t)t * 3 * width + h * D, *k = kv + h * D;
      const Head a = {q, k, k + width, 1 / sqrt((real)D), T, D, width, 3 * width,
                      2 * width, T - queries + t, prefix, gemm_serial};
      const int some = least(QUERIES, queries - t);
      attend(y + (size_t)t * width + h * D, log_sum, &a, 0, some);
      if (weights)
        write_weights(weights + ((size_t)h * queries + t) * T, log_sum, &a, some);
    }
}

static void attend_backward(real *dqkv, const real *dy, const real *y,
                            const real *log_sum, const Head *a, int q0, int queries,
                            int k0, int keys, bool add) {
  static _Thread_local real p[QUERIES * KEYS] __attribute__((aligned(64)));
  static _Thread_local real ds[QUERIES * KEYS] __attribute__((aligned(64)));
  const int stride = 3 * a->width, row = round_up(keys, PARTS), D = a->D;
  real *dq = dqkv + (size_t)q0 * stride;
  real *dk = dqkv + (size_t)k0 * stride + a->width, *dv = dk + a->width;
  const MatrixView slope = {dy, a->width, 1}, by_key = {p, 1, row};
  const size_t from_q = (size_t)q0 * stride, from_k = (size_t)k0 * stride;
  scores_of(p, row, a, q0, queries, k0, keys);
  a->product((MatrixOut){.at = ds, .row = row, .padded = true}, slope,
             (MatrixView){a->v + from_k, 1, stride}, queries, keys, D);
  for (int t = 0; t < queries; t++) {
    real *weight = p + t * row, *score_slope = ds + t * row;
    const real average = dot(dy + t * a->width, y + t * a->width, D);
    weights_of_row(weight, row, keys_seen(a, q0 + t, k0, keys), a->scale, log_sum[t]);
#pragma omp simd
    for (int j = 0; j < row; j++)
      score_slope[j] = a->scale * weight[j] * (score_slope[j] - average);
  }
  // Add to the gradients of values, queries and keys
  const bool more_keys = add || k0 > 0;
  const int first_query = k0 < a->prefix ? 0 : k0 / QUERIES * QUERIES;
  const bool more_queries = add || q0 > first_query;
  const MatrixView k = {a->k + from_k, stride, 1}, q = {a->q + from_q, stride, 1};
  a->product((MatrixOut){.at = dv, .row = stride, .add = more_queries}, by_key, slope,
             keys, D, queries);
  a->product((MatrixOut){.at = dq, .row = stride, .add = more_keys},
             (MatrixView){ds, row, 1}, k, queries, D, keys);
  a->product((MatrixOut){.at = dk, .row = stride, .add = more_queries},
             (MatrixView){ds, 1, row}, q, keys, D, queries);
}
static void heads_backward(real *dqkv, const real *dy, const real *y,
                           const real *log_sum, const real *qkv, int B, int T, int H,
                           int D, Mask mask, bool add, Product *product) {
#pragma omp parallel for collapse(2) schedule(dynamic)
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++) {
      const Head a = head_of(qkv, b, h, T, H, D, mask, product);
      const size_t image = (size_t)T * H * D;
      real *slope = dqkv + 3 * image * b + h * D;
      if (h == 0) {
        fetch(qkv + 3 * image * b, 3 * image);
        if (add) fetch(dqkv + 3 * image * b, 3 * image);
        fetch(dy + image * b, image);
        fetch(y + image * b, image);
      }
      for (int t = 0; t < T; t += QUERIES) {
        const size_t at = ((size_t)b * T + t) * H * D + h * D;
        const int queries = least(QUERIES, T - t);
        for (int k = 0; k < keys_of_block(&a, t, queries); k += KEYS)
          attend_backward(slope, dy + at, y + at, log_sum + ((size_t)b * H + h) * T + t,
                          &a, t, queries, k, least(KEYS, T - k), add);
      }
    }
}

void attention_backward(real *dqkv, const real *dy, const real *y, const real *log_sum,
                        const real *qkv, int B, int T, int H, int D, Mask mask,
                        bool add) {
  heads_backward(dqkv, dy, y, log_sum, qkv, B, T, H, D, mask, add, gemm_serial);
}
// Fast kernels of bfloat16
void linear_forward_bf16(real *y, const real *x, const real *w, const real *b, int rows,
                         int in, int out) {
  gemm_bf16((MatrixOut){y, out, false, false, b}, (MatrixView){x, in, 1},
            (MatrixView){w, 1, in}, rows, out, in);
}

void linear_backward_input_bf16(real *dx, const real *dy, const real *w, int rows,
                                int in, int out, bool add) {
  gemm_bf16((MatrixOut){.at = dx, .row = in, .add = add}, (MatrixView){dy, out, 1},
            (MatrixView){w, in, 1}, rows, in, out);
}

void linear_backward_weight_bf16(real *dw, real *db, const real *dy, const real *x,
                                 int rows, int in, int out) {
  if (dw && rows > 0)
    gemm_bf16((MatrixOut){.at = dw, .row = in, .add = true}, (MatrixView){dy, 1, out},
              (MatrixView){x, in, 1}, out, in, rows);
  if (db) add_column_sums(db, dy, rows, out);
}

void attention_forward_bf16(real *y, real *log_sum, const real *qkv, int B, int T, int H,
                            int D, Mask mask) {
  heads_forward(y, log_sum, NULL, qkv, B, T, H, D, mask, gemm_bf16_serial);
}

void attention_backward_bf16(real *dqkv, const real *dy, const real *y,
                             const real *log_sum, const real *qkv, int B, int T, int H,
                             int D, Mask mask, bool add) {
  heads_backward(dqkv, dy, y, log_sum, qkv, B, T, H, D, mask, add, gemm_bf16_serial);
}
