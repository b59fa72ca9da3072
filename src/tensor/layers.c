/* Tangled from chapters/03-layers.nw: edit that, not this. */
#include "tensor/layers.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"

static Shape with_last(Shape shape, int last) {
  assert(shape.rank > 0);
  shape.size[shape.rank - 1] = last;
  return shape;
}

// Layer operations
static void linear_backward(const Entry *e) {
  Tensor *x = e->input[0], *w = e->input[1], *b = e->input[2], *y = e->output;
  int rows = tensor_rows(x), in = tensor_last(x), out = tensor_last(y);
  const bool bf16 = *(const bool *)e->saved;
  if (x->requires_grad)
    (bf16 ? linear_backward_input_bf16 : linear_backward_input)(
        x->grad, y->grad, w->value, rows, in, out, adds_grad(x));
  real *db = b && b->requires_grad ? b->grad : NULL;
  if (w->requires_grad || db)
    (bf16 ? linear_backward_weight_bf16 : linear_backward_weight)(
        w->requires_grad ? w->grad : NULL, db, y->grad, x->value, rows, in, out);
}

Tensor *linear(Tape *tape, Tensor *x, Tensor *w, Tensor *b) {
  int rows = tensor_rows(x), in = tensor_last(x), out = w->shape.size[0];
  assert(tensor_size(w) == (size_t)out * (size_t)in);
  assert(!b || tensor_size(b) == (size_t)out);
  Tensor *y = tape_tensor(tape, "linear", with_last(x->shape, out));
  bool *bf16 = tape_memory(tape, sizeof *bf16);
  *bf16 = tape->bf16;
  assert(!w->packed || !(tape->recording || *bf16));
  (w->packed ? linear_forward_panels : *bf16 ? linear_forward_bf16 : linear_forward)(
      y->value, x->value, w->value, b ? b->value : NULL, rows, in, out);
  tape->macs += (double)rows * in * out;
  tape_record_writing(tape, 1, y, linear_backward, bf16, x, w, b);
  return y;
}

static real *grad_if_needed(const Tensor *t) { return t->requires_grad ? t->grad : NULL; }

typedef struct LayernormSaved {
  real *mean, *rstd;
} LayernormSaved;

static void layernorm_op_backward(const Entry *e) {
  Tensor *x = e->input[0], *gain = e->input[1], *bias = e->input[2];
  const LayernormSaved *s = e->saved;
  layernorm_backward(grad_if_needed(x), grad_if_needed(gain), grad_if_needed(bias),
                     e->output->grad, x->value, gain->value, s->mean, s->rstd,
                     tensor_rows(x), tensor_last(x), adds_grad(x));
}

Tensor *layernorm(Tape *tape, Tensor *x, Tensor *gain, Tensor *bias, double eps) {
  int rows = tensor_rows(x), C = tensor_last(x);
  assert(tensor_size(gain) == (size_t)C && tensor_size(bias) == (size_t)C);
  Tensor *y = tape_tensor(tape, "layernorm", x->shape);
  LayernormSaved *s = tape_memory(tape, sizeof *s);
  s->mean = tape_memory(tape, (size_t)rows * sizeof(real));
  s->rstd = tape_memory(tape, (size_t)rows * sizeof(real));
  layernorm_forward(y->value, s->mean, s->rstd, x->value, gain->value, bias->value,
                    (real)eps, rows, C);
  tape_record_writing(tape, 1, y, layernorm_op_backward, s, x, gain, bias);
  return y;
}

static void gelu_op_backward(const Entry *e) {
  gelu_backward(e->input[0]->grad, e->output->grad, e->input[0]->value,
                *(const GeluKind *)e->saved, tensor_size(e->output),
                adds_grad(e->input[0]));
}

Tensor *gelu(Tape *tape, Tensor *x, GeluKind kind) {
  Tensor *y = tape_tensor(tape, "gelu", x->shape);
  GeluKind *saved = tape_memory(tape, sizeof *saved);
  *saved = kind;
  gelu_forward(y->value, x->value, kind, tensor_size(x));
  tape_record_writing(tape, 1, y, gelu_op_backward, saved, x, NULL, NULL);
  return y;
}

static void softmax_op_backward(const Entry *e) {
  softmax_backward(e->input[0]->grad, e->output->grad, e->output->value,
                   tensor_rows(e->output), tensor_last(e->output));
}

Tensor *softmax(Tape *tape, Tensor *x) {
  Tensor *y = tape_tensor(tape, "softmax", x->shape);
  softmax_forward(y->value, x->value, tensor_rows(x), tensor_last(x));
  tape_record(tape, y, softmax_op_backward, NULL, x, NULL, NULL);
  return y;
}

// Drop at random
typedef struct DropSaved {
  real *factor;
  size_t group; /* how many neighbours share a factor */
} DropSaved;

static void drop_backward(const Entry *e) {
  const DropSaved *s = e->saved;
  for (size_t i = 0; i < tensor_size(e->output); i++)
    e->input[0]->grad[i] += e->output->grad[i] * s->factor[i / s->group];
}

