/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "eval/probe.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "nn/image_batch.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "train/optimizer.h"
#include "train/shuffle.h"

// Make features
enum { AT_ONCE = 50 };

static Features features_new(int count, int width, int classes) {
  return (Features){count, width, classes,
                    allocate((size_t)count * width, sizeof(real)),
                    allocate((size_t)count, sizeof(int))};
}

Features features_make(const Vit *vit, const Dataset *data) {
  const int D = vit->config.width;
  Features f = features_new(data->count, D, data->classes);
  Tape *tape = tape_no_grad();
  ImageScan scan = image_scan(data, data->count, AT_ONCE);
  while (image_scan_next(&scan, tape)) {
    memcpy(f.labels + scan.first, scan.labels, (size_t)scan.count * sizeof *f.labels);
    memcpy(f.x + (size_t)scan.first * D, vit_features(tape, vit, scan.images)->value,
           (size_t)scan.count * D * sizeof(real));
  }
  tape_free(tape);
  return f;
}

void features_free(Features *f) {
  free(f->x), free(f->labels);
  *f = (Features){0};
}

// Ask the neighbours
/* Rows of length 1. */
static real *unit_rows(const Features *f) {
  real *unit = allocate((size_t)f->count * f->width, sizeof *unit);
  real *length = allocate((size_t)f->count, sizeof *length);
  normalize_forward(unit, length, f->x, (real)1e-12, f->count, f->width);
  free(length);
  return unit;
}

/* Vote of the k largest of n cosines; the array is used up. */
static int vote(real *cosine, const int *labels, int n, int k, int classes,
                double temperature, double *votes) {
  int winner = 0;
  memset(votes, 0, (size_t)classes * sizeof *votes);
  for (int place = 0; place < k; place++) {
    const int best = largest_of_row(cosine, n);
    votes[labels[best]] += exp(((double)cosine[best] - 1) / temperature);
    cosine[best] = -2;
  }
  for (int c = 1; c < classes; c++)
    if (votes[c] > votes[winner]) winner = c;
  return winner;
}

double probe_neighbours(const Features *train, const Features *test, int k,
                        double temperature) {
  const int n = train->count, D = train->width;
  real *a = unit_rows(test), *b = unit_rows(train);
  real *cosine = allocate((size_t)AT_ONCE * n, sizeof *cosine);
  int correct = 0;
  assert(0 < k && k <= n && test->width == D);
  for (int first = 0; first < test->count; first += AT_ONCE) {
    const int rows = least(AT_ONCE, test->count - first);
    linear_forward(cosine, a + (size_t)first * D, b, NULL, rows, D, n);
#pragma omp parallel for reduction(+ : correct)
    for (int i = 0; i < rows; i++) {
      double *votes = allocate((size_t)train->classes, sizeof *votes);
      correct += vote(cosine + (size_t)i * n, train->labels, n, k, train->classes,
                      temperature, votes) == test->labels[first + i];
      free(votes);
    }
  }
  free(a), free(b), free(cosine);
  return (double)correct / test->count;
}

// Train a linear probe
/* A copy of features with these means and standard deviations made 0 and 1. */
static Features standardized(const Features *f, const real *mean, const real *std) {
  const size_t values = (size_t)f->count * f->width;
  Features copy = features_new(f->count, f->width, f->classes);
  for (size_t i = 0; i < values; i++)
    copy.x[i] = (f->x[i] - mean[i % f->width]) / std[i % f->width];
  memcpy(copy.labels, f->labels, (size_t)f->count * sizeof(int));
  return copy;
}

static void measure(const Features *f, real *mean, real *std) {
  for (int c = 0; c < f->width; c++) {
    double sum = 0, squares = 0;
    for (int i = 0; i < f->count; i++) sum += (double)f->x[(size_t)i * f->width + c];
    for (int i = 0; i < f->count; i++) {
      double d = (double)f->x[(size_t)i * f->width + c] - sum / f->count;
      squares += d * d;
    }
    mean[c] = (real)(sum / f->count);
    std[c] = (real)sqrt(squares / f->count + 1e-12);
  }
}

static void probe_step(Tape *tape, const Features *f, const int *batch, int count,
                       Params *params, Affine layer) {
  tape_reset(tape, (RandomKey){0});
  Tensor *x = tape_tensor(tape, "features", SHAPE(count, f->width));
  int *labels = tape_memory(tape, (size_t)count * sizeof *labels);
  for (int i = 0; i < count; i++) {
    labels[i] = f->labels[batch[i]];
    memcpy(x->value + (size_t)i * f->width, f->x + (size_t)batch[i] * f->width,
           (size_t)f->width * sizeof(real));
  }
  Tensor *logits = linear(tape, x, layer.weight, layer.bias);
  params_clear_grad(params);
  tape_backward(tape, cross_entropy(tape, logits, labels, 0, NULL));
}

static Affine train_layer(Params *params, const Features *f, ProbeConfig c) {
  const int batch = least(c.batch, f->count);
  const Init zero = init_constant(0);
  const Shape shape = SHAPE(f->classes, f->width);
  Affine layer = params_add_linear(params, "", "probe", shape, zero, zero);
  params_fill(params, c.seed);
  Optimizer optimizer = optimizer_new(OPTIMIZER_ADAMW, params, 0.999, c.decay);
  Shuffle shuffle = shuffle_new(f->count);
  Tape *tape = tape_new();
  for (int step = 0; step < c.steps; step++) {
    shuffle_begin(&shuffle, c.seed, step, batch);
    probe_step(tape, f, shuffle.batch, batch, params, layer);
    adamw_update(&optimizer, schedule_rate(step + 1, c.steps, 0, c.lr, 0));
  }
  tape_free(tape), shuffle_free(&shuffle), optimizer_free(&optimizer);
  return layer;
}

double probe_linear(const Features *train, const Features *test, ProbeConfig config) {
  const int D = train->width, K = train->classes;
  real *mean = allocate((size_t)D, sizeof *mean);
  real *std = allocate((size_t)D, sizeof *std);
  real *logits = allocate((size_t)test->count * K, sizeof *logits);
  Params *params = params_new();
  int correct = 0;
  measure(train, mean, std);
  Features seen = standardized(train, mean, std);
  Features unseen = standardized(test, mean, std);
  Affine layer = train_layer(params, &seen, config);
  linear_forward(logits, unseen.x, layer.weight->value, layer.bias->value,
                 unseen.count, D, K);
  for (int i = 0; i < unseen.count; i++)
    correct += largest_of_row(logits + (size_t)i * K, K) == unseen.labels[i];
  params_free(params), features_free(&seen), features_free(&unseen);
  free(mean), free(std), free(logits);
  return (double)correct / test->count;
}
