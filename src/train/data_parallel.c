/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/data_parallel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// Make and free lanes
Lanes *lanes_new(Params *params, int count, int portion) {
  Lanes *lanes = allocate(1, sizeof *lanes);
  assert(count > 0 && portion > 0 && params->grad);
  *lanes = (Lanes){params, count, portion, allocate((size_t)count, sizeof(Lane)),
                   tape_new()};
  lanes->meeting->training = true;
  for (int i = 0; i < count; i++) {
    Lane *lane = &lanes->lane[i];
    lane->tape = tape_new();
    lane->tape->training = lane->tape->recycling = true;
    lane->grad = i ? allocate(params->size, sizeof(real)) : params->grad;
    if (i) tape_divert(lane->tape, params->grad, lane->grad, params->size);
  }
  return lanes;
}

void lanes_free(Lanes *lanes) {
  for (int i = 0; i < lanes->count; i++) {
    tape_free(lanes->lane[i].tape);
    if (i) free(lanes->lane[i].grad);
  }
  tape_free(lanes->meeting);
  free(lanes->lane);
  free(lanes);
}
// Work off a batch in lanes
/* Where part i begins when n things are dealt out in `parts` even parts. */
static int part_of(int n, int i, int parts) { return (int)((long)n * i / parts); }

int lanes_begin(const Lanes *lanes, int i, int batch) {
  return part_of(batch, i, lanes->count);
}

static void run_lane(Lanes *lanes, int number, LossFunction *loss, void *state,
                     int step, int batch, RandomKey key) {
  Lane *lane = &lanes->lane[number];
  const int begin = lanes_begin(lanes, number, batch);
  const int all = lanes_begin(lanes, number + 1, batch) - begin;
  const int pieces = (all + lanes->portion - 1) / lanes->portion;
  lane->loss = lane->metric = 0;
  memset(lane->grad, 0, lanes->params->size * sizeof(real));
  for (int i = 0; i < pieces; i++) {
    const int first = begin + part_of(all, i, pieces);
    const int count = begin + part_of(all, i + 1, pieces) - first;
    const double share = (double)count / batch;
    double metric = 0;
    tape_reset(lane->tape, random_subkey(key, (uint64_t)first));
    Tensor *mean = loss(lane->tape, state, step, first, count, &metric);
    tape_backward_from(lane->tape, mean, (real)share);
    lane->loss += share * (double)mean->value[0];
    lane->metric += share * metric;
  }
}
void lanes_add(Lanes *lanes) {
  real *sum = lanes->params->grad;
  for (int k = 1; k < lanes->count; k++) {
    const real *part = lanes->lane[k].grad;
#pragma omp parallel for simd
    for (size_t i = 0; i < lanes->params->size; i++) sum[i] += part[i];
  }
}

double lanes_gradient(Lanes *lanes, LossFunction *loss, void *state, int step,
                      int batch, RandomKey key, double *metric) {
  double sum = 0;
  if (lanes->count == 1) {
    run_lane(lanes, 0, loss, state, step, batch, key);
  } else {
#pragma omp parallel for schedule(static)
    for (int i = 0; i < lanes->count; i++)
      run_lane(lanes, i, loss, state, step, batch, key);
    lanes_add(lanes);
  }
  *metric = 0;
  for (int i = 0; i < lanes->count; i++) {
    sum += lanes->lane[i].loss;
    *metric += lanes->lane[i].metric;
  }
  return sum;
}
