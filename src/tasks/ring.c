/* Tangled from chapters/69-world.nw: edit that, not this. */
#include "tasks/ring.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "tensor/sigmoid_loss.h"
#include "train/world.h"

/* The texts of one shard on their way, and what they bring home: their gradients, then of
   each its largest logit so far and whether that is a true pair's. */
typedef struct Texts {
  real *v;    /* [most][E] */
  real *back; /* [most][E], [most][2] */
} Texts;

/* What a picture adds to sums over all; its largest logit, and whether that, and its
   text's, is a true pair's. */
typedef struct Row {
  SigmoidSums sums;
  real largest;
  int right[2];
} Row;

typedef struct Ring {
  const Shards *shards;
  SigmoidChunk all;
  int E, most; /* the most examples of a shard */
  const real *u;
  real *du, *dv;
  Texts *texts, next; /* [own]: with each own shard; room for those that come next */
  real *logits;       /* [own][most][most] */
  Row *row;           /* [N] */
  const Clip *clip;
  SigmoidSums sums;
} Ring;

// Pictures and texts of two shards
static int begin_of(const Ring *r, int shard) {
  return shard_begin(r->shards, shard, r->all.N);
}

static int size_of(const Ring *r, int shard) {
  return begin_of(r, shard + 1) - begin_of(r, shard);
}

/* Keep the largest of picture i's logits[count], and of each of these texts' so far. */
static void keep_largest(const SigmoidChunk *c, int i, const real *logits, Row *row,
                         real *seen) {
  for (int j = 0; j < c->count; j++) {
    const bool is = pair_is_true(c->positives, c->N, i, c->first + j);
    real *best = seen + 2 * j;
    if (logits[j] > row->largest) row->largest = logits[j], row->right[0] = is;
    if (logits[j] > best[0]) best[0] = logits[j], best[1] = is;
  }
}

/* Cosines of pictures first .. first + n - 1 become t times their logits' gradients. */
static void make_gradients(const Ring *r, const SigmoidChunk *c, real *cosines,
                           int first, int n, real *seen) {
  sigmoid_logits(c, cosines, n);
  for (int i = 0; i < n; i++) {
    real *logits = cosines + (size_t)i * c->count;
    Row *row = &r->row[first + i];
    keep_largest(c, first + i, logits, row, seen);
    sigmoid_row(c, first + i, logits, &row->sums);
  }
}

/* Own shard number i meets the texts that are with it at a turn. */
static void meet(const Ring *r, int i, int turn) {
  const int here = r->shards->first + i, all = r->shards->count;
  const int from = (here - turn + all) % all;
  const int n = size_of(r, here), m = size_of(r, from), E = r->E;
  SigmoidChunk chunk = r->all;
  chunk.first = begin_of(r, from), chunk.count = m;
  const size_t at = (size_t)(begin_of(r, here) - begin_of(r, r->shards->first)) * E;
  real *logits = r->logits + (size_t)i * r->most * r->most;
  const Texts *texts = &r->texts[i];
  linear_forward(logits, r->u + at, texts->v, NULL, n, E, m);
  make_gradients(r, &chunk, logits, begin_of(r, here), n,
                 texts->back + (size_t)r->most * E);
  linear_backward_input(r->du + at, logits, texts->v, n, E, m, true);
  linear_backward_weight(texts->back, NULL, logits, r->u + at, n, E, m);
}

// Texts move on
static void turn(Ring *r, int number) {
  const int last = r->shards->own - 1;
  const bool alone = world_size() == 1;
  const size_t there = (size_t)r->most * r->E * sizeof(real);
  const size_t back = (size_t)r->most * (r->E + 2) * sizeof(real);
  if (!alone) {
    world_pass(r->texts[last].v, there, r->next.v, there);
    meet(r, last, number);
    world_pass(r->texts[last].back, back, r->next.back, back);
  }
#pragma omp parallel for schedule(static)
  for (int i = 0; i < last + alone; i++) meet(r, i, number);
  if (alone) {
    world_pass(r->texts[last].v, there, r->next.v, there);
    world_pass(r->texts[last].back, back, r->next.back, back);
  }
  world_wait();
  const Texts left = r->texts[last];
  memmove(r->texts + 1, r->texts, (size_t)last * sizeof *r->texts);
  r->texts[0] = r->next, r->next = left;
}
static Texts texts_new(const Ring *r, Tape *tape) {
  const size_t there = (size_t)r->most * r->E, back = there + 2 * (size_t)r->most;
  Texts texts = {tape_memory(tape, there * sizeof(real)),
                 tape_memory(tape, back * sizeof(real))};
  memset(texts.v, 0, there * sizeof(real)), memset(texts.back, 0, back * sizeof(real));
  for (int j = 0; j < r->most; j++) texts.back[there + 2 * (size_t)j] = -INFINITY;
  return texts;
}

