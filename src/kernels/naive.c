/* Tangled from chapters/03-layers.nw: edit that, not this. */
#include <string.h>
#include <tgmath.h>

#include "base/memory.h"
#include "kernels/bf16.h"
#include "kernels/dot.h"
#include "kernels/kernels.h"

// Naive kernels
void linear_forward(real *y, const real *x, const real *w, const real *b, int rows,
                    int in, int out) {
#pragma omp parallel for
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < out; o++) {
      const real *row = x + (size_t)r * in, *weights = w + (size_t)o * in;
      real sum = b ? b[o] : 0;
#pragma omp simd reduction(+ : sum)
      for (int i = 0; i < in; i++) sum += row[i] * weights[i];
      y[(size_t)r * out + o] = sum;
    }
}

void linear_backward_input(real *dx, const real *dy, const real *w, int rows,
                           int in, int out, bool add) {
  if (!add) memset(dx, 0, (size_t)rows * in * sizeof *dx);
#pragma omp parallel for
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < out; o++) {
      const real slope = dy[(size_t)r * out + o], *weights = w + (size_t)o * in;
      real *row = dx + (size_t)r * in;
#pragma omp simd
      for (int i = 0; i < in; i++) row[i] += slope * weights[i];
    }
}

void linear_backward_weight(real *dw, real *db, const real *dy, const real *x,
                            int rows, int in, int out) {
#pragma omp parallel for
  for (int o = 0; o < out; o++)
    for (int r = 0; r < rows; r++) {
      const real slope = dy[(size_t)r * out + o], *row = x + (size_t)r * in;
      if (db) db[o] += slope;
      if (!dw) continue;
      real *weights = dw + (size_t)o * in;
#pragma omp simd
      for (int i = 0; i < in; i++) weights[i] += slope * row[i];
    }
}

void layernorm_forward(real *y, real *mean, real *rstd, const real *x,
                       const real *gain, const real *bias, real eps, int rows, int C) {
#pragma omp parallel for
  for (int r = 0; r < rows; r++) {
    const real *in = x + (size_t)r * C;
    real *out = y + (size_t)r * C, sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int c = 0; c < C; c++) sum += in[c];
    const real mu = sum / (real)C;
#pragma omp simd reduction(+ : squares)
    for (int c = 0; c < C; c++) squares += (in[c] - mu) * (in[c] - mu);
    const real scale = 1 / sqrt(squares / (real)C + eps);
    for (int c = 0; c < C; c++) out[c] = (in[c] - mu) * scale * gain[c] + bias[c];
    mean[r] = mu;
    rstd[r] = scale;
  }
}

static void layernorm_row_backward(real *dx, const real *dy, const real *x,
                                   const real *gain, real mu, real scale, int C) {
  real along_ones = 0, along_x = 0;
#pragma omp simd reduction(+ : along_ones, along_x)
  for (int c = 0; c < C; c++) {
    along_ones += dy[c] * gain[c];
    along_x += dy[c] * gain[c] * (x[c] - mu) * scale;
  }
  along_ones /= (real)C;
  along_x /= (real)C;
  for (int c = 0; c < C; c++)
    dx[c] += scale * (dy[c] * gain[c] - along_ones - (x[c] - mu) * scale * along_x);
}

void layernorm_backward(real *dx, real *dgain, real *dbias, const real *dy,
                        const real *x, const real *gain, const real *mean,
                        const real *rstd, int rows, int C, bool add) {
  if (dx && !add) memset(dx, 0, (size_t)rows * C * sizeof *dx);
  if (dx)
#pragma omp parallel for
    for (int r = 0; r < rows; r++)
      layernorm_row_backward(dx + (size_t)r * C, dy + (size_t)r * C,
                             x + (size_t)r * C, gain, mean[r], rstd[r], C);
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < C; c++) {
      const real slope = dy[(size_t)r * C + c];
      if (dgain) dgain[c] += slope * (x[(size_t)r * C + c] - mean[r]) * rstd[r];
      if (dbias) dbias[c] += slope;
    }
}

