/* Tangled from chapters/11-siglip.nw: edit that, not this. */
#include "nn/attention_pool.h"

#include <assert.h>
#include <math.h>

#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// One query attends
/* The sizes of one image's part: K queries, T tokens, D channels in each of H heads. */
typedef struct Sizes {
  int B, K, T, H, D;
} Sizes;

typedef struct AttentionPoolSaved {
  Sizes size;
  real *weights; /* [B][K][H][T] */
  real *scratch; /* [T], for the backward pass */
} AttentionPoolSaved;

static const real *key_of(const Tensor *kv, Sizes s, int b, int t, int h) {
  return kv->value + ((size_t)b * s.T + t) * 2 * s.H * s.D + h * s.D;
}

/* Query k of image b: of its numbers those of head h, or what belongs to it. */
typedef struct Asked {
  int b, k, h;
  size_t query, output, weights; /* where in q, in y, among all weights */
} Asked;

static Asked asked(Sizes s, int i) {
  const int h = i % s.H, k = i / s.H % s.K, b = i / s.H / s.K, C = s.H * s.D;
  return (Asked){b, k, h, (size_t)k * C + h * s.D, ((size_t)b * s.K + k) * C + h * s.D,
                 (size_t)i * s.T};
}

/* How well q fits each key of image b, in head h. */
static void score(real *scores, const real *q, const Tensor *kv, Sizes s, int b, int h) {
  const real scale = (real)(1 / sqrt(s.D));
  for (int t = 0; t < s.T; t++) {
    const real *key = key_of(kv, s, b, t, h);
    real sum = 0;
    for (int d = 0; d < s.D; d++) sum += q[d] * key[d];
    scores[t] = scale * sum;
  }
}

static void attention_pool_backward(const Entry *e);

Tensor *attention_pool(Tape *tape, Tensor *q, Tensor *kv, int heads, Tensor **weights) {
  const int B = kv->shape.size[0], T = kv->shape.size[1], C = kv->shape.size[2] / 2;
  const Sizes s = {B, tensor_rows(q), T, heads, C / heads};
  assert(kv->shape.rank == 3 && C % heads == 0 && tensor_last(q) == C);
  Tensor *y = tape_tensor(tape, "attention_pool",
                          s.K == 1 ? SHAPE(B, C) : SHAPE(B, s.K, C));
  Tensor *kept =
      tape_tensor(tape, "attention weights",
                  s.K == 1 ? SHAPE(B, heads, T) : SHAPE(B, s.K, heads, T));
  AttentionPoolSaved *saved = tape_memory(tape, sizeof *saved);
  *saved = (AttentionPoolSaved){s, kept->value,
                                tape_memory(tape, (size_t)T * sizeof(real))};
  // Weigh the values for each query and head
  for (int i = 0; i < B * s.K * heads; i++) {
    const Asked a = asked(s, i);
    real *w = saved->weights + a.weights, *to = y->value + a.output;
    score(saved->scratch, q->value + a.query, kv, s, a.b, a.h);
    softmax_forward(w, saved->scratch, 1, T);
    for (int d = 0; d < s.D; d++) to[d] = 0;
    for (int t = 0; t < T; t++)
      for (int d = 0; d < s.D; d++) to[d] += w[t] * key_of(kv, s, a.b, t, a.h)[C + d];
  }
  if (weights) *weights = kept;
  tape->macs += 2.0 * B * s.K * T * C;
  tape_record(tape, y, attention_pool_backward, saved, q, kv, NULL);
  return y;
}

// The derivative of one query's attention
/* Scores' gradients of image b and head h, from those of the weighted mean. */
static void score_gradients(real *ds, const real *w, const real *dy, const Tensor *kv,
                            Sizes s, int b, int h) {
  real mean = 0;
  for (int t = 0; t < s.T; t++) {
    const real *value = key_of(kv, s, b, t, h) + s.H * s.D;
    ds[t] = 0;
    for (int d = 0; d < s.D; d++) ds[t] += dy[d] * value[d];
    mean += w[t] * ds[t];
  }
  for (int t = 0; t < s.T; t++)
    ds[t] = (real)(1 / sqrt(s.D)) * w[t] * (ds[t] - mean);
}

static void attention_pool_backward(const Entry *e) {
  const AttentionPoolSaved *saved = e->saved;
  const Sizes s = saved->size;
  Tensor *q = e->input[0], *kv = e->input[1];
  real *ds = saved->scratch;
  for (int i = 0; i < s.B * s.K * s.H; i++) {
    const Asked a = asked(s, i);
    const real *w = saved->weights + a.weights, *dy = e->output->grad + a.output;
    score_gradients(ds, w, dy, kv, s, a.b, a.h);
    for (int t = 0; t < s.T; t++) {
      const real *key = key_of(kv, s, a.b, t, a.h);
      real *dkey = kv->requires_grad ? kv->grad + (key - kv->value) : NULL;
      for (int d = 0; d < s.D; d++) {
        if (q->requires_grad) q->grad[a.query + d] += ds[t] * key[d];
        if (!dkey) continue;
        dkey[d] += ds[t] * q->value[a.query + d];
        dkey[s.H * s.D + d] += w[t] * dy[d];
      }
    }
  }
}

// A pooling head
AttentionPool attention_pool_declare(Params *params, const char *prefix,
                                     AttentionPoolConfig c) {
  const int C = c.width, K = greatest(c.queries, 1);
  const Init zero = init_constant(0), tiny = init_normal(1e-6);
  const Init square = init_xavier(C, C), wide = init_xavier(C, c.mlp);
  AttentionPool p = {.config = c};
  p.probe = params_add(params, params_name(params, "%s.latent", prefix), SHAPE(1, K, C),
                       init_xavier(1, C), PARAM_PLAIN);
  p.q = params_add_linear(params, prefix, "q", SHAPE(C, C), square, zero);
  p.kv = params_add_linear(params, prefix, "kv", SHAPE(2 * C, C), square, zero);
  p.proj = params_add_linear(params, prefix, "proj", SHAPE(C, C), square, zero);
  p.norm = params_add_norm(params, prefix, "norm", C);
  p.fc1 = params_add_linear(params, prefix, "mlp.fc1", SHAPE(c.mlp, C), wide, tiny);
  p.fc2 = params_add_linear(params, prefix, "mlp.fc2", SHAPE(C, c.mlp), wide, tiny);
  return p;
}

Tensor *attention_pool_forward(Tape *tape, const AttentionPool *p, Tensor *x,
                               Tensor **weights) {
  Tensor *q = linear(tape, p->probe, p->q.weight, p->q.bias);
  Tensor *kv = linear(tape, x, p->kv.weight, p->kv.bias);
  Tensor *a = attention_pool(tape, q, kv, p->config.heads, weights);
  a = linear(tape, a, p->proj.weight, p->proj.bias);
  Tensor *y = layernorm(tape, a, p->norm.weight, p->norm.bias, p->config.eps);
  y = gelu(tape, linear(tape, y, p->fc1.weight, p->fc1.bias), p->config.gelu);
  return add(tape, a, linear(tape, y, p->fc2.weight, p->fc2.bias));
}

double attention_pool_macs(double C, double M, double T) {
  return T * 2 * C * C + 2 * T * C + 2 * C * C + 2 * C * M;
}
