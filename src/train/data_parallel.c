/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/data_parallel.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "train/world.h"

// Make and free shards
Deal deal_parameters(const Params *params) {
  const int size = world_size();
  Deal deal = {allocate((size_t)size + 1, sizeof *deal.first),
               allocate((size_t)size + 1, sizeof *deal.begin)};
  for (int k = 0, i = 0; k <= size; k++) {
    while (i < params->count &&
           (double)params_offset(params, i) < (double)params->size * k / size)
      i++;
    deal.first[k] = (size_t)i, deal.begin[k] = params_offset(params, i);
  }
  return deal;
}

void deal_free(Deal *deal) { free(deal->first), free(deal->begin); }

Shards *shards_new(Params *params, int count, int micro_batch) {
  Shards *shards = allocate(1, sizeof *shards);
  const int first = world_part(count, world_rank());
  const int own = world_part(count, world_rank() + 1) - first;
  assert(own > 0 && count <= MAX_SHARDS && micro_batch > 0 && params->grad);
  *shards = (Shards){.params = params, .count = count, .micro_batch = micro_batch,
                     .first = first, .own = own,
                     .shard = allocate((size_t)own, sizeof(Shard)),
                     .gathered = tape_new(), .deal = deal_parameters(params)};
  shards->gathered->training = true;
  for (int i = 0; i < own; i++) {
    Shard *shard = &shards->shard[i];
    shard->tape = tape_new();
    shard->tape->training = shard->tape->recycling = true;
    shard->grad = i ? allocate(params->size, sizeof(real)) : params->grad;
    if (i) tape_redirect(shard->tape, params->grad, shard->grad, params->size);
  }
  return shards;
}

void shards_free(Shards *shards) {
  for (int i = 0; i < shards->own; i++) {
    tape_free(shards->shard[i].tape);
    if (i) free(shards->shard[i].grad);
  }
  tape_free(shards->gathered), deal_free(&shards->deal);
  free(shards->shard), free(shards);
}
void shards_use_bf16(Shards *shards, bool yes) {
  for (int i = 0; i < shards->count; i++) shards->shard[i].tape->bf16 = yes;
}
// Process a batch in shards
int shard_begin(const Shards *shards, int i, int batch) {
  return part_of(batch, i, shards->count);
}

static void run_shard(Shards *shards, int i, LossFunction *loss, void *state, int step,
                      int batch, RandomKey key) {
  Shard *shard = &shards->shard[i];
  const int begin = shard_begin(shards, shards->first + i, batch);
  const int all = shard_begin(shards, shards->first + i + 1, batch) - begin;
  const int pieces = (all + shards->micro_batch - 1) / shards->micro_batch;
  shard->loss = shard->metric = 0;
  memset(shard->grad, 0, shards->params->size * sizeof(real));
  for (int k = 0; k < pieces; k++) {
    const int first = begin + part_of(all, k, pieces);
    const int count = begin + part_of(all, k + 1, pieces) - first;
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
  real *part[MAX_SHARDS];
  for (int i = 0; i < shards->own; i++) part[i] = shards->shard[i].grad;
  world_sum(shards->params->grad, part, shards->count, shards->deal.begin);
  if (!shards->scattered)
    world_gather(shards->params->grad, sizeof(real), shards->deal.begin);
}

void shards_gather(const Shards *shards, void *numbers, size_t unit, int each,
                   int batch) {
  const int size = world_size();
  size_t begin[MAX_SHARDS + 1];
  for (int k = 0; k <= size; k++)
    begin[k] = (size_t)each *
               (size_t)shard_begin(shards, world_part(shards->count, k), batch);
  world_gather(numbers, unit, begin);
}

static double sum_of_losses(const Shards *shards, double *metric) {
  double sum = 0, each[2 * MAX_SHARDS] = {0}, *mine = each + 2 * shards->first;
  for (int i = 0; i < shards->own; i++)
    mine[2 * i] = shards->shard[i].loss, mine[2 * i + 1] = shards->shard[i].metric;
  shards_gather(shards, each, sizeof *each, 2, shards->count); /* as if of examples */
  *metric = 0;
  for (int i = 0; i < shards->count; i++) sum += each[2 * i], *metric += each[2 * i + 1];
  return sum;
}

double shards_gradient(Shards *shards, LossFunction *loss, void *state, int step,
                       int batch, RandomKey key, double *metric) {
  if (shards->own == 1) {
    run_shard(shards, 0, loss, state, step, batch, key);
  } else {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < shards->own; i++)
      run_shard(shards, i, loss, state, step, batch, key);
  }
  shards_sum(shards);
  return sum_of_losses(shards, metric);
}