static const real root_2_over_pi = (real)0.7978845608028654;
static const real root_half = (real)0.7071067811865476;
static const real density_at_0 = (real)0.3989422804014327;
static const real cubic = (real)0.044715, steepness = (real)1.702;

static real gelu(real x, GeluKind kind) {
  if (kind == GELU_ERF) return x * (1 + erf(x * root_half)) / 2;
  if (kind == GELU_TANH)
    return x * (1 + tanh(root_2_over_pi * (x + cubic * x * x * x))) / 2;
  return x / (1 + exp(-steepness * x));
}

static real gelu_slope(real x, GeluKind kind) {
  if (kind == GELU_ERF)
    return (1 + erf(x * root_half)) / 2 + x * density_at_0 * exp(-x * x / 2);
  if (kind == GELU_TANH) {
    real t = tanh(root_2_over_pi * (x + cubic * x * x * x));
    return (1 + t) / 2 +
           x * (1 - t * t) / 2 * root_2_over_pi * (1 + 3 * cubic * x * x);
  }
  real s = 1 / (1 + exp(-steepness * x));
  return s + steepness * x * s * (1 - s);
}

void gelu_forward(real *y, const real *x, GeluKind kind, size_t n) {
#pragma omp parallel for
  for (size_t i = 0; i < n; i++) y[i] = gelu(x[i], kind);
}

void gelu_backward(real *dx, const real *dy, const real *x, GeluKind kind, size_t n,
                   bool add) {
  if (!add) memset(dx, 0, n * sizeof *dx);
#pragma omp parallel for
  for (size_t i = 0; i < n; i++) dx[i] += dy[i] * gelu_slope(x[i], kind);
}

static void softmax_row(real *p, const real *x, int n) {
  real largest = x[0], sum = 0;
  for (int i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
  for (int i = 0; i < n; i++) sum += p[i] = exp(x[i] - largest);
  for (int i = 0; i < n; i++) p[i] /= sum;
}

static void softmax_row_backward(real *dx, const real *dp, const real *p, int n) {
  real average = 0;
  for (int i = 0; i < n; i++) average += dp[i] * p[i];
  for (int i = 0; i < n; i++) dx[i] += p[i] * (dp[i] - average);
}

void softmax_forward(real *p, const real *x, int rows, int n) {
#pragma omp parallel for
  for (int r = 0; r < rows; r++)
    softmax_row(p + (size_t)r * n, x + (size_t)r * n, n);
}

void softmax_backward(real *dx, const real *dp, const real *p, int rows, int n) {
#pragma omp parallel for
  for (int r = 0; r < rows; r++)
    softmax_row_backward(dx + (size_t)r * n, dp + (size_t)r * n, p + (size_t)r * n, n);
}

void cross_entropy_forward(real *losses, real *p, const real *logits,
                           const int *labels, real smoothing, int rows, int n) {
#pragma omp parallel for
  for (int r = 0; r < rows; r++) {
    const real *x = logits + (size_t)r * n;
    real largest = x[0], sum = 0, mean = 0;
    for (int i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (int i = 0; i < n; i++) sum += exp(x[i] - largest);
    for (int i = 0; i < n; i++) mean += (x[i] - largest) / (real)n;
    losses[r] = log(sum) - (1 - smoothing) * (x[labels[r]] - largest) -
                smoothing * mean;
    softmax_row(p + (size_t)r * n, x, n);
  }
}

void cross_entropy_backward(real *dlogits, const real *p, const int *labels,
                            real smoothing, real scale, int rows, int n) {
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < n; i++) {
      real q = smoothing / (real)n + (i == labels[r] ? 1 - smoothing : 0);
      dlogits[(size_t)r * n + i] += scale * (p[(size_t)r * n + i] - q);
    }
}

typedef struct Head { /* one head of one image; tokens are `stride` apart */
  const real *q, *k, *v;
  int T, D, stride;
  int prefix; /* so many tokens attend to each other, a later one to those before it */
} Head;

static Head head_of(const real *qkv, int b, int h, int T, int H, int D, Mask mask) {
  const real *q = qkv + (size_t)b * T * 3 * H * D + h * D;
  return (Head){q, q + H * D, q + 2 * H * D, T, D, 3 * H * D, prefix_of(mask, b, T)};
}

/* So many tokens, from the first, token t attends to. */
static int seen_by(const Head *head, int t) { return greatest(t + 1, head->prefix); }

static real score(const Head *head, const real *q, int j) {
  return dot(q, head->k + j * head->stride, head->D) / sqrt((real)head->D);
}

static real log_sum_of_scores(const Head *head, const real *q, int seen) {
  real largest = -INFINITY, sum = 0;
  for (int j = 0; j < seen; j++) largest = fmax(largest, score(head, q, j));
  for (int j = 0; j < seen; j++) sum += exp(score(head, q, j) - largest);
  return largest + log(sum);
}

/* What token t, whose query is q, takes from all values: y[D]; its log_sum. */
static real query_forward(real *y, real *weights, const Head *head, const real *q,
                          int t) {
  const int seen = seen_by(head, t);
  const real log_sum = log_sum_of_scores(head, q, seen);
  for (int d = 0; d < head->D; d++) y[d] = 0;
  for (int j = 0; j < head->T; j++) {
    const real a = j < seen ? exp(score(head, q, j) - log_sum) : 0;
    if (weights) weights[j] = a;
    for (int d = 0; d < head->D; d++) y[d] += a * head->v[j * head->stride + d];
  }
  return log_sum;
}

static void head_forward(real *y, real *log_sum, real *weights, Head head) {
  for (int t = 0; t < head.T; t++)
    log_sum[t] = query_forward(y + t * head.stride / 3,
                               weights ? weights + t * head.T : NULL, &head,
                               head.q + t * head.stride, t);
}

void attention_forward(real *y, real *log_sum, real *weights, const real *qkv, int B,
                       int T, int H, int D, Mask mask) {
#pragma omp parallel for collapse(2)
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++) {
      const size_t head = (size_t)b * H + h;
      head_forward(y + (size_t)b * T * H * D + h * D, log_sum + head * T,
                   weights ? weights + head * T * T : NULL,
                   head_of(qkv, b, h, T, H, D, mask));
    }
}

