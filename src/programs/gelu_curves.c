/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/options.h"
#include "kernels/kernels.h"

/* Print x, the three GELUs and their three derivatives, from -4 to 4. */
int main(void) {
  program_begin("gelu-curves");
  for (int i = -160; i <= 160; i++) {
    real x = (real)i / 40, one = 1;
    printf("%.4f", (double)x);
    for (int kind = 0; kind < 3; kind++) {
      real y;
      gelu_forward(&y, &x, (GeluKind)kind, 1);
      printf("\t%.6f", (double)y);
    }
    for (int kind = 0; kind < 3; kind++) {
      real slope = 0;
      gelu_backward(&slope, &one, &x, (GeluKind)kind, 1);
      printf("\t%.6f", (double)slope);
    }
    printf("\n");
  }
  return 0;
}
