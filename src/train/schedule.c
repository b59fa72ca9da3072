/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/schedule.h"

#include <math.h>

double schedule_rate(int step, int steps, int warmup, double peak, double least) {
  if (step <= warmup) return peak * step / warmup;
  double along = (double)(step - warmup) / (steps - warmup);
  return least + (peak - least) * 0.5 * (1 + cos(3.141592653589793 * along));
}