// Gradient of a gathered loss
typedef Tensor *Vectors[JOINT_KINDS];

// The three acts
static void run_encoders(Shards *shards, int i, const Joint *joint, void *state,
                         int step, int batch, RandomKey key, Vectors out) {
  Shard *shard = &shards->shard[i];
  const int first = shard_begin(shards, shards->first + i, batch);
  const int count = shard_begin(shards, shards->first + i + 1, batch) - first;
  memset(shard->grad, 0, shards->params->size * sizeof(real));
  tape_reset(shard->tape, random_subkey(key, (uint64_t)first));
  joint->forward(shard->tape, state, step, first, count, out);
}

/* The first example whose vectors are on the tape: of this process, or of all. */
static int first_vector(const Shards *shards, bool alone, int batch) {
  return alone ? shard_begin(shards, shards->first, batch) : 0;
}

static void gather_vectors(Shards *shards, Vectors *part, bool alone, int batch,
                           Vectors all) {
  const int start = first_vector(shards, alone, batch);
  const int mine = shard_begin(shards, shards->first, batch);
  const int end = shard_begin(shards, shards->first + shards->own, batch);
  tape_reset(shards->gathered, (RandomKey){0});
  for (int k = 0; k < JOINT_KINDS; k++) {
    assert(part[0][k]);
    Shape shape = part[0][k]->shape;
    const size_t each = tensor_size(part[0][k]) / (size_t)shape.size[0];
    shape.size[0] = alone ? end - start : batch;
    all[k] = tape_tensor(shards->gathered, "vectors", shape);
    all[k]->requires_grad = true;
    real *to = all[k]->value + (size_t)(mine - start) * each;
    for (int i = 0; i < shards->own; i++) {
      memcpy(to, part[i][k]->value, tensor_size(part[i][k]) * sizeof(real));
      to += tensor_size(part[i][k]);
    }
    if (!alone) shards_gather(shards, all[k]->value, sizeof(real), (int)each, batch);
  }
}

static void send_back(Shards *shards, int i, bool alone, int batch, Vectors part,
                      Vectors all) {
  const size_t first = (size_t)(shard_begin(shards, shards->first + i, batch) -
                                first_vector(shards, alone, batch));
  const real *grads[JOINT_KINDS];
  for (int k = 0; k < JOINT_KINDS; k++)
    grads[k] = all[k]->grad +
               first * (tensor_size(all[k]) / (size_t)all[k]->shape.size[0]);
  tape_backward_outputs(shards->shard[i].tape, part, grads, JOINT_KINDS);
}

double joint_gradient(Shards *shards, const Joint *joint, void *state, int step,
                      int batch, RandomKey key, double *metric) {
  Vectors part[MAX_SHARDS] = {{NULL}}, all = {NULL};
  assert(shards->count <= batch);
#pragma omp parallel for schedule(static) if (shards->own > 1)
  for (int i = 0; i < shards->own; i++)
    run_encoders(shards, i, joint, state, step, batch, key, part[i]);
  gather_vectors(shards, part, joint->alone, batch, all);
  Tensor *loss = joint->loss(shards->gathered, state, shards, all, metric);
  tape_backward(shards->gathered, loss);
#pragma omp parallel for schedule(static) if (shards->own > 1)
  for (int i = 0; i < shards->own; i++)
    send_back(shards, i, joint->alone, batch, part[i], all);
  shards_sum(shards);
  return (double)loss->value[0];
}
