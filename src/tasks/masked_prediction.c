/* Tangled from chapters/11-eva.nw: edit that, not this. */
#include "tasks/masked_prediction.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "nn/block_masking.h"

enum { AT_ONCE = 50, MOST_TESTED = 1000 };

// The best constant answer
/* The numbers first, first + 1, ... of at most AT_ONCE pictures; how many. */
static int some(const Dataset *data, int first, int *index) {
  const int count = data->count < MOST_TESTED ? data->count : MOST_TESTED;
  const int n = count - first < AT_ONCE ? count - first : AT_ONCE;
  for (int i = 0; i < n; i++) index[i] = first + i;
  return n;
}

/* Add the unit vectors of features x to sum; how many there are. */
static int add_units(const Tensor *x, double *sum) {
  const int n = tensor_last(x), rows = tensor_rows(x);
  for (int r = 0; r < rows; r++) {
    const real *row = x->value + (size_t)r * n;
    double squares = 1e-16;
    for (int i = 0; i < n; i++) squares += (double)row[i] * (double)row[i];
    for (int i = 0; i < n; i++) sum[i] += (double)row[i] / sqrt(squares);
  }
  return rows;
}

static double constant_cosine(const MaskedPrediction *p) {
  const Dataset *data = p->test;
  const int E = p->eva.config.embed;
  double squares = 0, rows = 0, *sum = allocate((size_t)E, sizeof *sum);
  int index[AT_ONCE], n;
  Tape *tape = tape_new();
  memset(sum, 0, (size_t)E * sizeof *sum);
  for (int first = 0; (n = some(data, first, index)) > 0; first += n) {
    tape_reset(tape, (RandomKey){0});
    Tensor *images = tape_tensor(tape, "images", SHAPE(n, data->channels, data->height,
                                                       data->width));
    dataset_batch(data, index, n, (Augment){0}, (RandomKey){0}, images->value, NULL);
    rows += add_units(eva_teacher_features(tape, p->teacher, images), sum);
  }
  for (int i = 0; i < E; i++) squares += sum[i] * sum[i];
  tape_free(tape);
  free(sum);
  return sqrt(squares) / rows;
}

void masked_prediction_begin(MaskedPrediction *p) {
  p->shuffle = shuffle_new(p->train->count);
  if (p->eva.config.target == EVA_FEATURES) p->constant = constant_cosine(p);
}

void masked_prediction_end(MaskedPrediction *p) { shuffle_free(&p->shuffle); }

// Predict what is hidden
static void begin(void *state, int step) {
  MaskedPrediction *p = state;
  shuffle_begin(&p->shuffle, p->seed, step, p->batch);
}

Masking masked_prediction_masks(Tape *tape, const MaskedPrediction *p,
                                const int *example_ids, int count,
                                int step) {
  const RandomKey key = random_subkey(random_key(p->seed, "masks"), (uint64_t)step);
  const int patches = p->eva.student.patches, side = (int)lround(sqrt(patches));
  if (p->masks == MASKS_BLOCKS)
    return masking_blocks(tape, count, side, side, p->ratio, key, example_ids);
  Masking m = masking_random(tape, count, patches, p->ratio, key, example_ids);
  masking_in_place(&m);
  return m;
}

/* The loss over some pictures, and its fraction of a constant answer's. */
static Tensor *loss_of(Tape *tape, const MaskedPrediction *p, const Dataset *data,
                       const int *index, int count, Augment change, int step,
                       double *fraction) {
  const EvaConfig *c = &p->eva.config;
  const RandomKey key = random_subkey(random_key(p->seed, "augment"), (uint64_t)step);
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels, data->height,
                                                     data->width));
  dataset_batch(data, index, count, change, key, images->value, NULL);
  const Masking mask = masked_prediction_masks(tape, p, index, count, step);
  Tensor *loss = eva_loss(tape, &p->eva, p->teacher, images, &mask);
  if (c->target == EVA_FEATURES) {
    *fraction = (1 + (double)loss->value[0]) / (1 - p->constant);
  } else {
    Tensor *target = patch_targets(tape, images, c->student.patch_size, c->normalize);
    Tensor *zero = tape_tensor(tape, "zero", target->shape);
    memset(zero->value, 0, tensor_size(zero) * sizeof(real));
    *fraction = (double)(loss->value[0] / masked_mse(tape, zero, target,
                                                     &mask)->value[0]);
  }
  return loss;
}

static Tensor *loss(Tape *tape, void *state, int step, int first, int count,
                    double *fraction) {
  const MaskedPrediction *p = state;
  return loss_of(tape, p, p->train, p->shuffle.batch + first, count, p->augment,
                 step + 1, fraction);
}

// Evaluate on test pictures
static void evaluate(Tape *tape, void *state, double *mean, double *fraction) {
  const MaskedPrediction *p = state;
  int index[AT_ONCE], n, count = 0;
  *mean = *fraction = 0;
  for (int first = 0; (n = some(p->test, first, index)) > 0; first += n) {
    double part;
    tape_reset(tape, (RandomKey){0});
    *mean += n * (double)loss_of(tape, p, p->test, index, n, (Augment){0}, 0, &part)
                     ->value[0];
    *fraction += part * n;
    count += n;
  }
  *mean /= count;
  *fraction /= count;
}

Task masked_prediction_task(MaskedPrediction *p) {
  return (Task){.state = p, .metric = "normalized_error", .begin = begin, .loss = loss,
                .evaluate = evaluate};
}
