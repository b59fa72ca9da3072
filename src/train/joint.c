/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "train/joint.h"

#include <assert.h>
#include <string.h>

#include "tensor/arithmetic.h"

enum { MOST_LANES = 64 };
typedef Tensor *Vectors[JOINT_KINDS];

// The three acts
static void run_towers(Lanes *lanes, int number, const Joint *joint, void *state,
                       int step, int batch, RandomKey key, Vectors out) {
  Lane *lane = &lanes->lane[number];
  const int first = lanes_begin(lanes, number, batch);
  const int count = lanes_begin(lanes, number + 1, batch) - first;
  memset(lane->grad, 0, lanes->params->size * sizeof(real));
  tape_reset(lane->tape, random_subkey(key, (uint64_t)first));
  joint->forward(lane->tape, state, step, first, count, out);
}

static void gather_vectors(Lanes *lanes, Vectors *part, int batch, Vectors all) {
  tape_reset(lanes->meeting, (RandomKey){0});
  for (int k = 0; k < JOINT_KINDS; k++) {
    Shape shape = part[0][k]->shape;
    shape.size[0] = batch;
    all[k] = tape_tensor(lanes->meeting, "vectors", shape);
    all[k]->needs_grad = true;
    real *to = all[k]->value;
    for (int i = 0; i < lanes->count; i++) {
      memcpy(to, part[i][k]->value, tensor_size(part[i][k]) * sizeof(real));
      to += tensor_size(part[i][k]);
    }
  }
}

static void send_back(Lanes *lanes, int number, int batch, Vectors part, Vectors all) {
  Tape *tape = lanes->lane[number].tape;
  const size_t first = (size_t)lanes_begin(lanes, number, batch);
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

double joint_gradient(Lanes *lanes, const Joint *joint, void *state, int step,
                      int batch, RandomKey key, double *metric) {
  Vectors part[MOST_LANES] = {{NULL}}, all = {NULL};
  assert(lanes->count > 0 && lanes->count <= MOST_LANES && lanes->count <= batch);
#pragma omp parallel for schedule(static) if (lanes->count > 1)
  for (int i = 0; i < lanes->count; i++)
    run_towers(lanes, i, joint, state, step, batch, key, part[i]);
  gather_vectors(lanes, part, batch, all);
  Tensor *loss = joint->loss(lanes->meeting, state, all, metric);
  tape_backward(lanes->meeting, loss);
#pragma omp parallel for schedule(static) if (lanes->count > 1)
  for (int i = 0; i < lanes->count; i++)
    send_back(lanes, i, batch, part[i], all);
  lanes_add(lanes);
  return (double)loss->value[0];
}