static void head_backward(real *dqkv, const real *dy, const real *y,
                          const real *log_sum, Head head) {
  const int stride = head.stride, D = head.D, to_k = stride / 3, to_v = 2 * to_k;
  const real scale = 1 / sqrt((real)D);
  for (int t = 0; t < head.T; t++) {
    const real *slope = dy + t * to_k, *q = head.q + t * stride;
    const real average = dot(slope, y + t * to_k, D);
    real *dq = dqkv + t * stride;
    for (int j = 0; j < seen_by(&head, t); j++) {
      const real *k = head.k + j * stride, *v = head.v + j * stride;
      real *dk = dqkv + j * stride + to_k, *dv = dqkv + j * stride + to_v;
      const real a = exp(score(&head, q, j) - log_sum[t]);
      const real ds = a * (dot(slope, v, D) - average) * scale;
      for (int d = 0; d < D; d++) {
        dv[d] += a * slope[d];
        dq[d] += ds * k[d];
        dk[d] += ds * q[d];
      }
    }
  }
}

void attention_backward(real *dqkv, const real *dy, const real *y, const real *log_sum,
                        const real *qkv, int B, int T, int H, int D, Mask mask,
                        bool add) {
  if (!add) memset(dqkv, 0, (size_t)B * T * 3 * H * D * sizeof *dqkv);
#pragma omp parallel for collapse(2)
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++) {
      const size_t at = (size_t)b * T * H * D + h * D;
      head_backward(dqkv + (size_t)b * T * 3 * H * D + h * D, dy + at, y + at,
                    log_sum + ((size_t)b * H + h) * T,
                    head_of(qkv, b, h, T, H, D, mask));
    }
}
void adamw_step(real *w, real *m, real *v, const real *g, AdamWStep s, size_t n) {
#pragma omp parallel for simd if (parallel : n > 100000)
  for (size_t i = 0; i < n; i++) {
    m[i] = s.beta1 * m[i] + (1 - s.beta1) * g[i];
    v[i] = s.beta2 * v[i] + (1 - s.beta2) * g[i] * g[i];
    real step = m[i] / s.correction1 / (sqrt(v[i] / s.correction2) + s.eps);
    w[i] -= s.lr * (step + s.decay * w[i]);
  }
}