static void leave_home(Ring *r, Tape *tape, const real *v) {
  r->texts = tape_memory(tape, (size_t)r->shards->own * sizeof *r->texts);
  r->next = texts_new(r, tape);
  for (int i = 0; i < r->shards->own; i++) {
    const size_t numbers = (size_t)size_of(r, r->shards->first + i) * r->E;
    r->texts[i] = texts_new(r, tape);
    memcpy(r->texts[i].v, v, numbers * sizeof *v);
    v += numbers;
  }
}

static void come_home(Ring *r) {
  real *dv = r->dv;
  for (int i = 0; i < r->shards->own; i++) {
    const int first = begin_of(r, r->shards->first + i);
    const int m = size_of(r, r->shards->first + i);
    const real *back = r->texts[i].back, *seen = back + (size_t)r->most * r->E;
    memcpy(dv, back, (size_t)m * r->E * sizeof *dv);
    for (int j = 0; j < m; j++) r->row[first + j].right[1] = seen[2 * j + 1] > 0;
    dv += (size_t)m * r->E;
  }
}

// From the ring to the tape
static void ring_backward(const Entry *e) {
  const Ring *r = e->saved;
  const real *kept[] = {r->du, r->dv};
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i < tensor_size(e->input[k]); i++)
      e->input[k]->grad[i] += kept[k][i];
  if (world_rank() > 0) return;
  r->clip->logit_scale->grad[0] += (real)r->sums.log_t;
  if (r->clip->logit_bias) r->clip->logit_bias->grad[0] += (real)r->sums.b;
}

static Ring *ring_new(Tape *tape, const Clip *clip, const Shards *shards, int N,
                      const Tensor *u, const unsigned char *positives) {
  const int E = u->shape.size[1], most = (N + shards->count - 1) / shards->count;
  const size_t mine = tensor_size(u) * sizeof(real), rows = (size_t)N * sizeof(Row);
  const size_t logits = (size_t)shards->own * most * most * sizeof(real);
  const SigmoidChunk all = {
      .N = N, .t = exp((double)clip->logit_scale->value[0]),
      .b = clip->logit_bias ? (double)clip->logit_bias->value[0] : 0,
      .fraction = sigmoid_fraction(clip_sigmoid_form(clip), N),
      .positives = positives};
  Ring *r = tape_memory(tape, sizeof *r);
  *r = (Ring){.shards = shards, .all = all, .E = E, .most = most, .u = u->value,
              .du = memset(tape_memory(tape, mine), 0, mine),
              .dv = tape_memory(tape, mine), .logits = tape_memory(tape, logits),
              .row = memset(tape_memory(tape, rows), 0, rows), .clip = clip};
  for (int i = 0; i < N; i++) r->row[i].largest = -INFINITY;
  return r;
}

Tensor *ring_loss(Tape *tape, const Clip *clip, const Shards *shards, int N, Tensor *u,
                  Tensor *v, const unsigned char *positives, double *correct) {
  Tensor *loss = tape_tensor(tape, "ring_loss", SCALAR);
  assert(shape_equal(u->shape, v->shape) && clip->config.loss >= LOSS_SIGMOID);
  Ring *r = ring_new(tape, clip, shards, N, u, positives);
  leave_home(r, tape, v->value);
  for (int number = 0; number < shards->count; number++) turn(r, number);
  come_home(r);
  shards_gather(shards, r->row, sizeof *r->row, 1, N);
  *correct = 0;
  for (int i = 0; i < N; i++) {
    const SigmoidSums *row = &r->row[i].sums;
    r->sums.loss += row->loss, r->sums.log_t += row->log_t, r->sums.b += row->b;
    *correct += 0.5 * (r->row[i].right[0] + r->row[i].right[1]);
  }
  loss->value[0] = (real)(r->all.fraction * r->sums.loss);
  tape->macs += (double)tensor_size(u) * N;
  tape_record(tape, loss, ring_backward, r, u, v, clip->logit_scale);
  return loss;
}
