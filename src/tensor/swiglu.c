/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#include "tensor/swiglu.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static inline real sigmoid(real x) { return 1 / (1 + (real)exp((double)-x)); }

static void swiglu_backward(const Entry *e) {
  Tensor *gate = e->input[0], *x = e->input[1];
  const real *dy = e->output->grad;
  const size_t n = tensor_size(x);
#pragma omp parallel for
  for (size_t i = 0; i < n; i++) {
    const real g = gate->value[i], s = sigmoid(g);
    if (gate->requires_grad) gate->grad[i] += dy[i] * x->value[i] * s * (1 + g * (1 - s));
    if (x->requires_grad) x->grad[i] += dy[i] * g * s;
  }
}

Tensor *swiglu(Tape *tape, Tensor *gate, Tensor *x) {
  Tensor *y = tape_tensor(tape, "swiglu", x->shape);
  const size_t n = tensor_size(x);
  assert(shape_equal(gate->shape, x->shape));
#pragma omp parallel for
  for (size_t i = 0; i < n; i++)
    y->value[i] = gate->value[i] * sigmoid(gate->value[i]) * x->value[i];
  tape_record(tape, y, swiglu_backward, NULL, gate, x, NULL);
  return y;
}

static void key_free_bias_backward(const Entry *e) {
  const int C = (int)tensor_size(e->input[0]);
  for (int k = 0; k < 2; k++)
    for (int i = 0; i < C; i++)
      e->input[k]->grad[i] += e->output->grad[2 * k * C + i];
}

Tensor *key_free_bias(Tape *tape, Tensor *q, Tensor *v) {
  const int C = (int)tensor_size(q);
  Tensor *bias = tape_tensor(tape, "key_free_bias", SHAPE(3 * C));
  memcpy(bias->value, q->value, (size_t)C * sizeof(real));
  memset(bias->value + C, 0, (size_t)C * sizeof(real));
  memcpy(bias->value + 2 * C, v->value, (size_t)C * sizeof(real));
  tape_record(tape, bias, key_free_bias_backward, NULL, q, v, NULL);
  return bias;
}
