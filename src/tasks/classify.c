/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "tasks/classify.h"

#include "nn/image_batch.h"
#include "tensor/losses.h"

static void begin(void *state, int step) {
  Classify *c = state;
  shuffle_begin(&c->shuffle, c->seed, step, c->batch);
}

static Tensor *loss(Tape *tape, void *state, int step, int first, int count,
                    double *accuracy) {
  const Classify *c = state;
  int correct, *labels = tape_memory(tape, (size_t)count * sizeof *labels);
  const RandomKey key = random_subkey(random_key(c->seed, "augment"), (uint64_t)step);
  Tensor *images = image_batch(tape, c->train, c->shuffle.batch + first, count,
                               c->augment, key, labels);
  Tensor *mean = cross_entropy(tape, vit_forward(tape, &c->vit, images), labels,
                               c->smoothing, &correct);
  *accuracy = (double)correct / count;
  return mean;
}

static bool evaluate(Tape *tape, void *state, double *mean, double *accuracy) {
  Classify *c = state;
  predictions_free(&c->predictions);
  c->predictions = predictions_make(tape, &c->vit, c->test, c->batch);
  *mean = c->predictions.loss;
  *accuracy = (double)c->predictions.correct / c->test->count;
  return true;
}

Task classify_task(Classify *c) {
  c->shuffle = shuffle_new(c->train->count);
  return (Task){.state = c, .metric = "accuracy", .begin = begin, .loss = loss,
                .evaluate = evaluate};
}

void classify_end(Classify *c) {
  shuffle_free(&c->shuffle), predictions_free(&c->predictions);
}