void attention_cached(real *y, real *weights, const real *qkv, const real *kv,
                      int queries, int T, int H, int D, int prefix) {
  const int width = H * D;
  for (int h = 0; h < H; h++) {
    const real *k = kv + h * D;
    const Head head = {NULL, k, k + width, T, D, 2 * width, prefix};
    for (int i = 0; i < queries; i++)
      query_forward(y + i * width + h * D,
                    weights ? weights + ((size_t)h * queries + i) * T : NULL, &head,
                    qkv + i * 3 * width + h * D, T - queries + i);
  }
}
/* A copy of `rows` rows of n numbers, `apart` apart, rounded; the caller frees it. */
static real *rounded(const real *x, int rows, int n, int apart) {
  real *copy = allocate((size_t)rows * n, sizeof *copy);
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < n; i++)
      copy[(size_t)r * n + i] = bf16(x[(size_t)r * apart + i]);
  return copy;
}

void linear_forward_bf16(real *y, const real *x, const real *w, const real *b, int rows,
                         int in, int out) {
  real *x16 = rounded(x, rows, in, in), *w16 = rounded(w, out, in, in);
  linear_forward(y, x16, w16, b, rows, in, out);
  free(x16), free(w16);
}

void linear_backward_input_bf16(real *dx, const real *dy, const real *w, int rows,
                                int in, int out, bool add) {
  real *dy16 = rounded(dy, rows, out, out), *w16 = rounded(w, out, in, in);
  linear_backward_input(dx, dy16, w16, rows, in, out, add);
  free(dy16), free(w16);
}

void linear_backward_weight_bf16(real *dw, real *db, const real *dy, const real *x,
                                 int rows, int in, int out) {
  real *dy16 = rounded(dy, rows, out, out), *x16 = rounded(x, rows, in, in);
  if (dw) linear_backward_weight(dw, NULL, dy16, x16, rows, in, out);
  if (db) linear_backward_weight(NULL, db, dy, x, rows, in, out);
  free(dy16), free(x16);
}
/* p[T][T] = q k^T / sqrt(D) */
static void scores_bf16(real *p, Head a) {
  real *q = rounded(a.q, a.T, a.D, a.stride), *k = rounded(a.k, a.T, a.D, a.stride);
  linear_forward_bf16(p, q, k, NULL, a.T, a.D, a.T);
  for (int i = 0; i < a.T * a.T; i++) p[i] /= sqrt((real)a.D);
  free(q), free(k);
}

/* A row of scores to exp(score - shift), or 0 from `seen` on; their sum. */
static real weights_row(real *row, int seen, int T, real shift) {
  real sum = 0;
  for (int j = 0; j < T; j++) sum += row[j] = j < seen ? exp(row[j] - shift) : 0;
  return sum;
}

static void head_forward_bf16(real *y, real *log_sum, Head a) {
  const int T = a.T, D = a.D, width = a.stride / 3;
  real *p = allocate((size_t)T * T, sizeof *p), *sum = allocate((size_t)T, sizeof *sum);
  real *v = rounded(a.v, T, D, a.stride), *out = allocate((size_t)T * D, sizeof *out);
  scores_bf16(p, a);
  for (int t = 0; t < T; t++) {
    const int seen = seen_by(&a, t);
    real *row = p + (size_t)t * T, largest = -INFINITY;
    for (int j = 0; j < seen; j++) largest = fmax(largest, row[j]);
    sum[t] = weights_row(row, seen, T, largest);
    log_sum[t] = largest + log(sum[t]);
  }
  linear_backward_input_bf16(out, p, v, T, D, T, false);
  for (int t = 0; t < T; t++)
    for (int d = 0; d < D; d++) y[(size_t)t * width + d] = out[t * D + d] / sum[t];
  free(p), free(sum), free(v), free(out);
}

