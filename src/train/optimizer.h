/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"

typedef enum { OPTIMIZER_ADAMW, OPTIMIZER_LAMB } OptimizerKind;

/* AdamW over a parameter table, with beta1 = 0.9 and eps = 1e-8 (source: Loshchilov
   and Hutter 2019), or LAMB (You et al. 2020). */
typedef struct Optimizer {
  Params *params; /* not owned */
  OptimizerKind kind;
  real *m, *v; /* first and second moments, laid out as params->value */
  double beta1, beta2, eps, decay;
  int steps; /* taken so far */
} Optimizer;

Optimizer optimizer_new(OptimizerKind kind, Params *params, double beta2, double decay);
void optimizer_free(Optimizer *optimizer);

/* One step with this learning rate, from the gradients in the table: of its kind, and
   of either kind. */
void optimizer_update(Optimizer *optimizer, double lr);
void adamw_update(Optimizer *optimizer, double lr);
// Declaration of LAMB
/* One step of LAMB with AdamW's moments, from the gradients in the table: for decayed
   parameters AdamW's step times |w| / |u|, where u is its direction (1 if either is
   zero); for plain ones AdamW's. Source: You and others 2020; EVA-CLIP's code. */
void lamb_update(Optimizer *optimizer, double lr);

/* The Euclidean norm of one gradient, and of all of them together. */
double gradient_norm(const Tensor *tensor);
double gradient_norm_all(const Params *params);

/* If all gradients together are longer than `limit` scale them down to it;
   a limit of 0 is none. Returns the norm before. */
double clip_gradients(Params *params, double limit);
