/* Tangled from chapters/69-world.nw: edit that, not this. */
#include "tasks/gathered.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tensor/losses.h"
#include "tensor/sigmoid_loss.h"
#include "train/world.h"

/* What each pair adds to sums over all, and what others need to know of it: of its row
   (0) and of its column (1). */
typedef struct Pair {
  double loss[2], bias; /* bias: the sum of its row's gradients */
  real largest[2], sum[2];
  int right[2];
} Pair;

/* Own pictures against all texts (0), or own texts against all pictures (1). */
typedef struct Side {
  real *logits, *grad; /* [n][N] */
  real *p; /* probabilities, or, if there is a bias, logits without it */
} Side;

typedef struct Gathered {
  const Clip *clip;
  const unsigned char *positives;
  int N, E, first, n; /* pairs first .. first + n - 1 of N are this process's */
  real factor;        /* e^logit_scale */
  Side side[2];
  Pair *pair; /* [N] */
  real *du, *dv, dscale, dbias; /* [n][E]; of the whole loss */
} Gathered;

// Logits of own pairs
static bool is_true(const Gathered *g, int k, int own, int other) {
  const int i = k ? other : g->first + own, j = k ? g->first + own : other;
  return pair_is_true(g->positives, g->N, i, j);
}

static void make_logits(Gathered *g, Tape *tape, int k, const Tensor *own,
                        const Tensor *all) {
  const size_t size = (size_t)g->n * g->N;
  Side *s = &g->side[k];
  real **arrays[] = {&s->logits, &s->grad, &s->p};
  for (int i = 0; i < 3; i++) *arrays[i] = tape_memory(tape, size * sizeof(real));
  memset(s->grad, 0, size * sizeof(real));
  linear_forward(s->logits, own->value + (size_t)g->first * g->E, all->value, NULL, g->n,
                 g->E, g->N);
  for (size_t i = 0; i < size; i++) s->logits[i] = g->factor * s->logits[i];
  if (g->clip->logit_bias) memcpy(s->p, s->logits, size * sizeof(real));
  for (size_t i = 0; g->clip->logit_bias && i < size; i++)
    s->logits[i] += g->clip->logit_bias->value[0];
  for (int r = 0; r < g->n; r++)
    g->pair[g->first + r].right[k] =
        is_true(g, k, r, largest_of_row(s->logits + (size_t)r * g->N, g->N));
}

// Gradient of InfoNCE, gathered
/* The probabilities of a side's own rows, and their losses. */
static void own_softmax(Gathered *g, int k, const int *labels, real *numbers) {
  Side *s = &g->side[k];
  real *losses = numbers, *largest = numbers + g->n, *sum = numbers + 2 * g->n;
  cross_entropy_forward(losses, s->p, s->logits, labels, 0, g->n, g->N);
  softmax_sums(largest, sum, s->logits, g->n, g->N);
  for (int r = 0; r < g->n; r++) {
    Pair *pair = &g->pair[g->first + r];
    pair->loss[k] = (double)losses[r];
    pair->largest[k] = largest[r], pair->sum[k] = sum[r];
  }
}

/* True pairs of row or column i, of both sides. */
static int *count_true(const Gathered *g, Tape *tape, int k) {
  int *count = tape_memory(tape, (size_t)g->N * sizeof *count);
  for (int i = 0; i < g->N; i++) {
    count[i] = 0;
    for (int j = 0; j < g->N; j++)
      count[i] += pair_is_true(g->positives, g->N, k ? j : i, k ? i : j);
  }
  return count;
}

// Targets that are shared out, gathered
static void share_losses(Gathered *g, int k, const int *count, const int *first) {
  assert(count);
  for (int r = 0; r < g->n; r++) {
    const real *row = g->side[k].logits + (size_t)r * g->N;
    double *loss = &g->pair[g->first + r].loss[k];
    for (int j = 0; j < g->N; j++) {
      const real y = (real)is_true(g, k, r, j) / (real)count[g->first + r];
      *loss += (double)(y * (row[first[r]] - row[j]));
    }
  }
}

/* The label of each own row: its own pair, or the first that is true. */
static int *own_labels(const Gathered *g, Tape *tape, int k) {
  int *label = tape_memory(tape, (size_t)g->n * sizeof *label);
  for (int r = 0; r < g->n; r++) {
    label[r] = g->positives ? 0 : g->first + r;
    while (!is_true(g, k, r, label[r])) label[r]++;
  }
  return label;
}

/* To the gradient of side k: slope times what one direction's cross-entropy gives, its
   own or the other, whose probabilities are in p. */
static void add_direction(Gathered *g, int k, bool other, const int *labels,
                          const int *count, real slope) {
  Side *s = &g->side[k];
  if (!g->positives) {
    cross_entropy_backward(s->grad, s->p, labels, 0, slope, g->n, g->N);
    return;
  }
  assert(count);
  for (int r = 0; r < g->n; r++)
    for (int j = 0; j < g->N; j++) {
      const size_t at = (size_t)r * g->N + j;
      const real all = (real)count[other ? j : g->first + r];
      const real target = (real)is_true(g, k, r, j) / all;
      s->grad[at] += slope * (s->p[at] - target);
    }
}