void attention_forward_bf16(real *y, real *log_sum, const real *qkv, int B, int T, int H,
                            int D, Mask mask) {
#pragma omp parallel for collapse(2)
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++)
      head_forward_bf16(y + (size_t)b * T * H * D + h * D,
                        log_sum + ((size_t)b * H + h) * T,
                        head_of(qkv, b, h, T, H, D, mask));
}
/* Add the rows of part[T][D] to rows that are `apart`. */
static void add_rows(real *to, const real *part, int T, int D, int apart) {
  for (int t = 0; t < T; t++)
    for (int d = 0; d < D; d++) to[(size_t)t * apart + d] += part[(size_t)t * D + d];
}

static void head_backward_bf16(real *dqkv, const real *dy, const real *y,
                               const real *log_sum, Head a) {
  const int T = a.T, D = a.D, stride = a.stride, width = stride / 3;
  const size_t pairs = (size_t)T * T, n = (size_t)T * D;
  real *p = allocate(2 * pairs, sizeof *p), *ds = p + pairs;
  real *dq = allocate(3 * n, sizeof *dq), *dk = dq + n, *dv = dk + n;
  real *q = rounded(a.q, T, D, stride), *k = rounded(a.k, T, D, stride);
  real *v = rounded(a.v, T, D, stride), *slope = rounded(dy, T, D, width);
  scores_bf16(p, a);
  linear_forward_bf16(ds, slope, v, NULL, T, D, T);
  for (int t = 0; t < T; t++) {
    weights_row(p + (size_t)t * T, seen_by(&a, t), T, log_sum[t]);
    const real average = dot(dy + (size_t)t * width, y + (size_t)t * width, D);
    for (size_t i = (size_t)t * T; i < (size_t)(t + 1) * T; i++)
      ds[i] = p[i] * (ds[i] - average) / sqrt((real)D);
  }
  linear_backward_weight_bf16(dv, NULL, p, slope, T, D, T);
  linear_backward_input_bf16(dq, ds, k, T, D, T, false);
  linear_backward_weight_bf16(dk, NULL, ds, q, T, D, T);
  for (int i = 0; i < 3; i++) add_rows(dqkv + i * width, dq + i * n, T, D, stride);
  free(p), free(dq), free(q), free(k), free(v), free(slope);
}

void attention_backward_bf16(real *dqkv, const real *dy, const real *y,
                             const real *log_sum, const real *qkv, int B, int T, int H,
                             int D, Mask mask, bool add) {
  if (!add) memset(dqkv, 0, (size_t)B * T * 3 * H * D * sizeof *dqkv);
#pragma omp parallel for collapse(2)
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++) {
      const size_t at = (size_t)b * T * H * D + h * D;
      head_backward_bf16(dqkv + (size_t)b * T * 3 * H * D + h * D, dy + at, y + at,
                         log_sum + ((size_t)b * H + h) * T,
                         head_of(qkv, b, h, T, H, D, mask));
    }
}
int linear_panel_rows(void) { return 1; }

void linear_panel(real *panel, const real *rows, int in) {
  for (int i = 0; i < in; i++) panel[i] = rows[i];
}

void linear_forward_panels(real *y, const real *x, const real *w, const real *b,
                           int rows, int in, int out) {
  linear_forward(y, x, w, b, rows, in, out);
}

void softmax_sums(real *largest, real *sum, const real *x, int rows, int n) {
  for (int r = 0; r < rows; r++) {
    const real *row = x + (size_t)r * n;
    largest[r] = row[0], sum[r] = 0;
    for (int i = 1; i < n; i++) largest[r] = row[i] > largest[r] ? row[i] : largest[r];
    for (int i = 0; i < n; i++) sum[r] += exp(row[i] - largest[r]);
  }
}

void softmax_by_columns(real *p, const real *x, const real *largest, const real *sum,
                        int rows, int n) {
  for (int r = 0; r < rows; r++)
    for (int i = 0; i < n; i++)
      p[(size_t)r * n + i] = exp(x[(size_t)r * n + i] - largest[i]) / sum[i];
}
