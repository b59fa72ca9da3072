/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/trainer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "kernels/bf16.h"
#include "train/log.h"
#include "train/optimizer.h"
#include "train/world.h"

typedef struct Trainer {
  const TrainerConfig *config;
  const Task *task;
  Params *params;
  Optimizer optimizer;
  Shards *shards;
  Tape *tape; /* for evaluation */
  LogFile log, eval, gradients;
  Progress progress;
  double *squares; /* of the gradients' norms */
} Trainer;

// Open the logs
static bool open_logs(Trainer *t) {
  char log[320], eval[160];
  const char *folder = t->config->folder;
  int keep = t->progress.step;
  if (world_rank() > 0) return true; /* the first process writes */
  snprintf(log, sizeof log, "step\tepoch\tloss\tlr\tgradient_norm\t%s%s%s",
           t->task->metric, t->task->extras ? "\t" : "",
           t->task->extras ? t->task->extra_names : "");
  snprintf(eval, sizeof eval, "step\tepoch\tloss\t%s", t->task->metric);
  return log_open(&t->log, folder, "log.tsv", log, keep) &&
         log_open(&t->eval, folder, "eval.tsv", eval, keep) &&
         log_open(&t->gradients, folder, "gradients.tsv", "step\tparameter\tnorm", keep);
}

static bool all_finite(const Trainer *t, const Optimizer *whole) {
  static const char *const whose[] = {"", "the first mean of ", "the second mean of "};
  const real *arrays[] = {t->params->value, whole->m, whole->v};
  assert(whole->m && whole->v);
  for (int i = 0; i < t->params->count; i++) {
    const Parameter *p = &t->params->list[i];
    for (int k = 0; k < 3; k++)
      for (size_t n = 0; n < tensor_size(p->tensor); n++)
        if (!isfinite(arrays[k][p->offset + n]))
          return fail("step %d: expected finite numbers in %s%s, found %g; the "
                      "checkpoint before it is kept", t->progress.step, whose[k],
                      p->tensor->name, (double)arrays[k][p->offset + n]);
  }
  return true;
}

// Collect the moments
/* The optimiser with all moments, for process 0; to be freed. */
static Optimizer collect_moments(const Trainer *t) {
  Optimizer whole = t->optimizer;
  const bool mine = world_rank() == 0;
  real **own[] = {&whole.m, &whole.v};
  for (int k = 0; k < 2; k++) {
    const real *part = *own[k];
    *own[k] = mine ? allocate(t->params->size, sizeof(real)) : NULL;
    world_collect(part, *own[k], sizeof(real), t->shards->deal.begin);
  }
  whole.first = 0, whole.last = t->params->count, whole.base = 0;
  return whole;
}

static bool save(Trainer *t) {
  Optimizer whole = t->optimizer;
  if (t->config->split) whole = collect_moments(t);
  const bool good =
      world_rank() > 0 ||
      (all_finite(t, &whole) && log_flush(&t->log) && log_flush(&t->eval) &&
       log_flush(&t->gradients) &&
       checkpoint_save(t->config->folder, &whole, t->progress, t->config->metadata));
  if (t->config->split) optimizer_free(&whole);
  return good;
}

// Take one step
static void log_gradients(Trainer *t, int step) {
  for (int i = 0; i < t->params->count; i++)
    log_row(&t->gradients, "%d\t%s\t%.6g\n", step, t->params->list[i].tensor->name,
            sqrt(t->squares[i]));
}

/* The norm of all gradients; t->squares[] are the squares of each one's. */
static double measure_gradients(Trainer *t) {
  const Optimizer *o = &t->optimizer; /* has the parameters whose gradients are here */
  double sum = 0;
  gradient_squares(t->params, o->first, o->last, t->squares);
  if (t->config->split)
    world_gather(t->squares, sizeof *t->squares, t->shards->deal.first);
  for (int i = 0; i < t->params->count; i++) sum += t->squares[i];
  return sqrt(sum);
}

static double make_gradient(Trainer *t, int step, double *metric) {
  const Task *task = t->task;
  RandomKey key = random_subkey(random_key((uint64_t)t->config->seed, "step"),
                                (uint64_t)step);
  if (task->joint)
    return joint_gradient(t->shards, task->joint, task->state, step - 1,
                          t->config->batch, key, metric);
  return shards_gradient(t->shards, task->loss, task->state, step - 1, t->config->batch,
                         key, metric);
}

static void log_step(Trainer *t, double loss, double lr, double norm, double metric,
                     const double *extra) {
  int step = t->progress.step;
  log_row(&t->log, "%d\t%d\t%.6f\t%.6g\t%.6g\t%.6f", step,
          (step - 1) / t->config->per_epoch + 1, loss, lr, norm, metric);
  for (int i = 0; i < t->task->extras; i++) log_row(&t->log, "\t%.6g", extra[i]);
  log_row(&t->log, "\n");
}

static double step_once(Trainer *t) {
  const TrainerConfig *c = t->config;
  int step = t->progress.step + 1;
  double metric, extra[4] = {0};
  assert(t->task->extras <= 4);
  if (t->task->begin) t->task->begin(t->task->state, step - 1);
  double loss = make_gradient(t, step, &metric), norm = measure_gradients(t);
  if (t->task->note) t->task->note(t->task->state, t->squares, extra);
  if (step <= 2 || step == c->steps) log_gradients(t, step);
  clip_gradients_of_norm(t->params, norm, c->clip);
  t->progress.step = step;
  if (!isfinite(loss) || !isfinite(norm)) return NAN;
  double lr = schedule_rate(step, c->steps, c->warmup, c->lr, 0);
  optimizer_update(&t->optimizer, lr);
  if (c->split) world_gather(t->params->value, sizeof(real), t->shards->deal.begin);
  // Round the weights
  for (int k = 0; k < t->params->count && c->precision == PRECISION_PURE_BF16; k++) {
    const Parameter *p = &t->params->list[k];
    for (size_t i = 0; i < tensor_size(p->tensor) && p->kind != PARAM_FIXED; i++)
      p->tensor->value[i] = bf16(p->tensor->value[i]);
  }
  if (t->task->after) t->task->after(t->task->state);
  log_step(t, loss, lr, norm, metric, extra);
  return loss;
}

