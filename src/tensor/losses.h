/* Tangled from chapters/03-layers.nw: edit that, not this. */
#pragma once
#include "kernels/kernels.h"
#include "tensor/tape.h"

/* Mean over rows of the cross-entropy between softmax(logits[rows][n]) and the
   labels, each 0..n-1, smoothed by 0 <= smoothing < 1. The labels are copied.
   Result: one number. *correct, unless NULL, becomes the count of rows whose
   largest logit is at the label. */
Tensor *cross_entropy(Tape *tape, Tensor *logits, const int *labels,
                      double smoothing, int *correct);

/* The index of the largest of n numbers, the first if there are several. */
int largest_of_row(const real *row, int n);