static Tensor *drop(Tape *tape, const char *name, Tensor *x, double rate, size_t group) {
  assert(rate >= 0 && rate < 1);
  if (!tape->training || rate == 0) return x;
  size_t n = tensor_size(x), groups = n / group;
  Tensor *y = tape_tensor(tape, name, x->shape);
  DropSaved *s = tape_memory(tape, sizeof *s);
  *s = (DropSaved){tape_memory(tape, groups * sizeof(real)), group};
  RandomKey key = tape_key(tape);
  for (size_t i = 0; i < groups; i++)
    s->factor[i] = random_uniform(key, i) < rate ? 0 : (real)(1 / (1 - rate));
  for (size_t i = 0; i < n; i++) y->value[i] = x->value[i] * s->factor[i / group];
  tape_record(tape, y, drop_backward, s, x, NULL, NULL);
  return y;
}

Tensor *dropout(Tape *tape, Tensor *x, double rate) {
  return drop(tape, "dropout", x, rate, 1);
}

Tensor *drop_path(Tape *tape, Tensor *x, double rate) {
  return drop(tape, "drop_path", x, rate, tensor_size(x) / (size_t)x->shape.size[0]);
}

typedef struct GatherSaved {
  int *index, count;
} GatherSaved;

static void gather_op_backward(const Entry *e) {
  Tensor *x = e->input[0], *fill = e->input[1];
  const GatherSaved *s = e->saved;
  gather_backward(grad_if_needed(x), fill ? grad_if_needed(fill) : NULL,
                  e->output->grad, s->index, s->count, tensor_last(x));
}

/* index is on the tape already */
static Tensor *gather(Tape *tape, const char *name, Tensor *x, Tensor *fill,
                      int *index, Shape shape) {
  Tensor *y = tape_tensor(tape, name, shape);
  GatherSaved *s = tape_memory(tape, sizeof *s);
  *s = (GatherSaved){index, tensor_rows(y)};
  for (int k = 0; k < s->count; k++)
    assert(index[k] < tensor_rows(x) && (index[k] >= 0 || fill));
  gather_forward(y->value, x->value, fill ? fill->value : NULL, index, s->count,
                 tensor_last(x));
  tape_record(tape, y, gather_op_backward, s, x, fill, NULL);
  return y;
}

// Look up rows
Tensor *embedding(Tape *tape, Tensor *table, const int *ids, int B, int T) {
  int *index = tape_memory(tape, (size_t)B * T * sizeof *index);
  memcpy(index, ids, (size_t)B * T * sizeof *index);
  return gather(tape, "embedding", table, NULL, index, SHAPE(B, T, tensor_last(table)));
}

// Scatter tokens
Tensor *gather_tokens(Tape *tape, Tensor *x, const int *index, int K) {
  int B = x->shape.size[0], T = x->shape.size[1];
  int *rows = tape_memory(tape, (size_t)B * K * sizeof *rows);
  for (int i = 0; i < B * K; i++) {
    assert(index[i] >= 0 && index[i] < T);
    rows[i] = i / K * T + index[i];
  }
  return gather(tape, "gather_tokens", x, NULL, rows, SHAPE(B, K, tensor_last(x)));
}

Tensor *scatter_tokens(Tape *tape, Tensor *x, Tensor *fill, const int *from, int T) {
  int B = x->shape.size[0], K = x->shape.size[1];
  int *rows = tape_memory(tape, (size_t)B * T * sizeof *rows);
  for (int i = 0; i < B * T; i++) {
    assert(from[i] >= -1 && from[i] < K);
    rows[i] = from[i] < 0 ? -1 : i / T * K + from[i];
  }
  return gather(tape, "scatter_tokens", x, fill, rows, SHAPE(B, T, tensor_last(x)));
}

Tensor *gather_rows(Tape *tape, Tensor *x, const int *index, int count) {
  int *rows = tape_memory(tape, (size_t)count * sizeof *rows);
  memcpy(rows, index, (size_t)count * sizeof *rows);
  return gather(tape, "gather_rows", x, NULL, rows, SHAPE(count, tensor_last(x)));
}

// Put a token in front
Tensor *prepend_token(Tape *tape, Tensor *token, Tensor *x) {
  int B = x->shape.size[0], T = x->shape.size[1];
  int *from = tape_memory(tape, (size_t)(B * (T + 1)) * sizeof *from);
  for (int i = 0; i < B * (T + 1); i++) from[i] = i % (T + 1) - 1;
  return scatter_tokens(tape, x, token, from, T + 1);
}

Tensor *take_token(Tape *tape, Tensor *x, int t) {
  int B = x->shape.size[0], T = x->shape.size[1];
  assert(t >= 0 && t < T);
  int *rows = tape_memory(tape, (size_t)B * sizeof *rows);
  for (int b = 0; b < B; b++) rows[b] = b * T + t;
  return gather(tape, "take_token", x, NULL, rows, SHAPE(B, tensor_last(x)));
}

