/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "train/trainer.h"

#include <assert.h>
#include <omp.h>
#include <signal.h>

#include "app/interrupt.h"
#include "app/settings.h"
#include "kernels/bf16.h"
#include "models/vit.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "testing.h"
#include "train/checkpoint.h"
#include "train/optimizer.h"

#include "base/error.h"

// Count the calls of malloc
static long heap_calls;

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define COUNTS_HEAP 1
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
void *malloc(size_t size) { return heap_calls++, __libc_malloc(size); }
void *calloc(size_t count, size_t size) {
  return heap_calls++, __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
  return heap_calls++, __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  return heap_calls++, __libc_memalign(alignment, size);
}
#else
#define COUNTS_HEAP 0
#endif

// A small task
static int option_seed = 3, option_threads = 1;
static Option options[] = {
    {.name = "seed", .kind = OPTION_INT, .value = &option_seed, .high = 1000},
    {.name = "threads", .kind = OPTION_INT, .value = &option_threads, .high = 1000,
     .transient = true}};
static Program program = {"test", "", "", options, 2};

typedef struct Points {
  Params *params;
  Affine layer;
  int signal_at, bad_at, steep_at;
  long calls_at_third, calls_at_last; /* of malloc, in the loss of a step */
} Points;

static Points points_new(void) {
  Points points = {.params = params_new()};
  points.layer = params_add_linear(points.params, "", "head", SHAPE(3, 4), init_normal(1),
                                 init_constant(0));
  params_fill(points.params, 3);
  return points;
}

static Tensor *points_loss(Tape *tape, void *state, int step, int first, int count,
                           double *metric) {
  Points *points = state;
  int labels[8], correct;
  assert(first == 0 && count == 8); /* one of Check's would call malloc */
  Tensor *x = tape_tensor(tape, "x", SHAPE(8, 4));
  RandomKey key = random_subkey(random_key(3, "x"), (uint64_t)step);
  for (int i = 0; i < 32; i++) x->value[i] = (real)random_normal(key, (uint64_t)i);
  for (int i = 0; i < 8; i++) labels[i] = x->value[4 * i] > 0;
  if (step == 2) points->calls_at_third = heap_calls;
  points->calls_at_last = heap_calls;
  if (step + 1 == points->signal_at) raise(SIGINT);
  if (step + 1 == points->bad_at) points->layer.bias->value[0] = (real)NAN;
  if (step + 1 == points->steep_at) points->layer.bias->grad[0] = (real)INFINITY;
  Tensor *y = linear(tape, dropout(tape, x, 0.1), points->layer.weight,
                     points->layer.bias);
  Tensor *loss = cross_entropy(tape, y, labels, 0, &correct);
  *metric = correct / 8.0;
  return loss;
}

static bool points_evaluate(Tape *tape, void *state, double *loss, double *metric) {
  ck_assert(!tape->training && !tape->recording);
  *loss = points_loss(tape, state, 1000, 0, 8, metric)->value[0];
  return true;
}

static bool wants_to_stop(void *watcher, const TrainerStep *step) {
  (void)watcher, (void)step;
  return interrupt_wanted();
}

static TrainerConfig config_of(const char *folder) {
  return (TrainerConfig){.folder = folder, .steps = 40, .per_epoch = 15, .batch = 8,
                         .seed = 3, .lr = 0.05, .decay = 0.01, .beta2 = 0.99,
                         .clip = 1, .warmup = 4, .stepped = wants_to_stop};
}

static TrainerResult train(Points *points, const TrainerConfig *config) {
  Task task = {.state = points, .metric = "accuracy", .loss = points_loss,
               .evaluate = points_evaluate};
  TrainerConfig c = *config;
  Metadata metadata = {0};
  options_metadata(&program, &metadata);
  c.metadata = &metadata;
  interrupt_watch();
  TrainerResult result = trainer_run(&c, &task, points->params);
  interrupt_release();
  metadata_free(&metadata);
  return result;
}

static void same_files(const char *a, const char *b, const char *name) {
  size_t n, m;
  char *x = read_file(scratch_path(a, name), &n);
  char *y = read_file(scratch_path(b, name), &m);
  ck_assert_msg(n == m && memcmp(x, y, n) == 0, "%s differs", name);
  free(x), free(y);
}

// Resuming is exact
static char whole[256], parts[256];

static void undisturbed(void) {
  snprintf(whole, sizeof whole, "%s", scratch_folder("whole"));
  Points points = points_new();
  TrainerConfig config = config_of(whole);
  ck_assert_int_eq(train(&points, &config).end, TRAINER_DONE);
  params_free(points.params);
}