static void across(Gathered *g, int k, const real *largest, const real *sum) {
  softmax_by_columns(g->side[k].p, g->side[k].logits, largest, sum, g->n, g->N);
}
static double info_nce_gathered(Gathered *g, Tape *tape, const Shards *shards) {
  const int N = g->N;
  real *numbers = tape_memory(tape, (size_t)(3 * g->n + 4 * N) * sizeof *numbers);
  real *largest[] = {numbers + 3 * g->n, numbers + 3 * g->n + N};
  real *sum[] = {numbers + 3 * g->n + 2 * N, numbers + 3 * g->n + 3 * N};
  int *labels[2], *count[2] = {NULL, NULL};
  for (int k = 0; k < 2; k++) {
    labels[k] = own_labels(g, tape, k);
    if (g->positives) count[k] = count_true(g, tape, k);
    own_softmax(g, k, labels[k], numbers);
    if (g->positives) share_losses(g, k, count[k], labels[k]);
  }
  shards_gather(shards, g->pair, sizeof *g->pair, 1, N);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < 2; k++)
      largest[k][i] = g->pair[i].largest[k], sum[k][i] = g->pair[i].sum[k];
  const real half = g->clip->config.loss == LOSS_SUM ? 1 : (real)0.5;
  const real slope = half / (real)N;
  across(g, 0, largest[1], sum[1]); /* columns of own rows; own columns are there */
  add_direction(g, 0, true, labels[0], count[1], slope);
  add_direction(g, 1, false, labels[1], count[1], slope);
  /* Again: rows have to come after columns, and there is room for one of them. */
  cross_entropy_forward(numbers, g->side[0].p, g->side[0].logits, labels[0], 0, g->n, N);
  across(g, 1, largest[0], sum[0]);
  add_direction(g, 0, false, labels[0], count[0], slope);
  add_direction(g, 1, true, labels[1], count[0], slope);
  // The loss of both directions
  real both = 0;
  for (int k = 0; k < 2; k++) {
    real total = 0;
    double shared = 0;
    for (int i = 0; i < N; i++)
      total += (real)g->pair[i].loss[k], shared += g->pair[i].loss[k];
    both += g->positives ? (real)(shared / N) : total / (real)N;
  }
  return (double)(half * both);
}

// Gradient of the sigmoid loss, gathered
static double sigmoid_gathered(Gathered *g, const Shards *shards) {
  const int N = g->N;
  const double slope = sigmoid_fraction(clip_sigmoid_form(g->clip), N);
  double sum = 0, bias = 0;
  for (int k = 0; k < 2; k++)
    for (int r = 0; r < g->n; r++) {
      Pair *pair = &g->pair[g->first + r];
      for (int j = 0; j < N; j++) {
        const size_t at = (size_t)r * N + j;
        const double logit = (double)g->side[k].logits[at];
        const bool is = is_true(g, k, r, j);
        g->side[k].grad[at] = (real)(slope * (logistic(logit) - is));
        if (k) continue;
        pair->loss[0] += softplus(is ? -logit : logit);
        pair->bias += (double)g->side[0].grad[at];
      }
    }
  shards_gather(shards, g->pair, sizeof *g->pair, 1, N);
  for (int i = 0; i < N; i++) sum += g->pair[i].loss[0], bias += g->pair[i].bias;
  g->dbias = (real)bias;
  return slope * sum;
}

// From logits back to vectors
static void send_to_vectors(Gathered *g, Tape *tape, const Tensor *u, const Tensor *v) {
  const size_t size = (size_t)g->n * g->N;
  const Tensor *other[] = {v, u};
  real **vectors[] = {&g->du, &g->dv};
  const real *scaled = g->clip->logit_bias ? g->side[0].p : g->side[0].logits;
  world_take(&g->dscale);
  for (size_t i = 0; i < size; i++) g->dscale += g->side[0].grad[i] * scaled[i];
  world_give(&g->dscale);
  for (int k = 0; k < 2; k++) {
    *vectors[k] = tape_memory(tape, (size_t)g->n * g->E * sizeof(real));
    for (size_t i = 0; i < size; i++) g->side[k].grad[i] *= g->factor;
    linear_backward_input(*vectors[k], g->side[k].grad, other[k]->value, g->n, g->E,
                          g->N, false);
  }
}

static void gathered_backward(const Entry *e) {
  const Gathered *g = e->saved;
  const real *kept[] = {g->du, g->dv};
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i < (size_t)g->n * g->E; i++)
      e->input[k]->grad[(size_t)g->first * g->E + i] += kept[k][i];
  if (world_rank() > 0) return;
  g->clip->logit_scale->grad[0] += g->dscale;
  if (g->clip->logit_bias) g->clip->logit_bias->grad[0] += g->dbias;
}

Tensor *gathered_loss(Tape *tape, const Clip *clip, const Shards *shards, Tensor *u,
                      Tensor *v, const unsigned char *positives, double *correct) {
  const int N = u->shape.size[0], E = u->shape.size[1];
  const int first = shard_begin(shards, shards->first, N);
  const int end = shard_begin(shards, shards->first + shards->own, N);
  const size_t size = (size_t)N * sizeof(Pair);
  assert(shape_equal(u->shape, v->shape) && !clip->config.chunks);
  Gathered *g = tape_memory(tape, sizeof *g);
  *g = (Gathered){.clip = clip, .positives = positives, .N = N, .E = E, .first = first,
                  .n = end - first, .pair = memset(tape_memory(tape, size), 0, size),
                  .factor = (real)exp((double)clip->logit_scale->value[0])};
  make_logits(g, tape, 0, u, v);
  make_logits(g, tape, 1, v, u);
  Tensor *loss = tape_tensor(tape, "gathered_loss", SCALAR);
  loss->value[0] = (real)(clip->config.loss >= LOSS_SIGMOID
                              ? sigmoid_gathered(g, shards)
                              : info_nce_gathered(g, tape, shards));
  send_to_vectors(g, tape, u, v);
  *correct = 0;
  for (int i = 0; i < N; i++)
    *correct += 0.5 * (g->pair[i].right[0] + g->pair[i].right[1]);
  tape_record(tape, loss, gathered_backward, g, u, v, clip->logit_scale);
  return loss;
}
