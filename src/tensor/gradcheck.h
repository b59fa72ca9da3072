/* Tangled from chapters/02-tape.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"
#include "tensor/tape.h"

/* The worst element found, and how many were compared. */
typedef struct GradcheckResult {
  double error, backward, difference;
  const char *name;
  int index, checked;
} GradcheckResult;

/* Compare the gradients of loss(tape, state), one number, with respect to the
   parameters with central differences of step h * max(1, |value|). `loss`
   must give the same value each time it is called with the same parameters.
   Leaves the gradients in params. Meant for the double build. */
GradcheckResult gradcheck(Tensor *(*loss)(Tape *tape, void *state), void *state,
                          Params *params, double h);