/* Train to `first`, stop, forget everything, go on from the folder. */
static void in_two_parts(int first, bool by_signal) {
  snprintf(parts, sizeof parts, "%s", scratch_folder("parts"));
  TrainerConfig config = config_of(parts);
  Points points = points_new();
  if (by_signal) points.signal_at = first;
  else config.stop_at = first;
  ck_assert_int_eq(train(&points, &config).end, TRAINER_STOPPED);
  params_free(points.params);
  points = points_new();
  config.stop_at = 0;
  config.resume = true;
  ck_assert_int_eq(train(&points, &config).end, TRAINER_DONE);
  params_free(points.params);
}

static void compare_runs(void) {
  const char *names[] = {"log.tsv", "eval.tsv", "gradients.tsv"};
  for (int i = 0; i < 3; i++) same_files(whole, parts, names[i]);
  Points a = points_new(), b = points_new();
  Optimizer x = optimizer_new(OPTIMIZER_ADAMW, a.params, 0.99, 0),
  y = optimizer_new(OPTIMIZER_ADAMW, b.params, 0.99, 0);
  Progress p, q;
  ck_assert(checkpoint_load(whole, &x, &p) && checkpoint_load(parts, &y, &q));
  size_t bytes = a.params->size * sizeof(real);
  ck_assert_int_eq(p.step, 40);
  ck_assert_int_eq(q.step, 40);
  ck_assert_mem_eq(a.params->value, b.params->value, bytes);
  ck_assert_mem_eq(x.m, y.m, bytes);
  ck_assert_mem_eq(x.v, y.v, bytes);
  optimizer_free(&x), optimizer_free(&y), params_free(a.params);
  params_free(b.params);
}

START_TEST(resuming_gives_the_same_bits) {
  const int stops[] = {1, 14, 15, 20, 39};
  undisturbed();
  for (int i = 0; i < 5; i++) {
    in_two_parts(stops[i], false);
    compare_runs();
  }
}
END_TEST

START_TEST(a_signal_stops_and_saves) {
  undisturbed();
  in_two_parts(23, true);
  compare_runs();
}
END_TEST

START_TEST(rows_beyond_the_checkpoint_go) {
  undisturbed();
  in_two_parts(20, false);
  /* as after a crash: the checkpoint of step 40, rows of steps not saved */
  FILE *log = fopen(scratch_path(parts, "log.tsv"), "a");
  fprintf(log, "41\t3\t0.1\t0\t0\t0\n42\t3\t0.");
  fclose(log);
  Points points = points_new();
  TrainerConfig config = config_of(parts);
  config.resume = true;
  ck_assert_int_eq(train(&points, &config).end, TRAINER_DONE);
  compare_runs();
  params_free(points.params);
}
END_TEST

// What may happen to a run
/* One step of a small vit, as trainer.c takes it, without its files. */
static void bare_step(Tape *tape, const Vit *vit, Optimizer *adamw, int step) {
  const int labels[] = {1, 0, 2, 1};
  tape_reset(tape, random_subkey(random_key(1, "s"), (uint64_t)step));
  tape->training = true;
  params_clear_grad(adamw->params);
  Tensor *images = tape_tensor(tape, "images", SHAPE(4, 3, 8, 8));
  for (int i = 0; i < 4 * 192; i++) images->value[i] = (real)sin(i + step);
  Tensor *logits = vit_forward(tape, vit, images);
  tape_backward(tape, cross_entropy(tape, logits, labels, 0.1, NULL));
  clip_gradients(adamw->params, 1);
  adamw_update(adamw, 0.01);
}

START_TEST(no_heap_after_the_first_step) {
  VitConfig config = {.image_size = 8, .channels = 3, .patch_size = 4, .width = 16,
                      .depth = 2, .heads = 2, .mlp = 64, .classes = 3,
                      .position = POSITION_LEARNED, .eps = 1e-6, .dropout = 0.1,
                      .drop_path = 0.1};
  Params *params = params_new();
  Vit vit = vit_declare(params, "", config);
  params_fill(params, 1);
  Tape *tape = tape_new();
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, params, 0.99, 0.01);
  ck_assert(!COUNTS_HEAP || heap_calls > 0); /* counting works */
  bare_step(tape, &vit, &adamw, 0);
  long first = heap_calls;
  for (int step = 1; step < 20; step++) bare_step(tape, &vit, &adamw, step);
  ck_assert_int_eq(heap_calls, first);
  tape_free(tape), optimizer_free(&adamw), params_free(params);
}
END_TEST

