/* Tangled from chapters/02-tape.nw: edit that, not this. */
#pragma once
#include <stdint.h>

#include "base/arena.h"
#include "tensor/tensor.h"

/* How a parameter's initial values are made. */
typedef struct Init {
  enum { INIT_CONSTANT, INIT_NORMAL, INIT_UNIFORM, INIT_VALUES, INIT_TRUNCATED } kind;
  double amount;        /* the constant, the standard deviation, or the bound */
  double value_gain;    /* what the last third of the numbers is multiplied by; 0: 1 */
  const double *values; /* for INIT_VALUES */
} Init;

Init init_constant(double value);
Init init_normal(double std);      /* N(0, standard deviation^2) */
Init init_xavier(int fan_in, int fan_out); /* U(-a, a), a^2 = 6/(in + out) */
Init init_truncated(double std);   /* N(0, standard deviation^2), drawn again until
                                            within one standard deviation */
Init init_values(const double *values);  /* read when filled; not owned */

/* Decayed: matrices. Plain: gains, biases, tokens, positions. Fixed: never
   trained, such as a table of sines. */
typedef enum { PARAM_DECAYED, PARAM_PLAIN, PARAM_FIXED } ParamKind;

typedef struct Parameter {
  Tensor *tensor;
  ParamKind kind;
  Init init;
  size_t offset; /* of its first element in the shared arrays */
  double lr_scale; /* its learning rate, times that of all; 1 unless set */
} Parameter;

typedef struct Params {
  Parameter *list;
  int count, capacity;
  size_t size;        /* elements of the arrays, padding included */
  real *value, *grad; /* all of them; NULL until params_fill */
  Arena *arena;       /* tensors and names */
} Params;

Params *params_new(void);
void params_free(Params *params);

/* Declare a parameter; the name is copied and must be new. */
Tensor *params_add(Params *params, const char *name, Shape shape, Init init,
                   ParamKind kind);

// Questions to the table
/* Most layers have a weight and a bias: a linear layer PREFIX.NAME.weight[out][in...]
   and PREFIX.NAME.bias[out], a norm PREFIX.NAME.weight[width] of ones and a bias of
   zeros. No point is added to a prefix that is empty or ends with one. Only the weights
   of linear layers are decayed. */
typedef struct Affine {
  Tensor *weight, *bias;
} Affine;

Affine params_add_linear(Params *params, const char *prefix, const char *name,
                         Shape weight_shape, Init weight, Init bias);
Affine params_add_norm(Params *params, const char *prefix, const char *name, int width);

/* A formatted name that lives as long as the table. */
const char *params_name(Params *params, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Make the arrays and draw all initial values. A parameter's values depend on
   the seed, its name and its rule, not on what else is in the table. */
void params_fill(Params *params, uint64_t seed);

/* Make the array of values alone, which are undefined until the caller has written all,
   for a network that is only used. */
void params_allocate(Params *params);
void params_clear_grad(Params *params);
Parameter *params_find(const Params *params, const char *name); /* or NULL */
size_t params_offset(const Params *params, int i); /* of parameter i; count: the end */

/* How many numbers the table holds: those that are trained, or all. */
size_t params_count(const Params *params, bool trained_only);

/* No longer train the parameters whose names begin with `prefix`: they become fixed and
   have no gradient. To be called before params_fill. */
void params_freeze(Params *params, const char *prefix);

/* Give these parameters a learning rate of their own: so many times that of all. */
void params_scale_rate(Params *params, const char *prefix, double factor);
