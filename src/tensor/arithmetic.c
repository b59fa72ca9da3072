/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "tensor/arithmetic.h"

#include <assert.h>
#include <string.h>

enum { WORTH_THREADS = 1 << 17 };

// Element-wise sum
static void accumulate(real *y, const real *x, size_t n) {
#pragma omp parallel for simd if (parallel : n > WORTH_THREADS)
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* The output's gradient as it is, to an input of the same size. */
static void pass_on(const Entry *e, Tensor *input) {
  const size_t n = tensor_size(input);
  if (!input->requires_grad) return;
  if (adds_grad(input)) accumulate(input->grad, e->output->grad, n);
  else memcpy(input->grad, e->output->grad, n * sizeof(real));
}

static void add_backward(const Entry *e) {
  for (int k = 0; k < 2; k++) pass_on(e, e->input[k]);
}

Tensor *add(Tape *tape, Tensor *a, Tensor *b) {
  assert(shape_equal(a->shape, b->shape));
  Tensor *y = tape_tensor(tape, "add", a->shape);
  size_t n = tensor_size(y);
#pragma omp parallel for simd if (parallel : n > WORTH_THREADS)
  for (size_t i = 0; i < n; i++) y->value[i] = a->value[i] + b->value[i];
  tape_record_writing(tape, 2, y, add_backward, NULL, a, b, NULL);
  return y;
}

// Sum in place
static void add_in_place_backward(const Entry *e) { pass_on(e, e->input[0]); }

Tensor *add_in_place(Tape *tape, Tensor *x, Tensor *branch) {
  assert(shape_equal(x->shape, branch->shape) && x != branch);
  Tensor *y = tape_memory(tape, sizeof *y);
  *y = (Tensor){.name = "add", .shape = x->shape, .value = branch->value};
  accumulate(y->value, x->value, tensor_size(x));
  tape_record_writing(tape, 1, y, add_in_place_backward, NULL, x, branch, NULL);
  if (y->requires_grad && branch->requires_grad) tape->last->gradient_alias = branch;
  return y;
}

// Element-wise product
static void mul_backward(const Entry *e) {
  Tensor *a = e->input[0], *b = e->input[1];
  const real *dy = e->output->grad;
  size_t n = tensor_size(a);
  if (a->requires_grad)
    for (size_t i = 0; i < n; i++) a->grad[i] += dy[i] * b->value[i];
  if (b->requires_grad)
    for (size_t i = 0; i < n; i++) b->grad[i] += dy[i] * a->value[i];
}

Tensor *mul(Tape *tape, Tensor *a, Tensor *b) {
  assert(shape_equal(a->shape, b->shape));
  Tensor *y = tape_tensor(tape, "mul", a->shape);
  size_t n = tensor_size(y);
  for (size_t i = 0; i < n; i++) y->value[i] = a->value[i] * b->value[i];
  tape_record(tape, y, mul_backward, NULL, a, b, NULL);
  return y;
}

// Sum of all elements
static void sum_backward(const Entry *e) {
  Tensor *a = e->input[0];
  size_t n = tensor_size(a);
  for (size_t i = 0; i < n; i++) a->grad[i] += e->output->grad[0];
}

Tensor *sum(Tape *tape, Tensor *a) {
  Tensor *y = tape_tensor(tape, "sum", SCALAR);
  size_t n = tensor_size(a);
  real total = 0;
  for (size_t i = 0; i < n; i++) total += a->value[i];
  y->value[0] = total;
  tape_record(tape, y, sum_backward, NULL, a, NULL, NULL);
  return y;
}

// One table added to each part
static void add_to_each_backward(const Entry *e) {
  Tensor *x = e->input[0], *table = e->input[1];
  const real *dy = e->output->grad;
  size_t n = tensor_size(table), parts = tensor_size(x) / n;
  pass_on(e, x);
  if (table->requires_grad)
    for (size_t part = 0; part < parts; part++)
      accumulate(table->grad, dy + part * n, n);
}

Tensor *add_to_each(Tape *tape, Tensor *x, Tensor *table) {
  size_t n = tensor_size(table), parts = tensor_size(x) / n;
  assert(n * parts == tensor_size(x));
  Tensor *y = tape_tensor(tape, "add_to_each", x->shape);
#pragma omp parallel for if (n * parts > WORTH_THREADS)
  for (size_t part = 0; part < parts; part++)
    for (size_t i = 0; i < n; i++)
      y->value[part * n + i] = x->value[part * n + i] + table->value[i];
  tape_record_writing(tape, 1, y, add_to_each_backward, NULL, x, table, NULL);
  return y;
}
