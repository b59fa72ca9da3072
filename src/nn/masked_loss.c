/* Tangled from chapters/09-mae.nw: edit that, not this. */
#include "nn/masked_loss.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "nn/patches.h"

static void patch_statistics(const real *patch, int n, double *mean, double *std) {
  double squares = 0;
  *mean = 0;
  for (int i = 0; i < n; i++) *mean += (double)patch[i] / n;
  for (int i = 0; i < n; i++) squares += pow((double)patch[i] - *mean, 2);
  *std = sqrt(squares / (n - 1) + 1e-6);
}

static void normalize_patch(real *patch, int n) {
  double mean, std;
  patch_statistics(patch, n, &mean, &std);
  const double scale = 1 / std;
  for (int i = 0; i < n; i++) patch[i] = (real)(((double)patch[i] - mean) * scale);
}

void patch_denormalize(real *predicted, const real *original, int n) {
  double mean, std;
  patch_statistics(original, n, &mean, &std);
  for (int i = 0; i < n; i++) predicted[i] = (real)((double)predicted[i] * std + mean);
}

Tensor *patch_targets(Tape *tape, Tensor *images, int patch_size, bool normalize) {
  const int *size = images->shape.size, B = size[0], C = size[1], S = size[2];
  const int N = S / patch_size * (S / patch_size), n = C * patch_size * patch_size;
  Tensor *targets = tape_tensor(tape, "targets", SHAPE(B, N, n));
#pragma omp parallel for
  for (int b = 0; b < B; b++) {
    real *own = targets->value + (size_t)b * N * n;
    patchify(own, images->value + (size_t)b * C * S * S, C, S, S, patch_size);
    for (int t = 0; normalize && t < N; t++) normalize_patch(own + t * n, n);
  }
  return targets;
}

typedef struct ErrorSaved {
  const int *restore;
  double *weight; /* of a number in a hidden patch of each image */
} ErrorSaved;

static void masked_mse_backward(const Entry *e) {
  Tensor *predicted = e->input[0], *targets = e->input[1];
  const ErrorSaved *s = e->saved;
  const int N = predicted->shape.size[1], n = tensor_last(predicted);
  for (int r = 0; r < tensor_rows(predicted); r++) {
    const real slope = (real)(2 * s->weight[r / N]) * e->output->grad[0];
    for (size_t i = (size_t)r * n; s->restore[r] < 0 && i < (size_t)(r + 1) * n; i++)
      predicted->grad[i] += slope * (predicted->value[i] - targets->value[i]);
  }
}

Tensor *masked_mse(Tape *tape, Tensor *predicted, Tensor *targets, const Masking *mask) {
  const int n = tensor_last(predicted), N = mask->patches;
  Tensor *loss = tape_tensor(tape, "masked_mse", SCALAR);
  ErrorSaved *s = tape_memory(tape, sizeof *s);
  double mean = 0;
  *s = (ErrorSaved){mask->restore,
                    tape_memory(tape, (size_t)mask->images * sizeof *s->weight)};
  assert(shape_equal(predicted->shape, targets->shape) && !targets->requires_grad);
  for (int b = 0; b < mask->images; b++) {
    double sum = 0;
    for (int r = b * N; r < (b + 1) * N; r++)
      for (size_t i = (size_t)r * n; mask->restore[r] < 0 && i < (size_t)(r + 1) * n; i++)
        sum += pow((double)(predicted->value[i] - targets->value[i]), 2);
    assert(masking_hidden(mask, b) > 0);
    s->weight[b] = 1.0 / ((double)mask->images * masking_hidden(mask, b) * n);
    mean += s->weight[b] * sum;
  }
  loss->value[0] = (real)mean;
  tape_record(tape, loss, masked_mse_backward, s, predicted, targets, NULL);
  return loss;
}

real masked_mse_of_zero(Tape *tape, Tensor *targets, const Masking *mask) {
  Tensor *zero = tape_tensor(tape, "zero", targets->shape);
  memset(zero->value, 0, tensor_size(zero) * sizeof(real));
  return masked_mse(tape, zero, targets, mask)->value[0];
}
