/* Tangled from chapters/08-clip.nw: edit that, not this. */
#include "tensor/info_nce.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "tensor/arithmetic.h"
#include "tensor/losses.h"

static void transpose_backward(const Entry *e) {
  const int m = e->input[0]->shape.size[0], n = e->input[0]->shape.size[1];
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++)
      e->input[0]->grad[(size_t)i * n + j] += e->output->grad[(size_t)j * m + i];
}

Tensor *transpose(Tape *tape, Tensor *x) {
  const int m = x->shape.size[0], n = x->shape.size[1];
  assert(x->shape.rank == 2);
  Tensor *y = tape_tensor(tape, "transpose", SHAPE(n, m));
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++)
      y->value[(size_t)j * m + i] = x->value[(size_t)i * n + j];
  tape_record(tape, y, transpose_backward, NULL, x, NULL, NULL);
  return y;
}

static void scale_by_backward(const Entry *e) {
  const real factor = *(const real *)e->saved;
  const size_t n = tensor_size(e->output);
  for (size_t i = 0; i < n; i++) e->input[0]->grad[i] += factor * e->output->grad[i];
}

static Tensor *multiply(Tape *tape, Tensor *x, real factor, real **saved) {
  Tensor *y = tape_tensor(tape, "scale", x->shape);
  *saved = tape_memory(tape, sizeof **saved);
  **saved = factor;
  for (size_t i = 0; i < tensor_size(x); i++) y->value[i] = factor * x->value[i];
  return y;
}

Tensor *scale_by(Tape *tape, Tensor *x, double factor) {
  real *saved;
  Tensor *y = multiply(tape, x, (real)factor, &saved);
  tape_record(tape, y, scale_by_backward, saved, x, NULL, NULL);
  return y;
}

static void scale_exp_backward(const Entry *e) {
  Tensor *s = e->input[1];
  real sum = 0;
  if (e->input[0]->requires_grad) scale_by_backward(e);
  for (size_t i = 0; i < tensor_size(e->output); i++)
    sum += e->output->grad[i] * e->output->value[i];
  if (s->requires_grad) s->grad[0] += sum;
}

Tensor *scale_exp(Tape *tape, Tensor *x, Tensor *s) {
  real *saved;
  assert(tensor_size(s) == 1);
  Tensor *y = multiply(tape, x, (real)exp((double)s->value[0]), &saved);
  tape_record(tape, y, scale_exp_backward, saved, x, s, NULL);
  return y;
}

/* The loss of both directions; of `found` rows and columns together each counts half. */
static Tensor *both_ways(Tape *tape, Tensor *rows, Tensor *columns, InfoNceForm form,
                         int found, double *correct) {
  Tensor *both = add(tape, rows, columns);
  if (correct) *correct = 0.5 * found;
  return form == INFO_NCE_SUM ? both : scale_by(tape, both, 0.5);
}

Tensor *info_nce(Tape *tape, Tensor *logits, InfoNceForm form, double *correct) {
  const int N = logits->shape.size[0];
  int by_rows, by_columns, *labels = tape_memory(tape, (size_t)N * sizeof *labels);
  assert(logits->shape.rank == 2 && logits->shape.size[1] == N);
  for (int i = 0; i < N; i++) labels[i] = i;
  Tensor *rows = cross_entropy(tape, logits, labels, 0, &by_rows);
  Tensor *columns =
      cross_entropy(tape, transpose(tape, logits), labels, 0, &by_columns);
  return both_ways(tape, rows, columns, form, by_rows + by_columns, correct);
}

typedef struct SharedSaved {
  real *p, *target; /* [N][N] */
} SharedSaved;

static void shared_backward(const Entry *e) {
  const SharedSaved *s = e->saved;
  const int N = e->input[0]->shape.size[0];
  const real slope = e->output->grad[0] / (real)N;
  for (size_t i = 0; i < (size_t)N * N; i++)
    e->input[0]->grad[i] += slope * (s->p[i] - s->target[i]);
}

/* Row i of target[N][N] is positives[i] divided by how many it names; the first is
   at first[i]. With `columns`, of the transpose. */
static void share_out(real *target, int *first, const unsigned char *positives, int N,
                      bool columns) {
  for (int i = 0; i < N; i++) {
    int count = 0;
    for (int j = N - 1; j >= 0; j--)
      if (positives[columns ? (size_t)j * N + i : (size_t)i * N + j])
        target[(size_t)i * N + j] = 1, first[i] = j, count++;
    assert(count > 0);
    for (int j = 0; j < N; j++) target[(size_t)i * N + j] /= (real)count;
  }
}

/* Of rows of logits[N][N], or the columns of which they are the transpose. */
static Tensor *shared_cross_entropy(Tape *tape, Tensor *logits, int *right,
                                    const unsigned char *positives, bool columns) {
  const int N = logits->shape.size[0];
  const size_t size = (size_t)N * N * sizeof(real);
  Tensor *loss = tape_tensor(tape, "shared_cross_entropy", SCALAR);
  SharedSaved *s = tape_memory(tape, sizeof *s);
  real *losses = tape_memory(tape, (size_t)N * sizeof *losses);
  int *first = tape_memory(tape, (size_t)N * sizeof *first);
  *s = (SharedSaved){tape_memory(tape, size), memset(tape_memory(tape, size), 0, size)};
  share_out(s->target, first, positives, N, columns);
  cross_entropy_forward(losses, s->p, logits->value, first, 0, N, N);
  double total = 0;
  *right = 0;
  for (int i = 0; i < N; i++) {
    const real *row = logits->value + (size_t)i * N, *y = s->target + (size_t)i * N;
    double mean = (double)losses[i];
    for (int j = 0; j < N; j++) mean += (double)(y[j] * (row[first[i]] - row[j]));
    total += mean;
    *right += y[largest_of_row(row, N)] > 0;
  }
  loss->value[0] = (real)(total / N);
  tape_record(tape, loss, shared_backward, s, logits, NULL, NULL);
  return loss;
}

Tensor *info_nce_shared(Tape *tape, Tensor *logits, const unsigned char *positives,
                        InfoNceForm form, double *correct) {
  int by_rows, by_columns;
  assert(logits->shape.rank == 2 && logits->shape.size[1] == logits->shape.size[0]);
  Tensor *rows = shared_cross_entropy(tape, logits, &by_rows, positives, false);
  Tensor *columns = shared_cross_entropy(tape, transpose(tape, logits), &by_columns,
                                         positives, true);
  return both_ways(tape, rows, columns, form, by_rows + by_columns, correct);
}
