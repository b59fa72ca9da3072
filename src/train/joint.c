/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "train/joint.h"

#include <assert.h>
#include <string.h>

#include "tensor/arithmetic.h"

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
  Tape *tape = shards->shard[number].tape;
  const size_t first = (size_t)shard_begin(shards, number, batch);
  Tensor *stand_in = NULL;
  for (int k = 0; k < JOINT_KINDS; k++) {
    Tensor *g = tape_tensor(tape, "gradient", part[k]->shape);
    const size_t row = tensor_size(all[k]) / (size_t)batch;
    memcpy(g->value, all[k]->grad + first * row, tensor_size(g) * sizeof(real));
    Tensor *term = sum(tape, mul(tape, part[k], g));
    stand_in = stand_in ? add(tape, stand_in, term) : term;
  }
  tape_backward(tape, stand_in);
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
  for (int i = 0; i < shards->count; i++)
    send_back(shards, i, batch, part[i], all);
  shards_sum(shards);
  return (double)loss->value[0];
}
