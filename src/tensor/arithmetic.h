/* Tangled from chapters/02-tape.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

// Contracts of the first operations
/* Element by element; a and b have the same shape, and may be the same. */
Tensor *add(Tape *tape, Tensor *a, Tensor *b);
Tensor *mul(Tape *tape, Tensor *a, Tensor *b);

/* x + branch, written over the values of `branch`, and with its gradient in the
   same place as the branch's: for the last tensor of a branch that nothing else
   uses. What made the branch must not need its values to go back. */
Tensor *add_in_place(Tape *tape, Tensor *x, Tensor *branch);

/* All elements added up, first to last: a tensor of rank 0. */
Tensor *sum(Tape *tape, Tensor *a);

/* x[n][...] + table[...] for each n: one table added to each part of a batch.
   The gradient of the table is the sum over the batch. */
Tensor *add_to_each(Tape *tape, Tensor *x, Tensor *table);
