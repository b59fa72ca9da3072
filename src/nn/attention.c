/* Tangled from chapters/04-attention.nw: edit that, not this. */
#include "nn/attention.h"

#include <assert.h>

#include "nn/position.h"
#include "tensor/layers.h"

// Attention on the tape
typedef struct AttentionSaved {
  real *log_sum;
  int heads;
  bool causal, bf16;
} AttentionSaved;

static void attention_op_backward(const Entry *e) {
  Tensor *qkv = e->input[0], *y = e->output;
  const AttentionSaved *s = e->saved;
  (s->bf16 ? attention_backward_bf16 : attention_backward)(
      qkv->grad, y->grad, y->value, s->log_sum, qkv->value, y->shape.size[0],
      y->shape.size[1], s->heads, y->shape.size[2] / s->heads, s->causal,
      adds_grad(qkv));
}

Tensor *attention(Tape *tape, Tensor *qkv, int heads, bool causal, Tensor **weights) {
  int B = qkv->shape.size[0], T = qkv->shape.size[1], C = qkv->shape.size[2] / 3;
  assert(qkv->shape.rank == 3 && 3 * C == qkv->shape.size[2] && C % heads == 0);
  Tensor *y = tape_tensor(tape, "attention", SHAPE(B, T, C));
  AttentionSaved *s = tape_memory(tape, sizeof *s);
  size_t rows = (size_t)B * heads * T;
  *s = (AttentionSaved){tape_memory(tape, rows * sizeof(real)), heads, causal,
                        tape->bf16 && !weights};
  if (weights)
    *weights = tape_tensor(tape, "attention weights", SHAPE(B, heads, T, T));
  if (s->bf16)
    attention_forward_bf16(y->value, s->log_sum, qkv->value, B, T, heads, C / heads,
                           causal);
  else
    attention_forward(y->value, s->log_sum, weights ? (*weights)->value : NULL,
                      qkv->value, B, T, heads, C / heads, causal);
  tape->macs += 2.0 * B * T * T * C;
  tape_record_writing(tape, 1, y, attention_op_backward, s, qkv, NULL, NULL);
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
  if (v->rows)
    qkv = rotary(tape, qkv, layer->heads, v->rows, v->columns, v->extra, call.positions);
  Tensor *y = attention(tape, qkv, layer->heads, layer->causal, call.weights);
  if (call.query_index) y = gather_tokens(tape, y, call.query_index, 1);
  // Normalize before the projection
  if (layer->variant.inner_norm)
    y = layernorm(tape, y, layer->inner_norm.weight, layer->inner_norm.bias,
                  layer->variant.eps);
  return linear(tape, y, layer->proj.weight, layer->proj.bias);
}
