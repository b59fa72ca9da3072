/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/data_parallel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// Make and free shards
Shards *shards_new(Params *params, int count, int micro_batch) {
  Shards *shards = allocate(1, sizeof *shards);
  assert(count > 0 && micro_batch > 0 && params->grad);
  *shards = (Shards){params, count, micro_batch, allocate((size_t)count, sizeof(Shard)),
                     tape_new()};
  shards->gathered->training = true;
  for (int i = 0; i < count; i++) {
    Shard *shard = &shards->shard[i];
    shard->tape = tape_new();
    shard->tape->training = shard->tape->recycling = true;
    shard->grad = i ? allocate(params->size, sizeof(real)) : params->grad;
    if (i) tape_redirect(shard->tape, params->grad, shard->grad, params->size);
  }
  return shards;
}

void shards_free(Shards *shards) {
  for (int i = 0; i < shards->count; i++) {
    tape_free(shards->shard[i].tape);
    if (i) free(shards->shard[i].grad);
  }
  tape_free(shards->gathered);
  free(shards->shard);
  free(shards);
}
// Process a batch in shards
/* Where part i begins when n things are dealt out in `parts` even parts. */
static int part_of(int n, int i, int parts) { return (int)((long)n * i / parts); }

int shard_begin(const Shards *shards, int i, int batch) {
  return part_of(batch, i, shards->count);
}

static void run_shard(Shards *shards, int number, LossFunction *loss, void *state,
                      int step, int batch, RandomKey key) {
  Shard *shard = &shards->shard[number];
  const int begin = shard_begin(shards, number, batch);
  const int all = shard_begin(shards, number + 1, batch) - begin;
  const int pieces = (all + shards->micro_batch - 1) / shards->micro_batch;
  shard->loss = shard->metric = 0;
  memset(shard->grad, 0, shards->params->size * sizeof(real));
  for (int i = 0; i < pieces; i++) {
    const int first = begin + part_of(all, i, pieces);
    const int count = begin + part_of(all, i + 1, pieces) - first;
    const double fraction = (double)count / batch;
    double metric = 0;
    tape_reset(shard->tape, random_subkey(key, (uint64_t)first));
    Tensor *mean = loss(shard->tape, state, step, first, count, &metric);
    tape_backward_from(shard->tape, mean, (real)fraction);
    shard->loss += fraction * (double)mean->value[0];
    shard->metric += fraction * metric;
  }
}
void shards_sum(Shards *shards) {
  real *sum = shards->params->grad;
  for (int k = 1; k < shards->count; k++) {
    const real *part = shards->shard[k].grad;
#pragma omp parallel for simd
    for (size_t i = 0; i < shards->params->size; i++) sum[i] += part[i];
  }
}

double shards_gradient(Shards *shards, LossFunction *loss, void *state, int step,
                       int batch, RandomKey key, double *metric) {
  double sum = 0;
  if (shards->count == 1) {
    run_shard(shards, 0, loss, state, step, batch, key);
  } else {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < shards->count; i++)
      run_shard(shards, i, loss, state, step, batch, key);
    shards_sum(shards);
  }
  *metric = 0;
  for (int i = 0; i < shards->count; i++) {
    sum += shards->shard[i].loss;
    *metric += shards->shard[i].metric;
  }
  return sum;
}
