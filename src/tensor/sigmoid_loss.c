/* Tangled from chapters/11-siglip.nw: edit that, not this. */
#include "tensor/sigmoid_loss.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"

double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

double logistic(double x) {
  const double e = exp(-fabs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

// Add a learned number
static void shift_by_backward(const Entry *e) {
  Tensor *x = e->input[0], *b = e->input[1];
  const int rows = tensor_rows(x), n = tensor_last(x);
  double sum = 0;
  for (int r = 0; r < rows; r++) {
    double row = 0;
    for (size_t i = (size_t)r * n; i < (size_t)(r + 1) * n; i++) {
      if (x->requires_grad) x->grad[i] += e->output->grad[i];
      row += (double)e->output->grad[i];
    }
    sum += row;
  }
  if (b->requires_grad) b->grad[0] += (real)sum;
}

Tensor *shift_by(Tape *tape, Tensor *x, Tensor *b) {
  assert(tensor_size(b) == 1);
  Tensor *y = tape_tensor(tape, "shift", x->shape);
  for (size_t i = 0; i < tensor_size(x); i++) y->value[i] = x->value[i] + b->value[0];
  tape_record(tape, y, shift_by_backward, NULL, x, b, NULL);
  return y;
}

// Count the matches
bool pair_is_true(const unsigned char *positives, int N, int i, int j) {
  return positives ? positives[(size_t)i * N + j] : i == j;
}

/* The best text so far of each of N pictures, and texts whose best is true. */
typedef struct Tally {
  int N, columns;
  real *best;
  bool *right;
} Tally;

static Tally tally_new(Tape *tape, int N) {
  Tally t = {N, 0, tape_memory(tape, (size_t)N * sizeof(real)),
             tape_memory(tape, (size_t)N * sizeof(bool))};
  for (int i = 0; i < N; i++) t.best[i] = -INFINITY, t.right[i] = false;
  return t;
}

/* Take in logits[N][n] of texts first .. first + n - 1. */
static void tally_add(Tally *t, const real *logits, const unsigned char *positives,
                      int first, int n) {
  for (int j = 0; j < n; j++) {
    real most = -INFINITY;
    bool right = false;
    for (int i = 0; i < t->N; i++) {
      const real logit = logits[(size_t)i * n + j];
      const bool is = pair_is_true(positives, t->N, i, first + j);
      if (logit > most) most = logit, right = is;
      if (logit > t->best[i]) t->best[i] = logit, t->right[i] = is;
    }
    t->columns += right;
  }
}

static double tally_mean(const Tally *t) {
  int rows = 0;
  for (int i = 0; i < t->N; i++) rows += t->right[i];
  return 0.5 * (rows + t->columns);
}

// The sigmoid loss of logits
typedef struct SigmoidSaved {
  const unsigned char *positives;
  double fraction; /* one over the number of rows, or of pairs */
} SigmoidSaved;

double sigmoid_fraction(SigmoidForm form, int N) {
  return form == SIGMOID_BY_ROWS ? 1.0 / N : 1.0 / N / N;
}

static void sigmoid_loss_backward(const Entry *e) {
  const SigmoidSaved *s = e->saved;
  Tensor *logits = e->input[0];
  const int N = logits->shape.size[0];
  const double slope = s->fraction * (double)e->output->grad[0];
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      const size_t at = (size_t)i * N + j;
      const double p = logistic((double)logits->value[at]);
      logits->grad[at] += (real)(slope * (p - pair_is_true(s->positives, N, i, j)));
    }
}

Tensor *sigmoid_loss(Tape *tape, Tensor *logits, const unsigned char *positives,
                     SigmoidForm form, double *correct) {
  const int N = logits->shape.size[0];
  assert(logits->shape.rank == 2 && logits->shape.size[1] == N);
  Tensor *loss = tape_tensor(tape, "sigmoid_loss", SCALAR);
  SigmoidSaved *s = tape_memory(tape, sizeof *s);
  *s = (SigmoidSaved){positives, sigmoid_fraction(form, N)};
  double sum = 0;
  for (int i = 0; i < N; i++) {
    double row = 0;
    for (int j = 0; j < N; j++) {
      const double logit = (double)logits->value[(size_t)i * N + j];
      row += softplus(pair_is_true(positives, N, i, j) ? -logit : logit);
    }
    sum += row;
  }
  loss->value[0] = (real)(s->fraction * sum);
  if (correct) {
    Tally tally = tally_new(tape, N);
    tally_add(&tally, logits->value, positives, 0, N);
    *correct = tally_mean(&tally);
  }
  tape_record(tape, loss, sigmoid_loss_backward, s, logits, NULL, NULL);
  return loss;
}

// The sigmoid loss in chunks
static void two_numbers_backward(const Entry *e) {
  for (int i = 0; i < 2; i++)
    if (e->input[i] && e->input[i]->requires_grad)
      e->input[i]->grad[0] += e->output->grad[i];
}

static Tensor *two_numbers(Tape *tape, Tensor *a, Tensor *b) {
  Tensor *y = tape_tensor(tape, "two numbers", SHAPE(2));
  y->value[0] = a->value[0];
  y->value[1] = b ? b->value[0] : 0;
  tape_record(tape, y, two_numbers_backward, NULL, a, b, NULL);
  return y;
}

/* Gradients of the loss, for a slope of one. */
typedef struct ChunkSaved {
  real *du, *dv;
  double numbers[2]; /* by log_t and b */
} ChunkSaved;

static void chunks_backward(const Entry *e) {
  const ChunkSaved *s = e->saved;
  const real slope = e->output->grad[0];
  const real *const kept[] = {s->du, s->dv};
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; e->input[k]->requires_grad && i < tensor_size(e->input[k]); i++)
      e->input[k]->grad[i] += slope * kept[k][i];
  for (int k = 0; k < 2; k++)
    if (e->input[2]->requires_grad)
      e->input[2]->grad[k] += slope * (real)s->numbers[k];
}

