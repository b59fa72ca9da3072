/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "kernels/kernels.h"

AdamW adamw_new(Params *params, double beta2, double decay) {
  return (AdamW){.params = params, .m = allocate(params->size, sizeof(real)),
                 .v = allocate(params->size, sizeof(real)), .beta1 = 0.9,
                 .beta2 = beta2, .eps = 1e-8, .decay = decay};
}

void adamw_free(AdamW *o) {
  free(o->m);
  free(o->v);
}

void adamw_update(AdamW *o, double lr) {
  o->steps++;
  AdamWStep step = {.lr = (real)lr, .beta1 = (real)o->beta1, .beta2 = (real)o->beta2,
                    .eps = (real)o->eps,
                    .correction1 = (real)(1 - pow(o->beta1, o->steps)),
                    .correction2 = (real)(1 - pow(o->beta2, o->steps))};
  AdamWStep plain = step;
  step.decay = (real)o->decay;
  for (int i = 0; i < o->params->count; i++) {
    const Parameter *p = &o->params->list[i];
    if (p->kind == PARAM_FIXED) continue;
    AdamWStep own = p->kind == PARAM_DECAYED ? step : plain;
    own.lr = (real)(lr * p->rate);
    adamw_step(p->tensor->value, o->m + p->offset, o->v + p->offset, p->tensor->grad,
               own, tensor_size(p->tensor));
  }
}

// Measure and clip gradients
static double sum_of_squares(const Tensor *tensor) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < tensor_size(tensor); i++)
    sum += (double)tensor->grad[i] * (double)tensor->grad[i];
  return sum;
}

double gradient_norm(const Tensor *tensor) { return sqrt(sum_of_squares(tensor)); }

double gradient_norm_all(const Params *params) {
  double sum = 0;
  for (int i = 0; i < params->count; i++)
    if (params->list[i].kind != PARAM_FIXED)
      sum += sum_of_squares(params->list[i].tensor);
  return sqrt(sum);
}

double clip_gradients(Params *params, double limit) {
  double norm = gradient_norm_all(params);
  if (limit > 0 && norm > limit)
#pragma omp parallel for simd
    for (size_t i = 0; i < params->size; i++)
      params->grad[i] *= (real)(limit / norm);
  return norm;
}
