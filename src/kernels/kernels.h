/* Tangled from chapters/03-layers.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

/* Functions on bare arrays, row-major. They never allocate. Outputs come
   first: `forward` kernels overwrite them, `backward` kernels add to them; where
   one is told whether to `add`, it overwrites dx if not. The prefix d is for
   gradients. NULL is allowed only where a comment says so, and then means: not
   there, or not wanted. Arrays must not overlap. */

// Kernel declarations
/* y[rows][out] = x[rows][in] w[out][in]^T + b[out]; b may be NULL */
void linear_forward(real *y, const real *x, const real *w, const real *b, int rows,
                    int in, int out);
/* dx[rows][in] += dy[rows][out] w[out][in] */
void linear_backward_input(real *dx, const real *dy, const real *w, int rows,
                           int in, int out, bool add);
/* dw[out][in] += dy^T x, db[out] += sum of the rows of dy; each may be NULL */
void linear_backward_weight(real *dw, real *db, const real *dy, const real *x,
                            int rows, int in, int out);

/* y[rows][C] = (x - mean) rstd gain[C] + bias[C], with mean[rows] of each row and
   rstd[rows] = 1 / sqrt(variance + eps), both kept for the backward pass. */
void layernorm_forward(real *y, real *mean, real *rstd, const real *x,
                       const real *gain, const real *bias, real eps, int rows, int C);
/* dx[rows][C], dgain[C], dbias[C]; each may be NULL */
void layernorm_backward(real *dx, real *dgain, real *dbias, const real *dy,
                        const real *x, const real *gain, const real *mean,
                        const real *rstd, int rows, int C, bool add);

typedef enum { GELU_ERF, GELU_TANH, GELU_QUICK } GeluKind;

/* n values; y = x Phi(x) exactly or by one of the two approximations */
void gelu_forward(real *y, const real *x, GeluKind kind, size_t n);
void gelu_backward(real *dx, const real *dy, const real *x, GeluKind kind, size_t n,
                   bool add);

/* Each row of x[rows][n] to weights that sum to one. */
void softmax_forward(real *p, const real *x, int rows, int n);
void softmax_backward(real *dx, const real *dp, const real *p, int rows, int n);

/* losses[rows]: -sum_i q_i ln p_i with q = (1 - smoothing) at the label plus
   smoothing / n everywhere. Keeps p[rows][n] = softmax(logits). */
void cross_entropy_forward(real *losses, real *p, const real *logits,
                           const int *labels, real smoothing, int rows, int n);
/* dlogits += scale (p - q) */
void cross_entropy_backward(real *dlogits, const real *p, const int *labels,
                            real smoothing, real scale, int rows, int n);

/* y[k] = x[index[k]] for k < count, or fill where index[k] is -1; rows of C.
   fill may be NULL if there is no -1. */
void gather_forward(real *y, const real *x, const real *fill, const int *index,
                    int count, int C);
/* dx[index[k]] += dy[k], dfill += dy[k] where index[k] is -1; each may be NULL */
void gather_backward(real *dx, real *dfill, const real *dy, const int *index,
                     int count, int C);

/* Who attends to whom. All zero: each token to all tokens. Causal: token t to 0..t. */
typedef struct Mask {
  bool causal;
  const int *prefix; /* with causal, [B] or NULL: the first prefix[b] tokens of image b
                        attend to each other */
} Mask;

/* So many tokens of image b attend to each other, and a later one to those before it. */
static inline int prefix_of(Mask mask, int b, int T) {
  if (!mask.causal) return T;
  return mask.prefix ? least(mask.prefix[b], T) : 0;
}

/* Attention of H heads of size D over qkv[B][T][3 H D] (queries, keys, values):
   y[B][T][H D]; keeps log_sum[B][H][T], the logarithms of the sums under the
   softmaxes. weights[B][H][T][T], whose rows sum to one, may be NULL. Scores are
   scaled by 1 / sqrt(D). Source: Vaswani et al. 2017, section 3.2. */
void attention_forward(real *y, real *log_sum, real *weights, const real *qkv, int B,
                       int T, int H, int D, Mask mask);
void attention_backward(real *dqkv, const real *dy, const real *y, const real *log_sum,
                        const real *qkv, int B, int T, int H, int D, Mask mask,
                        bool add);

/* One AdamW step for n weights. `correction1` and `correction2` are
   1 - beta^k. Updates w, m and v; g is read. */
typedef struct AdamWStep {
  real lr, beta1, beta2, eps, decay, correction1, correction2;
} AdamWStep;
void adamw_step(real *w, real *m, real *v, const real *g, AdamWStep step, size_t n);
/* Rows of x[rows][n] divided by their length plus eps; keeps length[rows]. */
void normalize_forward(real *y, real *length, const real *x, real eps, int rows, int n);
void normalize_backward(real *dx, const real *dy, const real *x, const real *length,
                        real eps, int rows, int n);

/* Attention of the last `queries` of T tokens of one image, whose qkv[queries][3 H D]
   are new, to keys and values of all T, kv[T][2 H D]: y[queries][H D], what
   attention_forward with a causal mask of this prefix makes of them, to the last bit.
   weights[H][queries][T] may be NULL. */
void attention_cached(real *y, real *weights, const real *qkv, const real *kv,
                      int queries, int T, int H, int D, int prefix);

/* The same with the factors of products rounded to bfloat16: x, w and dy, and in
   attention also weights and the slopes of scores. All sums are of reals, and db adds
   up dy as it is. Source: Micikevicius et al. 2018; Kalamkar et al. 2019. */
void linear_forward_bf16(real *y, const real *x, const real *w, const real *b, int rows,
                         int in, int out);
void linear_backward_input_bf16(real *dx, const real *dy, const real *w, int rows,
                                int in, int out, bool add);
void linear_backward_weight_bf16(real *dw, real *db, const real *dy, const real *x,
                                 int rows, int in, int out);
void attention_forward_bf16(real *y, real *log_sum, const real *qkv, int B, int T, int H,
                            int D, Mask mask);
void attention_backward_bf16(real *dqkv, const real *dy, const real *y,
                             const real *log_sum, const real *qkv, int B, int T, int H,
                             int D, Mask mask, bool add);
/* For weights that do not change: linear_panel_rows() of their rows in the order in which
   linear_forward_panels wants them; the product with w[out][in] all of whose rows but
   the last out % linear_panel_rows() are in that order. The bits of linear_forward. */
int linear_panel_rows(void);
void linear_panel(real *panel, const real *rows, int in);
void linear_forward_panels(real *y, const real *x, const real *w, const real *b,
                           int rows, int in, int out);

/* For a softmax of which not all rows are here: the largest number of each row and the
   sum of e^(x - largest); and e^(x[r][i] - largest[i]) / sum[i], given these two of each
   column. The bits of cross_entropy_forward. */
void softmax_sums(real *largest, real *sum, const real *x, int rows, int n);
void softmax_by_columns(real *p, const real *x, const real *largest, const real *sum,
                        int rows, int n);