void sigmoid_logits(const SigmoidChunk *c, real *cosines, int rows) {
  for (size_t i = 0; i < (size_t)rows * c->count; i++)
    cosines[i] = (real)(c->t * (double)cosines[i] + c->b);
}

void sigmoid_row(const SigmoidChunk *c, int i, real *logits, SigmoidSums *sums) {
  for (int j = 0; j < c->count; j++) {
    const double logit = (double)logits[j];
    const bool is = pair_is_true(c->positives, c->N, i, c->first + j);
    const double g = c->fraction * (logistic(logit) - is);
    sums->loss += softplus(is ? -logit : logit);
    sums->log_t += g * (logit - c->b); /* t cos = logit - b */
    sums->b += g;
    logits[j] = (real)(c->t * g);
  }
}

/* The loss of logits[N][count], which become t times their gradients; those of
   log_t and b are added to numbers[2]. */
static double chunk_loss(const SigmoidChunk *c, real *logits, double *numbers) {
  double sum = 0;
  for (int i = 0; i < c->N; i++) {
    SigmoidSums row = {0};
    sigmoid_row(c, i, logits + (size_t)i * c->count, &row);
    sum += row.loss, numbers[0] += row.log_t, numbers[1] += row.b;
  }
  return sum;
}

Tensor *sigmoid_loss_in_chunks(Tape *tape, Tensor *u, Tensor *v, Tensor *log_t,
                               Tensor *b, const unsigned char *positives,
                               SigmoidForm form, int chunks, double *correct) {
  const int N = u->shape.size[0], E = u->shape.size[1];
  assert(shape_equal(u->shape, v->shape) && chunks >= 1 && chunks <= N);
  const int most = (N + chunks - 1) / chunks;
  const size_t size = (size_t)N * E * sizeof(real);
  Tensor *numbers = two_numbers(tape, log_t, b);
  Tensor *loss = tape_tensor(tape, "sigmoid_loss_in_chunks", SCALAR);
  // Make room for gradients and for one part of the logits
  ChunkSaved *s = tape_memory(tape, sizeof *s);
  *s = (ChunkSaved){tape_memory(tape, size), tape_memory(tape, size), {0}};
  memset(s->du, 0, size), memset(s->dv, 0, size);
  real *logits = tape_memory(tape, (size_t)N * most * sizeof *logits);
  Tally tally = tally_new(tape, N);
  SigmoidChunk c = {.N = N, .t = exp((double)numbers->value[0]),
                    .b = (double)numbers->value[1],
                    .fraction = sigmoid_fraction(form, N), .positives = positives};
  double sum = 0;
  for (int k = 0; k < chunks; k++) {
    c.first = part_of(N, k, chunks);
    c.count = part_of(N, k + 1, chunks) - c.first;
    // Process one part of the texts
    const real *texts = v->value + (size_t)c.first * E;
    linear_forward(logits, u->value, texts, NULL, N, E, c.count);
    sigmoid_logits(&c, logits, N);
    if (correct) tally_add(&tally, logits, positives, c.first, c.count);
    sum += chunk_loss(&c, logits, s->numbers);
    if (tape->recording) {
      linear_backward_input(s->du, logits, texts, N, E, c.count, true);
      linear_backward_weight(s->dv + (size_t)c.first * E, NULL, logits, u->value, N, E,
                             c.count);
    }
  }
  loss->value[0] = (real)(c.fraction * sum);
  tape->macs += (double)N * N * E;
  if (correct) *correct = tally_mean(&tally);
  tape_record(tape, loss, chunks_backward, s, u, v, numbers);
  return loss;
}
