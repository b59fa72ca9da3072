/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "tensor/bf16_layers.h"

#include "kernels/kernels.h"

static void linear_bf16_backward(const Entry *e) {
  Tensor *x = e->input[0], *w = e->input[1], *b = e->input[2], *y = e->output;
  const int rows = tensor_rows(x), in = tensor_last(x), out = tensor_last(y);
  if (x->requires_grad)
    linear_backward_input_bf16(x->grad, y->grad, w->value, rows, in, out, adds_grad(x));
  linear_backward_weight_bf16(w->requires_grad ? w->grad : NULL,
                              b && b->requires_grad ? b->grad : NULL, y->grad, x->value,
                              rows, in, out);
}

Tensor *linear_bf16(Tape *tape, Tensor *x, Tensor *w, Tensor *b) {
  const int rows = tensor_rows(x), in = tensor_last(x), out = w->shape.size[0];
  Shape shape = x->shape;
  shape.size[shape.rank - 1] = out;
  Tensor *y = tape_tensor(tape, "linear", shape);
  linear_forward_bf16(y->value, x->value, w->value, b ? b->value : NULL, rows, in, out);
  tape->macs += (double)rows * in * out;
  tape_record_writing(tape, 1, y, linear_bf16_backward, NULL, x, w, b);
  return y;
}

typedef struct AttentionSaved {
  real *log_sum;
  int heads;
  bool causal;
} AttentionSaved;

static void attention_bf16_backward(const Entry *e) {
  Tensor *qkv = e->input[0], *y = e->output;
  const AttentionSaved *s = e->saved;
  attention_backward_bf16(qkv->grad, y->grad, y->value, s->log_sum, qkv->value,
                          y->shape.size[0], y->shape.size[1], s->heads,
                          y->shape.size[2] / s->heads, s->causal, adds_grad(qkv));
}

Tensor *attention_bf16(Tape *tape, Tensor *qkv, int heads, bool causal) {
  const int B = qkv->shape.size[0], T = qkv->shape.size[1], C = qkv->shape.size[2] / 3;
  Tensor *y = tape_tensor(tape, "attention", SHAPE(B, T, C));
  AttentionSaved *s = tape_memory(tape, sizeof *s);
  *s = (AttentionSaved){tape_memory(tape, (size_t)B * heads * T * sizeof(real)), heads,
                        causal};
  attention_forward_bf16(y->value, s->log_sum, qkv->value, B, T, heads, C / heads,
                         causal);
  tape->macs += 2.0 * B * T * T * C;
  tape_record_writing(tape, 1, y, attention_bf16_backward, s, qkv, NULL, NULL);
  return y;
}
