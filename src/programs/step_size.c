/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <math.h>
#include <tgmath.h>

#include "app/options.h"
#include "base/real.h"

/* Print step and relative error of central differences of e^(sin a) at 1. */
int main(void) {
  program_begin("step-size");
  const double true_slope = exp(sin(1.0)) * cos(1.0);
  for (int i = 0; i <= 64; i++) {
    real a = 1, h = (real)pow(10.0, -0.25 * i);
    real above = a + h, below = a - h;
    real up = exp(sin(above)), down = exp(sin(below));
    if (above == below) break;
    double slope = (double)(up - down) / (double)(above - below);
    double error = fabs(slope / true_slope - 1);
    printf("%.6e\t%.6e\n", (double)h, fmax(error, 1e-17));
  }
  return 0;
}
