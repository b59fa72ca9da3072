/* Tangled from chapters/03-layers.nw: edit that, not this. */
#include "tensor/losses.h"

#include <assert.h>
#include <string.h>

typedef struct CrossEntropySaved {
  real *p, smoothing;
  int *labels;
} CrossEntropySaved;

static void cross_entropy_op_backward(const Entry *e) {
  Tensor *logits = e->input[0];
  const CrossEntropySaved *s = e->saved;
  int rows = tensor_rows(logits);
  cross_entropy_backward(logits->grad, s->p, s->labels, s->smoothing,
                         e->output->grad[0] / (real)rows, rows, tensor_last(logits));
}

// Count the rows that are right
int largest_of_row(const real *row, int n) {
  int best = 0;
  for (int i = 1; i < n; i++)
    if (row[i] > row[best]) best = i;
  return best;
}

static int count_correct(const real *logits, const int *labels, int rows, int n) {
  int correct = 0;
  for (int r = 0; r < rows; r++)
    correct += largest_of_row(logits + (size_t)r * n, n) == labels[r];
  return correct;
}

Tensor *cross_entropy(Tape *tape, Tensor *logits, const int *labels,
                      double smoothing, int *correct) {
  int rows = tensor_rows(logits), n = tensor_last(logits);
  Tensor *loss = tape_tensor(tape, "cross_entropy", SCALAR);
  CrossEntropySaved *s = tape_memory(tape, sizeof *s);
  real *losses = tape_memory(tape, (size_t)rows * sizeof(real)), total = 0;
  s->p = tape_memory(tape, (size_t)rows * n * sizeof(real));
  s->labels = tape_memory(tape, (size_t)rows * sizeof(int));
  s->smoothing = (real)smoothing;
  memcpy(s->labels, labels, (size_t)rows * sizeof(int));
  for (int r = 0; r < rows; r++) assert(labels[r] >= 0 && labels[r] < n);
  cross_entropy_forward(losses, s->p, logits->value, labels, s->smoothing, rows, n);
  for (int r = 0; r < rows; r++) total += losses[r];
  loss->value[0] = total / (real)rows;
  if (correct) *correct = count_correct(logits->value, labels, rows, n);
  tape_record(tape, loss, cross_entropy_op_backward, s, logits, NULL, NULL);
  return loss;
}