// Evaluate
static bool evaluate(Trainer *t, TrainerResult *result) {
  const Task *task = t->task;
  if (world_rank() > 0) return true;
  tape_reset(t->tape, (RandomKey){0});
  if (!task->evaluate(t->tape, task->state, &result->loss, &result->metric) ||
      (task->evaluated && !task->evaluated(task->state, t->progress.step)))
    return false;
  log_row(&t->eval, "%d\t%d\t%.6f\t%.6f\n", t->progress.step,
          (t->progress.step - 1) / t->config->per_epoch + 1, result->loss,
          result->metric);
  return true;
}

// Run the steps
static void search_step(Trainer *t, char *first, size_t size) {
  Shards *shards = t->shards;
  const int n = shards->own;
  double metric;
  Watch *watch = allocate((size_t)n + 1, sizeof *watch);
  for (int i = 0; i < n; i++) shards->shard[i].tape->watch = &watch[i];
  shards->gathered->watch = &watch[n];
  make_gradient(t, t->progress.step, &metric);
  for (int gradients = 0; gradients < 2; gradients++)
    for (int i = 0; i <= n && !*first; i++)
      if (*watch[i].found && (gradients || !strncmp(watch[i].found, "the value", 9)))
        snprintf(first, size, "%s", watch[i].found);
  for (int i = 0; i < n; i++) shards->shard[i].tape->watch = NULL;
  shards->gathered->watch = NULL;
  free(watch);
  world_first_text(first, size);
}

static bool not_finite(Trainer *t, const char *what, const char *first) {
  return fail("step %d: expected a finite %s, found NaN or infinity%s%s; the checkpoint "
              "before it is kept", t->progress.step, what, *first ? ", first in " : "",
              first);
}

static bool step_not_finite(Trainer *t) {
  char first[200] = "";
  search_step(t, first, sizeof first);
  return not_finite(t, "loss and gradient", first);
}

static bool test_not_finite(Trainer *t) {
  Watch watch = {""};
  double loss, metric;
  t->tape->watch = &watch;
  tape_reset(t->tape, (RandomKey){0});
  bool good = t->task->evaluate(t->tape, t->task->state, &loss, &metric);
  t->tape->watch = NULL;
  return good && not_finite(t, "test loss", watch.found);
}

static bool run_steps(Trainer *t, TrainerResult *result) {
  const TrainerConfig *c = t->config;
  int first = t->progress.step;
  double start = stopwatch(), before = t->progress.seconds;
  while (t->progress.step < c->steps) {
    double loss = step_once(t);
    int step = t->progress.step;
    if (!isfinite(loss)) return step_not_finite(t);
    t->progress.seconds = before + stopwatch() - start;
    bool last = step == c->steps;
    bool epoch = step % (c->every ? c->every : c->per_epoch) == 0 || last;
    double rate = (double)(step - first) * c->batch / (stopwatch() - start);
    const TrainerStep where = {step, c->steps, loss, rate,
                               (c->steps - step) * c->batch / rate, epoch};
    bool wanted = world_any(c->stepped && c->stepped(c->watcher, &where));
    bool stop = (wanted || step == c->stop_at) && !last;
    // Evaluate, look, then save
    if (epoch && !evaluate(t, result)) return false;
    if (epoch && !isfinite(result->loss)) return test_not_finite(t);
    if ((epoch || stop) && !save(t)) return false;
    if (stop) {
      result->end = TRAINER_STOPPED;
      break;
    }
  }
  result->seconds = t->progress.seconds;
  return true;
}

// Prepare, run, clean up
TrainerResult trainer_run(const TrainerConfig *config, const Task *task, Params *params) {
  Trainer t = {.config = config, .task = task, .params = params,
               .shards = shards_new(params, config->shards ? config->shards : 1,
                                    config->micro_batch ? config->micro_batch
                                        : config->batch),
               .tape = tape_new(),
               .squares = allocate((size_t)params->count, sizeof(double))};
  const size_t *first = t.shards->deal.first + world_rank();
  t.optimizer = optimizer_new_part(config->optimizer, params, config->beta2,
                                   config->decay, config->split ? (int)first[0] : 0,
                                   config->split ? (int)first[1] : params->count);
  t.shards->scattered = config->split;
  if (config->precision != PRECISION_FP32) shards_use_bf16(t.shards, true);
  TrainerResult result = {.end = TRAINER_DONE};
  bool good = !config->resume ||
              checkpoint_load(config->folder, &t.optimizer, &t.progress);
  t.tape->recording = false;
  good = good && open_logs(&t) && (config->resume || save(&t));
  // Evaluate once more or run the steps
  if (good && t.progress.step >= config->steps) {
    good = save(&t) && /* the last time it may have failed between two files */
           (world_rank() > 0 ||
            task->evaluate(t.tape, task->state, &result.loss, &result.metric));
    result.seconds = t.progress.seconds;
  } else {
    good = good && run_steps(&t, &result);
  }
  if (!good) result.end = TRAINER_FAILED;
  // Close the logs and free the rest
  log_close(&t.log), log_close(&t.eval), log_close(&t.gradients);
  tape_free(t.tape), shards_free(t.shards), optimizer_free(&t.optimizer);
  free(t.squares);
  return result;
}
