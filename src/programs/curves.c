/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <tgmath.h>

#include "app/options.h"
#include "tensor/info_nce.h"
#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"

// The error of a difference
/* Print step and relative error of central differences of e^(sin a) at 1. */
static void print_step(void) {
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
}

// Three GELUs
/* Print x, the three GELUs and their three derivatives, from -4 to 4. */
static void print_gelu(void) {
  for (int i = -160; i <= 160; i++) {
    real x = (real)i / 40, one = 1;
    printf("%.4f", (double)x);
    for (int kind = 0; kind < 3; kind++) {
      real y;
      gelu_forward(&y, &x, (GeluKind)kind, 1);
      printf("\t%.6f", (double)y);
    }
    for (int kind = 0; kind < 3; kind++) {
      real slope;
      gelu_backward(&slope, &one, &x, (GeluKind)kind, 1, false);
      printf("\t%.6f", (double)slope);
    }
    printf("\n");
  }
}

// The pull on a negative
/* A picture whose own text has cosine 0.5, one wrong text of cosine c, and 126 of
   cosine 0: the derivative of the row's loss by c, for some scales. */
static void print_pull(void) {
  static const double scales[] = {1, 5, 1 / 0.07, 100};
  for (int i = 0; i <= 200; i++) {
    const double c = -1 + 0.01 * i;
    printf("%.2f", c);
    for (int k = 0; k < 4; k++) {
      const double t = scales[k];
      printf("\t%.6g", t / (1 + exp(t * (0.5 - c)) + 126 * exp(-t * c)));
    }
    printf("\n");
  }
}

// The loss of random vectors
static double random_loss(Tape *tape, int N, int d, double t, uint64_t draw) {
  Tensor *side[2] = {NULL};
  tape_reset(tape, (RandomKey){0});
  for (int k = 0; k < 2; k++) {
    const RandomKey key = random_subkey(random_key(draw, "vectors"), (uint64_t)k);
    side[k] = tape_tensor(tape, "vectors", SHAPE(N, d));
    for (int i = 0; i < N * d; i++)
      side[k]->value[i] = (real)random_normal(key, (uint64_t)i);
    side[k] = normalize(tape, side[k], 0);
  }
  Tensor *logits = scale_by(tape, linear(tape, side[0], side[1], NULL), t);
  return (double)info_nce(tape, logits, INFO_NCE_HALF, NULL)->value[0];
}

static void print_start(void) {
  enum { N = 64, DRAWS = 20 };
  Tape *tape = tape_no_grad();
  for (int d = 2; d <= 1024; d *= 2) {
    double cold = 0, warm = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
      cold += random_loss(tape, N, d, 1 / 0.07, (uint64_t)draw) / DRAWS;
      warm += random_loss(tape, N, d, 1, (uint64_t)draw) / DRAWS;
    }
    printf("%d\t%.4f\t%.4f\t%.4f\t%.4f\n", d, cold, warm, log(N),
           log(N) + 1 / (2 * 0.07 * 0.07 * d));
  }
  tape_free(tape);
}

// The pull on a logit
/* The derivative of each loss by one logit, true and false: the sigmoid loss, and a
   row of InfoNCE whose other logits have a log-sum of 0, 4 and 8. */
static void print_logit(void) {
  static const double rest[] = {0, 4, 8};
  for (int i = 0; i <= 320; i++) {
    const double logit = -16 + 0.1 * i;
    printf("%.1f\t%.6g\t%.6g", logit, logistic(logit) - 1, logistic(logit));
    for (int k = 0; k < 3; k++)
      printf("\t%.6g\t%.6g", logistic(logit - rest[k]) - 1, logistic(logit - rest[k]));
    printf("\n");
  }
}

static void (*const curves[])(void) = {print_step, print_gelu, print_pull, print_start,
                                       print_logit};
static int curve = 0;
static Option options[] = {
    CHOICE_OPTION("curve", curve, "step|gelu|pull|start|logit",
                  "error of a numerical derivative against its step, the three GELUs; of "
                  "contrastive losses: gradient against cosine, first loss against "
                  "dimensions, gradient against a logit")};
static Program program = PROGRAM("curves", "", "Print the points of one of the book's "
                                 "curves.");

int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  curves[curve]();
  return 0;
}
