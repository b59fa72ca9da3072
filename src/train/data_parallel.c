/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/data_parallel.h"

#include <assert.h>
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
  tape_free(shards->gathered), free(shards->shard), free(shards);
}
void shards_use_bf16(Shards *shards, bool yes) {
  for (int i = 0; i < shards->count; i++) shards->shard[i].tape->bf16 = yes;
}
// Process a batch in shards
/* Where part i begins when n things are divided into `parts` parts, as even as can be. */
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
  enum { PIECE = 4096 };
  real *sum = shards->params->grad;
  const size_t size = shards->params->size;
#pragma omp parallel for if (size > 100000)
  for (size_t first = 0; first < size; first += PIECE)
    for (int k = 1; k < shards->count; k++) {
      const real *part = shards->shard[k].grad;
      const size_t end = size - first < PIECE ? size : first + PIECE;
      for (size_t i = first; i < end; i++) sum[i] += part[i];
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

// Gradient of a gathered loss
enum { MAX_SHARDS = 64 };
typedef Tensor *Vectors[JOINT_KINDS];

// The three acts
static void run_encoders(Shards *shards, int number, const Joint *joint, void *state,
                         int step, int batch, RandomKey key, Vectors out) {
  Shard *shard = &shards->shard[number];
  const int first = shard_begin(shards, number, batch);
  const int count = shard_begin(shards, number + 1, batch) - first;
  memset(shard->grad, 0, shards->params->size * sizeof(real));
  tape_reset(shard->tape, random_subkey(key, (uint64_t)first));
  joint->forward(shard->tape, state, step, first, count, out);
}

static void gather_vectors(Shards *shards, Vectors *part, int batch, Vectors all) {
  tape_reset(shards->gathered, (RandomKey){0});
  for (int k = 0; k < JOINT_KINDS; k++) {
    Shape shape = part[0][k]->shape;
    shape.size[0] = batch;
    all[k] = tape_tensor(shards->gathered, "vectors", shape);
    all[k]->requires_grad = true;
    real *to = all[k]->value;
    for (int i = 0; i < shards->count; i++) {
      memcpy(to, part[i][k]->value, tensor_size(part[i][k]) * sizeof(real));
      to += tensor_size(part[i][k]);
    }
  }
}

static void send_back(Shards *shards, int number, int batch, Vectors part, Vectors all) {
  const size_t first = (size_t)shard_begin(shards, number, batch);
  const real *grads[JOINT_KINDS];
  for (int k = 0; k < JOINT_KINDS; k++)
    grads[k] = all[k]->grad + first * (tensor_size(all[k]) / (size_t)batch);
  tape_backward_outputs(shards->shard[number].tape, part, grads, JOINT_KINDS);
}

double joint_gradient(Shards *shards, const Joint *joint, void *state, int step,
                      int batch, RandomKey key, double *metric) {
  Vectors part[MAX_SHARDS] = {{NULL}}, all = {NULL};
  assert(shards->count > 0 && shards->count <= MAX_SHARDS && shards->count <= batch);
#pragma omp parallel for schedule(static) if (shards->count > 1)
  for (int i = 0; i < shards->count; i++)
    run_encoders(shards, i, joint, state, step, batch, key, part[i]);
  gather_vectors(shards, part, batch, all);
  Tensor *loss = joint->loss(shards->gathered, state, all, metric);
  tape_backward(shards->gathered, loss);
#pragma omp parallel for schedule(static) if (shards->count > 1)
  for (int i = 0; i < shards->count; i++) send_back(shards, i, batch, part[i], all);
  shards_sum(shards);
  return (double)loss->value[0];
}