// Take the mean of tokens
static void mean_tokens_backward(const Entry *e) {
  Tensor *x = e->input[0];
  int first = *(const int *)e->saved, T = x->shape.size[1], C = x->shape.size[2];
  for (int b = 0; b < x->shape.size[0]; b++)
    for (int t = first; t < T; t++)
      for (int c = 0; c < C; c++)
        x->grad[((size_t)b * T + t) * C + c] +=
            e->output->grad[(size_t)b * C + c] / (real)(T - first);
}

Tensor *mean_tokens(Tape *tape, Tensor *x, int first) {
  int B = x->shape.size[0], T = x->shape.size[1], C = x->shape.size[2];
  assert(first >= 0 && first < T);
  Tensor *y = tape_tensor(tape, "mean_tokens", SHAPE(B, C));
  int *saved = tape_memory(tape, sizeof *saved);
  *saved = first;
  memset(y->value, 0, tensor_size(y) * sizeof(real));
  for (int b = 0; b < B; b++)
    for (int t = first; t < T; t++)
      for (int c = 0; c < C; c++)
        y->value[(size_t)b * C + c] +=
            x->value[((size_t)b * T + t) * C + c] / (real)(T - first);
  tape_record(tape, y, mean_tokens_backward, saved, x, NULL, NULL);
  return y;
}

typedef struct NormalizeSaved {
  real *length, eps;
} NormalizeSaved;

static void normalize_op_backward(const Entry *e) {
  Tensor *x = e->input[0];
  const NormalizeSaved *s = e->saved;
  normalize_backward(x->grad, e->output->grad, x->value, s->length, s->eps,
                     tensor_rows(x), tensor_last(x));
}

Tensor *normalize(Tape *tape, Tensor *x, double eps) {
  Tensor *y = tape_tensor(tape, "normalize", x->shape);
  NormalizeSaved *s = tape_memory(tape, sizeof *s);
  s->length = tape_memory(tape, (size_t)tensor_rows(x) * sizeof(real));
  s->eps = (real)eps;
  normalize_forward(y->value, s->length, x->value, s->eps, tensor_rows(x),
                    tensor_last(x));
  tape_record(tape, y, normalize_op_backward, s, x, NULL, NULL);
  return y;
}

// Keep a weight packed
void linear_keep_packed(Tensor *w) {
  const int unit = linear_panel_rows(), out = w->shape.size[0];
  const int in = (int)(tensor_size(w) / (size_t)out), panels = out / unit;
  const size_t size = (size_t)unit * in;
  assert(!w->packed && !w->requires_grad);
  w->packed = true;
#pragma omp parallel if (panels > 1)
  {
    real *rows = allocate_unset(size, sizeof *rows);
#pragma omp for
    for (int p = 0; p < panels; p++) {
      memcpy(rows, w->value + p * size, size * sizeof *rows);
      linear_panel(w->value + p * size, rows, in);
    }
    free(rows);
  }
}

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

static void concat_backward(const Entry *e) {
  const size_t whole = tensor_size(e->output) / (size_t)e->output->shape.size[0];
  size_t from = 0;
  for (int k = 0; k < 2; k++) {
    Tensor *part = e->input[k];
    const int B = part->shape.size[0];
    const size_t n = tensor_size(part) / (size_t)B;
    for (size_t i = 0; part->requires_grad && i < B * n; i++)
      part->grad[i] += e->output->grad[i / n * whole + from + i % n];
    from += n;
  }
}

Tensor *concat_tokens(Tape *tape, Tensor *a, Tensor *b) {
  const int B = a->shape.size[0], S = a->shape.size[1], T = b->shape.size[1];
  const size_t C = (size_t)tensor_last(a), s = S * C, t = T * C;
  assert(b->shape.size[0] == B && tensor_last(b) == tensor_last(a));
  Tensor *y = tape_tensor(tape, "concat_tokens", SHAPE(B, S + T, (int)C));
  for (size_t i = 0; i < (size_t)B; i++) {
    memcpy(y->value + i * (s + t), a->value + i * s, s * sizeof(real));
    memcpy(y->value + i * (s + t) + s, b->value + i * t, t * sizeof(real));
  }
  tape_record(tape, y, concat_backward, NULL, a, b, NULL);
  return y;
}

static void reshape_backward(const Entry *e) {
  for (size_t i = 0; i < tensor_size(e->output); i++)
    e->input[0]->grad[i] += e->output->grad[i];
}

Tensor *reshape(Tape *tape, Tensor *x, Shape shape) {
  Tensor *y = tape_tensor(tape, "reshape", shape);
  assert(tensor_size(y) == tensor_size(x));
  memcpy(y->value, x->value, tensor_size(x) * sizeof(real));
  tape_record(tape, y, reshape_backward, NULL, x, NULL, NULL);
  return y;
}
