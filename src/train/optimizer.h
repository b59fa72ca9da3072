/* Tangled from chapters/06-training.nw: edit that, not this. */
#ifndef OPTIMIZER_H
#define OPTIMIZER_H
#include "tensor/params.h"

/* AdamW over a parameter table, with beta1 = 0.9 and eps = 1e-8. Source:
   Loshchilov and Hutter 2019. */
typedef struct AdamW {
  Params *params;
  real *m, *v; /* running means, laid out as params->value */
  double beta1, beta2, eps, decay;
  int steps; /* taken so far */
} AdamW;

AdamW adamw_new(Params *params, double beta2, double decay);
void adamw_free(AdamW *optimizer);

/* One step with this learning rate, from the gradients in the table. */
void adamw_update(AdamW *optimizer, double lr);

/* The Euclidean norm of one gradient, and of all of them together. */
double gradient_norm(const Tensor *tensor);
double gradient_norm_all(const Params *params);

/* If all gradients together are longer than `limit` scale them down to it;
   a limit of 0 is none. Returns the norm before. */
double clip_gradients(Params *params, double limit);
#endif
