/* Tangled from chapters/11-eva.nw: edit that, not this. */
#include "train/lamb.h"

#include <math.h>

typedef struct Moment {
  double correction1, correction2, eps, decay;
} Moment;

static double direction(double w, double m, double v, Moment s) {
  return m / s.correction1 / (sqrt(v / s.correction2) + s.eps) + s.decay * w;
}

static void remember(AdamW *o, const Parameter *p) {
  for (size_t i = 0; i < tensor_size(p->tensor); i++) {
    const double g = (double)p->tensor->grad[i];
    real *m = &o->m[p->offset + i], *v = &o->v[p->offset + i];
    *m = (real)(o->beta1 * (double)*m + (1 - o->beta1) * g);
    *v = (real)(o->beta2 * (double)*v + (1 - o->beta2) * g * g);
  }
}

static double trust(const AdamW *o, const Parameter *p, Moment s) {
  double weights = 0, steps = 0;
  if (p->kind != PARAM_DECAYED) return 1;
  for (size_t i = 0; i < tensor_size(p->tensor); i++) {
    const double w = (double)p->tensor->value[i], m = (double)o->m[p->offset + i];
    weights += w * w;
    steps += pow(direction(w, m, (double)o->v[p->offset + i], s), 2);
  }
  return weights > 0 && steps > 0 ? sqrt(weights / steps) : 1;
}

void lamb_update(AdamW *o, double lr) {
  o->steps++;
  const Moment plain = {1 - pow(o->beta1, o->steps), 1 - pow(o->beta2, o->steps), o->eps,
                        0};
  Moment decayed = plain;
  decayed.decay = o->decay;
  for (int i = 0; i < o->params->count; i++) {
    const Parameter *p = &o->params->list[i];
    if (p->kind == PARAM_FIXED) continue;
    const Moment s = p->kind == PARAM_DECAYED ? decayed : plain;
    remember(o, p);
    const double step = lr * p->rate * trust(o, p, s);
    for (size_t k = 0; k < tensor_size(p->tensor); k++) {
      const double w = (double)p->tensor->value[k], m = (double)o->m[p->offset + k];
      const double v = (double)o->v[p->offset + k];
      p->tensor->value[k] = (real)(w - step * direction(w, m, v, s));
    }
  }
}
