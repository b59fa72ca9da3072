/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/options.h"
#include "base/error.h"
#include "base/stopwatch.h"
#include "tensor/info_nce.h"
#include "tensor/layers.h"
#include "tensor/params.h"
#include "tensor/sigmoid_loss.h"

static int most = 4096;
static Option options[] = {
    INT_OPTION("most", most, 64, 1 << 15, "largest number of pairs")};
static Program program = PROGRAM("pair-memory", "", "Print peak memory and time of "
                                 "contrastive losses with their gradients, for a "
                                 "growing number of pairs.");

enum { LENGTH = 64, AT_ONCE = 64 };
typedef enum { SOFTMAX, WHOLE, SIXTEENTHS, SMALL_CHUNKS, WAYS } Way;

/* Memory and time of one way to the loss of N pairs. */
static void work(int N, Way way) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *u = params_add(params, "u", SHAPE(N, LENGTH), init_normal(0.125), PARAM_PLAIN);
  Tensor *v = params_add(params, "v", SHAPE(N, LENGTH), init_normal(0.125), PARAM_PLAIN);
  Tensor *s = params_add(params, "s", SCALAR, init_constant(2.3), PARAM_PLAIN);
  Tensor *b = params_add(params, "b", SCALAR, init_constant(-10), PARAM_PLAIN), *loss;
  params_fill(params, 1);
  if (way < SIXTEENTHS) {
    Tensor *logits = scale_exp(tape, linear(tape, u, v, NULL), s);
    loss = way == SOFTMAX ? info_nce(tape, logits, INFO_NCE_HALF, NULL)
                          : sigmoid_loss(tape, shift_by(tape, logits, b), NULL,
                                         SIGMOID_BY_ROWS, NULL);
  } else {
    loss = sigmoid_loss_in_chunks(tape, u, v, s, b, NULL, SIGMOID_BY_ROWS,
                                  way == SIXTEENTHS ? 16 : N / AT_ONCE, NULL);
  }
  tape_backward(tape, loss);
}

// Measure in a process of its own
/* Print mebibytes and milliseconds. */
static bool measure(int N, Way way) {
  struct rusage usage;
  int status;
  const double start = stopwatch();
  fflush(stdout);
  const pid_t child = fork();
  if (child < 0) return fail("fork: cannot make a process");
  if (child == 0) {
    work(N, way);
    _exit(0);
  }
  if (wait4(child, &status, 0, &usage) != child || status)
    return fail("%d pairs: expected a process to end well, found status %d", N, status);
  printf("\t%.1f\t%.2f", (double)usage.ru_maxrss / 1024, 1e3 * (stopwatch() - start));
  return true;
}

int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  for (int N = AT_ONCE; N <= most; N *= 2) {
    printf("%d", N);
    for (int way = 0; way < WAYS; way++)
      if (!measure(N, (Way)way)) return program_failed(&program);
    printf("\n");
  }
  return 0;
}
