/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "eval/predictions.h"

#include "base/memory.h"
#include "nn/image_batch.h"
#include "tensor/losses.h"

/* What the logits of n pictures, the first of them number `at`, say. */
static void record_logits(Tape *tape, Predictions *p, int at, const Tensor *logits,
                          const int *labels) {
  int n = tensor_rows(logits), classes = tensor_last(logits);
  real *losses = tape_memory(tape, (size_t)n * sizeof *losses);
  real *p_of_class = tape_memory(tape, tensor_size(logits) * sizeof *p_of_class);
  cross_entropy_forward(losses, p_of_class, logits->value, labels, 0, n, classes);
  for (int i = 0; i < n; i++) {
    p->losses[at + i] = (double)losses[i];
    p->predicted[at + i] = largest_of_row(logits->value + i * classes, classes);
    p->correct += p->predicted[at + i] == labels[i];
  }
}

Predictions predictions_make(Tape *tape, const Vit *vit, const Dataset *data, int batch) {
  const size_t count = (size_t)data->count;
  Predictions p = {.predicted = allocate(count, sizeof *p.predicted),
                   .losses = allocate(count, sizeof *p.losses)};
  ImageScan scan = image_scan(data, data->count, least(batch, SCAN_MOST));
  while (image_scan_next(&scan, tape))
    record_logits(tape, &p, scan.first, vit_forward(tape, vit, scan.images), scan.labels);
  for (int i = 0; i < data->count; i++) p.loss += p.losses[i] / data->count;
  return p;
}

void predictions_free(Predictions *p) { free(p->predicted), free(p->losses); }
