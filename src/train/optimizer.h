/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"

typedef enum { OPTIMIZER_ADAMW, OPTIMIZER_LAMB } OptimizerKind;

/* AdamW over a parameter table, with beta1 = 0.9 and eps = 1e-8 (source: Loshchilov
   and Hutter 2019), or LAMB (You et al. 2020). */
typedef struct Optimizer {
  Params *params; /* not owned */
  OptimizerKind kind;
  int first, last; /* its own are parameters first .. last - 1 of the table: all, or a */
  size_t base;     /* part; the offset of the first of them */
  real *m, *v;     /* their first and second moments, laid out as params->value + base */
  double beta1, beta2, eps, decay;
  int steps; /* taken so far */
} Optimizer;

Optimizer optimizer_new(OptimizerKind kind, Params *params, double beta2, double decay);
Optimizer optimizer_new_part(OptimizerKind kind, Params *params, double beta2,
                             double decay, int first, int last);
void optimizer_free(Optimizer *optimizer);

/* One step with this learning rate, from the gradients in the table: by the optimiser's
   own kind, and by AdamW whatever its kind. */
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

/* The squares of the norms of parameters first .. last - 1, at squares[first] on; 0 of
   a fixed one. */
void gradient_squares(const Params *params, int first, int last, double *squares);

/* If all gradients together are longer than `limit` scale them down to it;
   a limit of 0 is none. Returns the norm before, which the second function is told. */
double clip_gradients(Params *params, double limit);
void clip_gradients_of_norm(Params *params, double norm, double limit);

/* The learning rate of step 1..steps: linear warm-up, then half a cosine from
   `peak` to `least`. */
double schedule_rate(int step, int steps, int warmup, double peak, double least);

/* The layer of an encoder of `depth` blocks to which a parameter belongs, by its name
   after the encoder's prefix: 0 for what comes before the blocks, 1 + i for blocks.i,
   depth + 1 for the rest. Source: the code of MAE and of EVA. */
int layer_of(const char *name, int depth);

/* Let layer i of the encoder whose parameters begin with `prefix` learn at decay^(depth
   + 1 - i) of the learning rate. Others keep their rates. */
void layer_decay(Params *params, const char *prefix, int depth, double decay);
