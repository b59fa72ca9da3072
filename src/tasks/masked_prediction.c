/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "tasks/masked_prediction.h"

#include <assert.h>
#include <math.h>

#include "base/memory.h"
#include "nn/image_batch.h"
#include "nn/masking.h"

enum { AT_ONCE = 50, MOST_TESTED = 1000 };

// The best constant answer
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
  const int E = p->eva.config.embed;
  double squares = 0, rows = 0, *sum = allocate((size_t)E, sizeof *sum);
  ImageScan scan = image_scan(p->test, MOST_TESTED, AT_ONCE);
  Tape *tape = tape_new();
  while (image_scan_next(&scan, tape))
    rows += add_units(eva_teacher_features(tape, p->teacher, scan.images), sum);
  for (int i = 0; i < E; i++) squares += sum[i] * sum[i];
  tape_free(tape), free(sum);
  return sqrt(squares) / rows;
}

void masked_prediction_begin(MaskedPrediction *p) {
  assert((p->masks == MASKS_NONE) == p->eva.config.unmasked);
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
                                const int *example_ids, int count, int step) {
  const RandomKey key = random_subkey(random_key(p->seed, "masks"), (uint64_t)step);
  const int patches = p->eva.student.patches, side = (int)lround(sqrt(patches));
  if (p->masks == MASKS_NONE) return masking_all(tape, count, patches);
  if (p->masks == MASKS_BLOCKS)
    return masking_blocks(tape, count, side, side, p->ratio, key, example_ids);
  Masking m = masking_random(tape, count, patches, p->ratio, key, example_ids);
  masking_in_place(&m);
  return m;
}

/* The loss over some pictures, and its fraction of a constant answer's. */
static Tensor *loss_of(Tape *tape, const MaskedPrediction *p, Tensor *images,
                       const int *index, int step, double *fraction) {
  const EvaConfig *c = &p->eva.config;
  const int count = images->shape.size[0];
  const Masking mask = masked_prediction_masks(tape, p, index, count, step);
  Tensor *loss = eva_loss(tape, &p->eva, p->teacher, images, &mask);
  if (c->target == EVA_FEATURES) {
    *fraction = (1 + (double)loss->value[0]) / (1 - p->constant);
  } else {
    Tensor *target = patch_targets(tape, images, c->student.patch_size, c->normalize);
    *fraction = (double)(loss->value[0] / masked_mse_of_zero(tape, target, &mask));
  }
  return loss;
}

static Tensor *loss(Tape *tape, void *state, int step, int first, int count,
                    double *fraction) {
  const MaskedPrediction *p = state;
  const int *index = p->shuffle.batch + first;
  const RandomKey key = random_subkey(random_key(p->seed, "augment"),
                                      (uint64_t)(step + 1));
  Tensor *images = image_batch(tape, p->train, index, count, p->augment, key, NULL);
  return loss_of(tape, p, images, index, step + 1, fraction);
}

// Evaluate on test pictures
static bool evaluate(Tape *tape, void *state, double *mean, double *fraction) {
  const MaskedPrediction *p = state;
  int count = 0;
  ImageScan scan = image_scan(p->test, MOST_TESTED, AT_ONCE);
  *mean = *fraction = 0;
  for (double part; image_scan_next(&scan, tape); count += scan.count) {
    const Tensor *loss = loss_of(tape, p, scan.images, scan.index, 0, &part);
    *mean += scan.count * (double)loss->value[0];
    *fraction += part * scan.count;
  }
  *mean /= count;
  *fraction /= count;
  return true;
}

Task masked_prediction_task(MaskedPrediction *p) {
  return (Task){.state = p, .metric = "normalized_error", .begin = begin, .loss = loss,
                .evaluate = evaluate};
}
