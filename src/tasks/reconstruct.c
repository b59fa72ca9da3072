/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "tasks/reconstruct.h"

#include "nn/image_batch.h"

static void begin(void *state, int step) {
  Reconstruct *r = state;
  shuffle_begin(&r->shuffle, r->seed, step, r->batch);
}

static RandomKey key_of(const Reconstruct *r, const char *purpose, int step) {
  return random_subkey(random_key(r->seed, purpose), (uint64_t)step);
}

/* The loss over images[count][C][H][W], and its fraction of that of predicting zero. */
static Tensor *loss_of(Tape *tape, const Reconstruct *r, Tensor *images,
                       const int *index, int step, double *fraction) {
  const Mae *mae = &r->mae;
  const Masking mask =
      masking_random(tape, images->shape.size[0], mae->encoder.patches, r->ratio,
                     key_of(r, "masks", step), index);
  Tensor *predicted = mae_decode(tape, mae, mae_encode(tape, mae, images, &mask), &mask);
  Tensor *targets = mae_targets(tape, mae, images);
  Tensor *error = masked_mse(tape, predicted, targets, &mask);
  *fraction = (double)(error->value[0] / masked_mse_of_zero(tape, targets, &mask));
  return error;
}

static Tensor *loss(Tape *tape, void *state, int step, int first, int count,
                    double *fraction) {
  const Reconstruct *r = state;
  const int *index = r->shuffle.batch + first;
  Tensor *images = image_batch(tape, r->train, index, count, r->augment,
                               key_of(r, "augment", step + 1), NULL);
  return loss_of(tape, r, images, index, step + 1, fraction);
}

enum { AT_ONCE = 50, MOST_TESTED = 1000 };

static bool evaluate(Tape *tape, void *state, double *mean, double *fraction) {
  const Reconstruct *r = state;
  const int count = least(r->test->count, MOST_TESTED);
  ImageScan scan = image_scan(r->test, MOST_TESTED, AT_ONCE);
  *mean = *fraction = 0;
  while (image_scan_next(&scan, tape)) {
    double part;
    Tensor *error = loss_of(tape, r, scan.images, scan.index, 0, &part);
    *mean += (double)error->value[0] * scan.count / count;
    *fraction += part * scan.count / count;
  }
  return true;
}

static bool evaluated(void *state, int step) {
  const Reconstruct *r = state;
  return !r->evaluated || r->evaluated(r->state, step);
}

Task reconstruct_task(Reconstruct *r) {
  r->shuffle = shuffle_new(r->train->count);
  return (Task){.state = r, .metric = "normalized_error", .begin = begin, .loss = loss,
                .evaluate = evaluate, .evaluated = evaluated};
}

void reconstruct_end(Reconstruct *r) { shuffle_free(&r->shuffle); }
