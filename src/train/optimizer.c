/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/dot.h"
#include "kernels/kernels.h"

Optimizer optimizer_new_part(OptimizerKind kind, Params *params, double beta2,
                             double decay, int first, int last) {
  const size_t base = params_offset(params, first);
  const size_t size = params_offset(params, last) - base;
  return (Optimizer){.params = params, .kind = kind, .first = first, .last = last,
                     .base = base, .beta1 = 0.9, .beta2 = beta2, .eps = 1e-8,
                     .decay = decay, .m = allocate(size, sizeof(real)),
                     .v = allocate(size, sizeof(real))};
}

Optimizer optimizer_new(OptimizerKind kind, Params *params, double beta2, double decay) {
  return optimizer_new_part(kind, params, beta2, decay, 0, params->count);
}

void optimizer_free(Optimizer *o) { free(o->m), free(o->v); }

void optimizer_update(Optimizer *o, double lr) {
  (o->kind == OPTIMIZER_LAMB ? lamb_update : adamw_update)(o, lr);
}

void adamw_update(Optimizer *o, double lr) {
  o->steps++;
  AdamWStep step = {.lr = (real)lr, .beta1 = (real)o->beta1, .beta2 = (real)o->beta2,
                    .eps = (real)o->eps,
                    .correction1 = (real)(1 - pow(o->beta1, o->steps)),
                    .correction2 = (real)(1 - pow(o->beta2, o->steps))};
  AdamWStep plain = step;
  step.decay = (real)o->decay;
  for (int i = o->first; i < o->last; i++) {
    const Parameter *p = &o->params->list[i];
    const size_t at = p->offset - o->base;
    if (p->kind == PARAM_FIXED) continue;
    AdamWStep own = p->kind == PARAM_DECAYED ? step : plain;
    own.lr = (real)(lr * p->lr_scale);
    adamw_step(p->tensor->value, o->m + at, o->v + at, p->tensor->grad, own,
               tensor_size(p->tensor));
  }
}

// Take a step of LAMB
typedef struct Moment {
  double correction1, correction2, eps, decay;
} Moment;

static double direction(double w, double m, double v, Moment s) {
  return m / s.correction1 / (sqrt(v / s.correction2) + s.eps) + s.decay * w;
}

static void remember(Optimizer *o, const Parameter *p) {
  for (size_t i = 0; i < tensor_size(p->tensor); i++) {
    const double g = (double)p->tensor->grad[i];
    real *m = &o->m[p->offset - o->base + i], *v = &o->v[p->offset - o->base + i];
    *m = (real)(o->beta1 * (double)*m + (1 - o->beta1) * g);
    *v = (real)(o->beta2 * (double)*v + (1 - o->beta2) * g * g);
  }
}

static double trust(const Optimizer *o, const Parameter *p, Moment s) {
  double weights = 0, steps = 0;
  const real *m = o->m + (p->offset - o->base), *v = o->v + (p->offset - o->base);
  if (p->kind != PARAM_DECAYED) return 1;
  for (size_t i = 0; i < tensor_size(p->tensor); i++) {
    const double w = (double)p->tensor->value[i];
    weights += w * w;
    steps += pow(direction(w, (double)m[i], (double)v[i], s), 2);
  }
  return weights > 0 && steps > 0 ? sqrt(weights / steps) : 1;
}

void lamb_update(Optimizer *o, double lr) {
  o->steps++;
  const Moment plain = {1 - pow(o->beta1, o->steps), 1 - pow(o->beta2, o->steps), o->eps,
                        0};
  Moment decayed = plain;
  decayed.decay = o->decay;
  for (int i = o->first; i < o->last; i++) {
    const Parameter *p = &o->params->list[i];
    const real *m = o->m + (p->offset - o->base), *v = o->v + (p->offset - o->base);
    if (p->kind == PARAM_FIXED) continue;
    const Moment s = p->kind == PARAM_DECAYED ? decayed : plain;
    remember(o, p);
    const double step = lr * p->lr_scale * trust(o, p, s);
    for (size_t k = 0; k < tensor_size(p->tensor); k++) {
      const double w = (double)p->tensor->value[k];
      p->tensor->value[k] =
          (real)(w - step * direction(w, (double)m[k], (double)v[k], s));
    }
  }
}
// Measure and clip gradients
static double sum_of_squares(const Tensor *tensor) {
  double sum[PARTS] = {0}, all = 0;
  IN_PARTS(i, (int)tensor_size(tensor),
           sum[part] += (double)tensor->grad[i] * (double)tensor->grad[i]);
  for (int part = 0; part < PARTS; part++) all += sum[part];
  return all;
}

double gradient_norm(const Tensor *tensor) { return sqrt(sum_of_squares(tensor)); }

double gradient_norm_all(const Params *params) {
  double sum = 0;
  for (int i = 0; i < params->count; i++)
    if (params->list[i].kind != PARAM_FIXED)
      sum += sum_of_squares(params->list[i].tensor);
  return sqrt(sum);
}

void gradient_squares(const Params *params, int first, int last, double *squares) {
  for (int i = first; i < last; i++) {
    const Parameter *p = &params->list[i];
    squares[i] = p->kind == PARAM_FIXED ? 0 : sum_of_squares(p->tensor);
  }
}

void clip_gradients_of_norm(Params *params, double norm, double limit) {
  if (limit > 0 && norm > limit)
#pragma omp parallel for simd if (parallel : params->size > 100000)
    for (size_t i = 0; i < params->size; i++)
      params->grad[i] *= (real)(limit / norm);
}

double clip_gradients(Params *params, double limit) {
  const double norm = gradient_norm_all(params);
  clip_gradients_of_norm(params, norm, limit);
  return norm;
}

double schedule_rate(int step, int steps, int warmup, double peak, double least) {
  if (step <= warmup) return peak * step / warmup;
  double along = (double)(step - warmup) / (steps - warmup);
  return least + (peak - least) * 0.5 * (1 + cos(3.141592653589793 * along));
}

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

int layer_of(const char *name, int depth) {
  static const char *const first[] = {"patch_embed.", "cls_token", "pos_embed",
                                      "mask_token", "norm_pre."};
  if (begins(name, "blocks.")) return 1 + atoi(name + strlen("blocks."));
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    if (begins(name, first[i])) return 0;
  return depth + 1;
}

void layer_decay(Params *params, const char *prefix, int depth, double decay) {
  for (int i = 0; i < params->count; i++) {
    Parameter *p = &params->list[i];
    if (!begins(p->tensor->name, prefix)) continue;
    const int layer = layer_of(p->tensor->name + strlen(prefix), depth);
    p->lr_scale = pow(decay, depth + 1 - layer);
  }
}
