/* Tangled from chapters/69-world.nw: edit that, not this. */
#include <sys/resource.h>

#include "app/options.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "tasks/gathered.h"
#include "tasks/ring.h"
#include "train/world.h"

enum { PASS, GATHER, SUM, INFO_NCE, SIGMOID, RING };
static int what = PASS, bytes = 8, pairs = 256, embed = 64, times = 9;
static Option options[] = {
    CHOICE_OPTION("what", what, "pass|gather|sum|info-nce|sigmoid|ring",
                  "a message to the neighbour, of all to all, a sum of one array of each "
                  "process; or a loss"),
    INT_OPTION("bytes", bytes, 8, 1 << 30, "of a message, or of an array"),
    INT_OPTION("pairs", pairs, 1, 1 << 20, "of all processes, for a loss"),
    INT_OPTION("embed", embed, 1, 65536, "length of a vector"),
    INT_OPTION("times", times, 1, 1000, "the median of so many is printed")};
static Program program = PROGRAM("exchange-costs", "", "Time what processes send each "
    "other. Prints what, processes, bytes or pairs, seconds, bytes sent by a process, "
    "and the most mebibytes that one had.");

typedef struct Work {
  real *array;
  size_t *begin;
  void *in;
  Params *params;
  Shards *shards;
  Clip clip;
  Tensor *u, *v;
  Tape *tape;
} Work;

static void prepare_message(Work *w) {
  const int size = world_size(), all = bytes / (int)sizeof(real);
  w->array = allocate((size_t)all, sizeof(real)), w->in = allocate((size_t)bytes, 1);
  w->begin = allocate((size_t)size + 1, sizeof *w->begin);
  for (int k = 0; k <= size; k++) w->begin[k] = (size_t)world_part(all, k);
}

/* Vectors of all pairs, or (ring) of this process's. */
static void prepare_loss(Work *w) {
  const int n = world_part(pairs, world_rank() + 1) - world_part(pairs, world_rank());
  const Shape shape = SHAPE(what == RING ? n : pairs, embed);
  w->params = params_new();
  w->clip.config.loss = what == INFO_NCE ? LOSS_HALF : LOSS_SIGMOID;
  w->clip.logit_scale =
      params_add(w->params, "s", SCALAR, init_constant(2), PARAM_PLAIN);
  if (what != INFO_NCE)
    w->clip.logit_bias =
        params_add(w->params, "b", SCALAR, init_constant(-5), PARAM_PLAIN);
  w->u = params_add(w->params, "u", shape, init_normal(0.1), PARAM_PLAIN);
  w->v = params_add(w->params, "v", shape, init_normal(0.1), PARAM_PLAIN);
  params_fill(w->params, 1);
  w->shards = shards_new(w->params, world_size(), pairs);
  w->tape = tape_new();
}

static void one_loss(Work *w) {
  double correct;
  tape_reset(w->tape, (RandomKey){0});
  if (what != RING) {
    shards_gather(w->shards, w->u->value, sizeof(real), embed, pairs);
    shards_gather(w->shards, w->v->value, sizeof(real), embed, pairs);
  }
  tape_backward(w->tape, what == RING
      ? ring_loss(w->tape, &w->clip, w->shards, pairs, w->u, w->v, NULL, &correct)
      : gathered_loss(w->tape, &w->clip, w->shards, w->u, w->v, NULL, &correct));
}

static void once(Work *w) {
  switch (what) {
  case PASS:
    world_pass(w->array, (size_t)bytes, w->in, (size_t)bytes);
    world_wait();
    break;
  case GATHER: world_gather(w->array, sizeof(real), w->begin); break;
  case SUM: world_sum(w->array, &w->array, world_size(), w->begin); break;
  default: one_loss(w);
  }
}

int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  world_begin(&argc, &argv);
  Work w = {0};
  struct rusage usage;
  double *seconds = allocate((size_t)times, sizeof *seconds);
  if (what < INFO_NCE) prepare_message(&w);
  else prepare_loss(&w);
  once(&w); /* connections are made when they are first used */
  const double before = world_sent();
  for (int i = 0; i < times; i++) {
    world_barrier(); /* begin together */
    seconds[i] = stopwatch();
    once(&w);
    seconds[i] = stopwatch() - seconds[i];
  }
  getrusage(RUSAGE_SELF, &usage);
  if (world_rank() == 0)
    printf("%s\t%d\t%d\t%.3g\t%.0f\t%ld\n", option_value(&options[0]), world_size(),
           what < INFO_NCE ? bytes : pairs, median(seconds, times),
           (world_sent() - before) / times, usage.ru_maxrss / 1024);
  world_end();
  return 0;
}