START_TEST(the_trainer_itself_needs_no_heap) {
  omp_set_num_threads(1); /* a new team of threads would be new memory */
  Points points = points_new();
  TrainerConfig config = config_of(scratch_folder("heap"));
  config.per_epoch = config.steps; /* no evaluation, no checkpoint in between */
  Task task = {.state = &points, .metric = "accuracy", .loss = points_loss,
               .evaluate = points_evaluate};
  config.stop_at = 30;
  trainer_run(&config, &task, points.params);
  ck_assert_int_eq(points.calls_at_last, points.calls_at_third);
  ck_assert(!COUNTS_HEAP || points.calls_at_third > 0);
  params_free(points.params);
}
END_TEST

START_TEST(options_cannot_change_midway) {
  in_two_parts(20, false);
  option_seed = 77;
  ck_assert(options_resume(parts, &program));
  ck_assert_int_eq(option_seed, 3);
  options[1].given = true; /* transient: may change */
  ck_assert(options_resume(parts, &program));
  options[0].given = true;
  ck_assert(!options_resume(parts, &program));
  ck_assert_str_eq(fail_message(), "--seed: cannot be changed when a run is resumed");
  options[0].given = false;
}
END_TEST

START_TEST(damaged_checkpoints_are_refused) {
  in_two_parts(20, false);
  size_t count;
  char path[600], copy[600];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", parts);
  snprintf(copy, sizeof copy, "%s/model.safetensors", parts);
  char *bytes = read_file(path, &count), *weights = read_file(copy, NULL);
  Points points = points_new();
  real before = points.params->value[0];
  TrainerConfig config = config_of(parts);
  config.resume = true;
  write_file(path, bytes, count - 4);
  ck_assert_int_eq(train(&points, &config).end, TRAINER_FAILED);
  ck_assert(strstr(fail_message(), "checkpoint.safetensors: tensor"));
  ck_assert(points.params->value[0] == before);
  // Take the weights alone
  Safetensors *file = safetensors_read(copy);
  ck_assert(file && parameters_match(file, points.params));
  ck_assert(points.params->value[0] == before);
  parameters_load(file, points.params);
  ck_assert(points.params->value[0] != before);
  safetensors_free(file);
  // Refuse a truncated file, and a checkpoint that is gone
  write_file(path, weights, 8);
  ck_assert_int_eq(train(&points, &config).end, TRAINER_FAILED);
  remove(path);
  ck_assert_int_eq(train(&points, &config).end, TRAINER_FAILED);
  ck_assert(strstr(fail_message(), "checkpoint.safetensors: cannot open"));
  free(bytes), free(weights), params_free(points.params);
}
END_TEST

START_TEST(what_is_not_finite_stops_the_run) {
  static const char *const want[] = {
      "step 20: expected a finite loss and gradient, found NaN or infinity, first in the "
      "value of head.bias[3], number 0, in linear",
      "step 30: expected a finite loss and gradient, found NaN or infinity, first in the "
      "gradient of head.bias[3], number 0, in linear"};
  for (int kind = 0; kind < 2; kind++) {
    const char *folder = scratch_folder("nan");
    Points points = points_new();
    TrainerConfig config = config_of(folder);
    if (kind == 0) points.bad_at = 20;
    else points.steep_at = 30; /* an infinite gradient at the end of an epoch */
    ck_assert_int_eq(train(&points, &config).end, TRAINER_FAILED);
    ck_assert_msg(strstr(fail_message(), want[kind]) != NULL, "%s", fail_message());
    Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, points.params, 0.99, 0);
    Progress progress;
    ck_assert(checkpoint_load(folder, &adamw, &progress));
    ck_assert_int_eq(progress.step, 15); /* the epoch before */
    ck_assert(isfinite(points.params->value[0]));
    optimizer_free(&adamw), params_free(points.params);
  }
}
END_TEST

