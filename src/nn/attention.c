/* Tangled from chapters/04-attention.nw: edit that, not this. */
#include "nn/attention.h"

#include <assert.h>
#include <string.h>

#include "tensor/layers.h"

// Attention on the tape
typedef struct AttentionSaved {
  real *log_sum;
  int heads;
  Mask mask;
  bool bf16;
} AttentionSaved;

static void attention_op_backward(const Entry *e) {
  Tensor *qkv = e->input[0], *y = e->output;
  const AttentionSaved *s = e->saved;
  (s->bf16 ? attention_backward_bf16 : attention_backward)(
      qkv->grad, y->grad, y->value, s->log_sum, qkv->value, y->shape.size[0],
      y->shape.size[1], s->heads, y->shape.size[2] / s->heads, s->mask,
      adds_grad(qkv));
}

static const int *copy_of(Tape *tape, const int *numbers, int n) {
  int *copy = tape_memory(tape, (size_t)n * sizeof *copy);
  return memcpy(copy, numbers, (size_t)n * sizeof *copy);
}

Tensor *attention(Tape *tape, Tensor *qkv, int heads, Mask mask, Tensor **weights) {
  int B = qkv->shape.size[0], T = qkv->shape.size[1], C = qkv->shape.size[2] / 3;
  assert(qkv->shape.rank == 3 && 3 * C == qkv->shape.size[2] && C % heads == 0);
  Tensor *y = tape_tensor(tape, "attention", SHAPE(B, T, C));
  AttentionSaved *s = tape_memory(tape, sizeof *s);
  size_t rows = (size_t)B * heads * T;
  *s = (AttentionSaved){tape_memory(tape, rows * sizeof(real)), heads, mask,
                        tape->bf16 && !weights};
  if (mask.prefix) s->mask.prefix = copy_of(tape, mask.prefix, B);
  if (weights)
    *weights = tape_tensor(tape, "attention weights", SHAPE(B, heads, T, T));
  if (s->bf16)
    attention_forward_bf16(y->value, s->log_sum, qkv->value, B, T, heads, C / heads,
                           mask);
  else
    attention_forward(y->value, s->log_sum, weights ? (*weights)->value : NULL,
                      qkv->value, B, T, heads, C / heads, mask);
  tape->macs += 2.0 * B * T * T * C;
  tape_record_writing(tape, 1, y, attention_op_backward, s, qkv, NULL, NULL);
  return y;
}

// Attend to what was read before
static Tensor *attend_to_cache(Tape *tape, Tensor *qkv, int heads, AttentionCall call) {
  KeyValueCache *cache = call.cache;
  const int B = qkv->shape.size[0], n = qkv->shape.size[1], C = tensor_last(qkv) / 3;
  const int T = cache->read + n;
  assert(!tape->recording && T <= cache->room);
  Tensor *y = tape_tensor(tape, "attention", SHAPE(B, n, C));
  if (call.weights)
    *call.weights = tape_tensor(tape, "attention weights", SHAPE(B, heads, n, T));
#pragma omp parallel for
  for (int b = 0; b < B; b++) {
    real *kv = cache->kv + (size_t)b * cache->room * 2 * C;
    const real *own = qkv->value + (size_t)b * n * 3 * C;
    for (int t = 0; t < n; t++)
      memcpy(kv + (size_t)(cache->read + t) * 2 * C, own + (size_t)t * 3 * C + C,
             2 * (size_t)C * sizeof *kv);
    attention_cached(y->value + (size_t)b * n * C,
                     call.weights ? (*call.weights)->value + (size_t)b * heads * n * T
                                  : NULL,
                     own, kv, n, T, heads, C / heads, call.prefix ? call.prefix[b] : 0);
  }
  cache->read = T;
  tape->macs += 2.0 * B * n * T * C;
  return y;
}

// Declare biases without a key
static void declare_without_key(Params *params, const char *prefix, Attention *a,
                                int width, Init qkv) {
  Tensor **bias[] = {&a->q_bias, &a->v_bias};
  a->qkv.weight = params_add(params, params_name(params, "%s.qkv.weight", prefix),
                             SHAPE(3 * width, width), qkv, PARAM_DECAYED);
  for (int i = 0; i < 2; i++)
    *bias[i] = params_add(params, params_name(params, "%s.%c_bias", prefix, "qv"[i]),
                          SHAPE(width), init_constant(0), PARAM_PLAIN);
}

Attention attention_declare(Params *params, const char *prefix, int width, int heads,
                            bool causal, Init qkv, Init proj, AttentionVariant variant) {
  assert(width % heads == 0);
  Init zero = init_constant(0);
  Attention a = {.heads = heads, .causal = causal, .variant = variant};
  if (variant.no_key_bias) declare_without_key(params, prefix, &a, width, qkv);
  else a.qkv = params_add_linear(params, prefix, "qkv", SHAPE(3 * width, width), qkv,
                                 zero);
  if (variant.inner_norm)
    a.inner_norm = params_add_norm(params, prefix, "inner_attn_ln", width);
  a.proj = params_add_linear(params, prefix, "proj", SHAPE(width, width), proj, zero);
  return a;
}

Tensor *attention_layer(Tape *tape, const Attention *layer, Tensor *x,
                        AttentionCall call) {
  Tensor *bias = layer->qkv.bias;
  // Leave out the keys' bias
  if (layer->variant.no_key_bias)
    bias = key_free_bias(tape, layer->q_bias, layer->v_bias);
  Tensor *qkv = linear(tape, x, layer->qkv.weight, bias);
  // Turn queries and keys
  const AttentionVariant *v = &layer->variant;
  if (v->grid.rows)
    qkv = rotary(tape, qkv, layer->heads, v->grid, call.positions);
  const Mask mask = {layer->causal, call.prefix};
  Tensor *y = call.cache ? attend_to_cache(tape, qkv, layer->heads, call)
                         : attention(tape, qkv, layer->heads, mask, call.weights);
  if (call.queries) y = gather_rows(tape, y, call.queries, call.query_count);
  // Normalize before the projection
  if (layer->variant.inner_norm)
    y = layernorm(tape, y, layer->inner_norm.weight, layer->inner_norm.bias,
                  layer->variant.eps);
  return linear(tape, y, layer->proj.weight, layer->proj.bias);
}
