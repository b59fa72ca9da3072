/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "tensor/gradcheck.h"

#include <math.h>

enum { SAMPLES = 24 };

typedef struct Check {
  Tensor *(*loss)(Tape *tape, void *state);
  void *state;
  Tape *tape;
} Check;

static double value_of(Check *check) {
  tape_reset(check->tape, random_key(0, "gradcheck"));
  return (double)check->loss(check->tape, check->state)->value[0];
}

static double slope(Check *check, real *element, double h) {
  real kept = *element;
  h *= fmax(1, fabs((double)kept));
  *element = kept + (real)h;
  double above = (double)*element, up = value_of(check);
  *element = kept - (real)h;
  double below = (double)*element, down = value_of(check);
  *element = kept;
  return (up - down) / (above - below);
}

// Compare a sample of each parameter
static double largest_gradient(const Params *params) {
  double largest = 0;
  for (size_t i = 0; i < params->size; i++)
    largest = fmax(largest, fabs((double)params->grad[i]));
  return largest;
}

GradcheckResult gradcheck(Tensor *(*loss)(Tape *tape, void *state), void *state,
                          Params *params, double h) {
  Check check = {loss, state, tape_new()};
  GradcheckResult worst = {.error = 0, .name = "nothing"};
  params_clear_grad(params);
  tape_reset(check.tape, random_key(0, "gradcheck"));
  tape_backward(check.tape, loss(check.tape, state));
  double floor = largest_gradient(params) / 100;
  for (int p = 0; p < params->count; p++) {
    Tensor *t = params->list[p].tensor;
    int size = (int)tensor_size(t);
    for (int s = 0; t->requires_grad && s < (size < SAMPLES ? size : SAMPLES); s++) {
      int i = size <= SAMPLES
                  ? s : random_below(random_key(1, t->name), (uint64_t)s, size);
      double g = (double)t->grad[i], d = slope(&check, t->value + i, h);
      double error = fabs(g - d) / fmax(fmax(fabs(g), fabs(d)), floor);
      worst.checked++;
      if (!isnan(worst.error) && !(error <= worst.error)) /* a NaN is kept */
        worst = (GradcheckResult){error, g, d, t->name, i, worst.checked};
    }
  }
  tape_free(check.tape);
  return worst;
}