// The loop written out
START_TEST(a_run_is_the_loop_of_the_book) {
  char folder[256];
  snprintf(folder, sizeof folder, "%s", scratch_folder("loop"));
  TrainerConfig c = config_of(folder);
  c.decay = 0.1, c.clip = 0.3;
  Points trained = points_new(), points = points_new();
  ck_assert_int_eq(train(&trained, &c).end, TRAINER_DONE);
  Tape *tape = tape_new();
  tape->training = true;
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, points.params, c.beta2, c.decay);
  FILE *log = fopen(scratch_path(folder, "log.tsv"), "r");
  char row[256];
  ck_assert(fgets(row, sizeof row, log) != NULL); /* the header */
  // Take each step by hand and compare its row
  for (int step = 1; step <= c.steps; step++) {
    double metric, lr = schedule_rate(step, c.steps, c.warmup, c.lr, 0);
    RandomKey key = random_subkey(random_key(3, "step"), (uint64_t)step);
    tape_reset(tape, random_subkey(key, 0)); /* of the micro_batch that begins at 0 */
    params_clear_grad(points.params);
    Tensor *loss = points_loss(tape, &points, step - 1, 0, 8, &metric);
    tape_backward(tape, loss);
    double norm = clip_gradients(points.params, c.clip);
    adamw_update(&adamw, lr);
    char want[256];
    snprintf(want, sizeof want, "%d\t%d\t%.6f\t%.6g\t%.6g\t%.6f\n", step,
             step <= 15 ? 1 : step <= 30 ? 2 : 3, (double)loss->value[0], lr, norm, metric);
    ck_assert(fgets(row, sizeof row, log) != NULL);
    ck_assert_str_eq(row, want);
  }
  fclose(log);
  ck_assert_mem_eq(points.params->value, trained.params->value,
                   points.params->size * sizeof(real));
  // Look for the gradients that were noted
  char *gradients = read_file(scratch_path(folder, "gradients.tsv"), NULL);
  ck_assert(strstr(gradients, "\n2\thead.bias\t"));
  ck_assert(strstr(gradients, "\n40\thead.bias\t"));
  ck_assert(!strstr(gradients, "\n3\t"));
  free(gradients);
  optimizer_free(&adamw), tape_free(tape), params_free(points.params);
  params_free(trained.params);
}
END_TEST

START_TEST(checkpoints_hold_what_they_say) {
  char folder[256];
  snprintf(folder, sizeof folder, "%s", scratch_folder("holds"));
  Points points = points_new();
  TrainerConfig c = config_of(folder);
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, points.params, 0.99, 0);
  Metadata metadata = {0};
  Progress progress;
  options_metadata(&program, &metadata);
  ck_assert(checkpoint_save(folder, &adamw, (Progress){20, 1000}, &metadata));
  metadata_free(&metadata);
  // See what the model's file holds
  Safetensors *file = safetensors_read(scratch_path(folder, "model.safetensors"));
  ck_assert_int_eq(safetensors_count(file), 2); /* no moments */
  ck_assert(safetensors_metadata(file, "option.threads") == NULL); /* transient */
  ck_assert_str_eq(safetensors_metadata(file, "option.seed"), "3");
  safetensors_free(file);
  c.resume = true;
  TrainerResult result = train(&points, &c);
  ck_assert_int_eq(result.end, TRAINER_DONE);
  ck_assert(result.seconds >= 1000); /* goes on counting */
  // Put the model in place of the checkpoint
  /* the model in place of the checkpoint: no moments */
  size_t count;
  char *bytes = read_file(scratch_path(folder, "model.safetensors"), &count);
  write_file(scratch_path(folder, "checkpoint.safetensors"), bytes, count);
  ck_assert_int_eq(train(&points, &c).end, TRAINER_FAILED);
  ck_assert(strstr(fail_message(), "expected a tensor adamw.m.head.weight, found none"));
  free(bytes);
  ck_assert(checkpoint_save(folder, &adamw, (Progress){-1, 0}, NULL));
  ck_assert(!checkpoint_load(folder, &adamw, &progress));
  optimizer_free(&adamw), params_free(points.params);
}
END_TEST

// What is rounded in a run
/* How many of 12 weights are bfloat16 numbers at the end of a run; its last test loss. */
static int rounded_weights(Precision precision, double *loss) {
  Points points = points_new();
  TrainerConfig config = config_of(scratch_folder("precision"));
  config.precision = precision;
  const TrainerResult result = train(&points, &config);
  const real *weight = points.layer.weight->value;
  int count = 0;
  ck_assert_int_eq(result.end, TRAINER_DONE);
  for (int i = 0; i < 12; i++) count += bf16(weight[i]) == weight[i];
  *loss = result.loss;
  params_free(points.params);
  return count;
}

START_TEST(a_run_rounds_what_it_says) {
  double loss[3];
  ck_assert_int_lt(rounded_weights(PRECISION_FP32, &loss[0]), 3);
  ck_assert_int_lt(rounded_weights(PRECISION_BF16, &loss[1]), 3);
  ck_assert_int_eq(rounded_weights(PRECISION_PURE_BF16, &loss[2]), 12);
  for (int i = 1; i < 3; i++) {
    ck_assert_double_ne(loss[0], loss[i]);
    ck_assert_double_lt(fabs(loss[i] - loss[0]), 0.05);
  }
}
END_TEST

TEST_MAIN("trainer", a_run_is_the_loop_of_the_book, checkpoints_hold_what_they_say,
          resuming_gives_the_same_bits, rows_beyond_the_checkpoint_go,
          a_signal_stops_and_saves, no_heap_after_the_first_step,
          the_trainer_itself_needs_no_heap,
          options_cannot_change_midway, damaged_checkpoints_are_refused,
          what_is_not_finite_stops_the_run, a_run_rounds_what_it_says)
