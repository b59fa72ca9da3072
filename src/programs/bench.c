/* Tangled from chapters/07-fast.nw: edit that, not this. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/stopwatch.h"
#include "models/vit.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "train/adamw.h"
#include "train/lanes.h"
#include "train/peak.h"

// The options of bench
static int profiling = 0, threads = 0, what = 0, lanes = 4, portion = 0, samples = 9;
static const char *only = NULL, *out = NULL;
static Option options[] = {
    {.name = "set", .kind = OPTION_CHOICE, .value = &what, .choices = "all|kernels|steps",
     .help = "what to measure"},
    {.name = "only", .kind = OPTION_TEXT, .value = &only,
     .help = "just the row of this name"},
    {.name = "threads", .kind = OPTION_INT, .value = &threads, .low = 0, .high = 1024,
     .help = "measure with 1 and with so many threads; 0: one per core"},
    {.name = "profile", .kind = OPTION_INT, .value = &profiling, .low = 0, .high = 1,
     .help = "profile"},
    {.name = "samples", .kind = OPTION_INT, .value = &samples, .low = 1, .high = 99,
     .help = "samples, of which the median is shown"},
    {.name = "lanes", .kind = OPTION_INT, .value = &lanes, .low = 1, .high = 64,
     .help = "of a training step"},
    {.name = "portion", .kind = OPTION_INT, .value = &portion, .low = 0, .high = 64,
     .help = "of a training step; 0: what suits"},
    {.name = "out", .kind = OPTION_TEXT, .value = &out,
     .help = "also write the table to this file, tab-separated"}};
static Program program = {"bench", "", "Measure the speed of every kernel and of whole "
                          "training steps on this machine.",
                          options, sizeof options / sizeof *options};
// A row of the table
static double peak; /* of the threads in use */
static FILE *table;

static void print_row(const char *name, double seconds, double images, double flops,
                      double bytes) {
  const int team = omp_get_max_threads();
  printf("%-26s %2d %10.4f %9.0f %8.1f %6.1f %8.1f\n", name, team, 1e3 * seconds,
         images / seconds, 1e-9 * flops / seconds, 100 * flops / seconds / peak,
         1e-9 * bytes / seconds);
  fflush(stdout);
  if (table)
    fprintf(table, "%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", name, team, 1e3 * seconds,
            images / seconds, 1e-9 * flops / seconds, flops / seconds / peak,
            1e-9 * bytes / seconds);
}
// The training steps
typedef struct StepModel {
  const char *name;
  int size, channels, patch, width, depth, heads;
} StepModel;

static const StepModel models[] = {{"vit-mnist", 28, 1, 7, 64, 4, 4},
                                   {"vit-cifar", 32, 3, 4, 128, 6, 4},
                                   {"vit-cifar-192", 32, 3, 4, 192, 9, 12}};
enum { BATCH = 64 };

typedef struct Step {
  Params *params;
  Vit vit;
  AdamW optimizer;
  Lanes *lanes;
  real *images;
  int labels[BATCH];
} Step;

static Tensor *step_loss(Tape *tape, void *state, int number, int first, int count,
                         double *metric) {
  const Step *step = state;
  const VitConfig *c = &step->vit.config;
  Tensor *x = tape_tensor(tape, "images", SHAPE(count, c->channels, c->image_size,
                                                c->image_size));
  const size_t size = tensor_size(x) / (size_t)count;
  memcpy(x->value, step->images + (size_t)first * size, tensor_size(x) * sizeof(real));
  *metric = number;
  return cross_entropy(tape, vit_forward(tape, &step->vit, x), step->labels + first, 0,
                       NULL);
}

/* Clear, forward, loss, backward, clip, AdamW. */
static void take_step(void *state) {
  Step *step = state;
  double metric;
  lanes_gradient(step->lanes, step_loss, step, 0, BATCH, (RandomKey){0}, &metric);
  clip_gradients(step->params, 1);
  adamw_update(&step->optimizer, 1e-3);
}

static void profile_step(Step *step) {
  Profile profile = {0};
  for (int i = 0; i < step->lanes->count; i++)
    step->lanes->lane[i].tape->profile = &profile;
  for (int i = 0; i < 10; i++) take_step(step);
  for (int i = 0; i < profile.count; i++)
    printf("  %-24s %8.3f %8.3f\n", profile.op[i].name, 100 * profile.op[i].forward,
           100 * profile.op[i].backward);
}

static void measure_step(const StepModel *m) {
  Step step = {.params = params_new()};
  VitConfig c = {.image_size = m->size, .channels = m->channels, .patch_size = m->patch,
                 .width = m->width, .depth = m->depth, .heads = m->heads,
                 .mlp = 4 * m->width, .classes = 10, .eps = 1e-6,
                 .position = POSITION_LEARNED};
  const size_t n = (size_t)BATCH * m->channels * m->size * m->size;
  step.vit = vit_declare(step.params, "", c);
  params_fill(step.params, 1);
  step.optimizer = adamw_new(step.params, 0.999, 0.05);
  step.lanes = lanes_new(step.params, lanes, portion ? portion : vit_portion(&step.vit));
  step.images = allocate(n, sizeof(real));
  for (size_t i = 0; i < n; i++)
    step.images[i] = (real)random_normal(random_key(1, "images"), i);
  for (int i = 0; i < BATCH; i++)
    step.labels[i] = random_below(random_key(1, "labels"), (uint64_t)i, 10);
  const double seconds = median_seconds(take_step, &step, samples, 0.05);
  print_row(m->name, seconds, BATCH, 6 * BATCH * vit_macs(&c), 0);
  if (profiling) profile_step(&step);
  lanes_free(step.lanes);
  adamw_free(&step.optimizer);
  params_free(step.params);
  free(step.images);
}
// The main function of bench
static bool wanted(const char *name) {
  return !only || strcmp(name, only) == 0;
}

static void measure_all(void) {
  peak = peak_flops(omp_get_max_threads());
  printf("%-26s %2d %10s %9s %8.1f\n", "peak", omp_get_max_threads(), "", "",
         1e-9 * peak);
  if (what != 1)
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
      if (wanted(models[i].name)) measure_step(&models[i]);
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv);
  if (first < argc) {
    fail("expected options only, found '%s'", argv[first]);
    return options_complain(&program);
  }
  const int most = threads ? threads : omp_get_max_threads();
  if (out && !(table = file_begin(out))) return fail_report(program.name);
  printf("%-26s %2s %10s %9s %8s %6s %8s\n", "what", "th", "ms", "images/s", "GFLOP/s",
         "% peak", "GB/s");
  for (int team = 1; team <= most; team += most > 1 ? most - 1 : 1) {
    omp_set_num_threads(team);
    measure_all();
  }
  if (table && !file_commit(table, out)) return fail_report(program.name);
  return 0;
}
