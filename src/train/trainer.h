/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"
#include "tensor/tape.h"
#include "train/checkpoint.h"
#include "train/data_parallel.h"

/* Where a run stands after a step. */
typedef struct TrainerStep {
  int step, steps;
  double loss, images_per_second, seconds_left;
  bool evaluates; /* an evaluation comes next */
} TrainerStep;

/* What the factors of products are rounded to; pure: weights too, after each step. */
typedef enum { PRECISION_FP32, PRECISION_BF16, PRECISION_PURE_BF16 } Precision;

typedef struct TrainerConfig {
  const char *folder;  /* of the run, which exists */
  int steps, per_epoch, batch, seed;
  int shards, micro_batch;  /* of a batch; 0: one shard, the whole batch at once */
  double lr, decay, beta2, clip;
  OptimizerKind optimizer;
  bool split; /* its moments: of each parameter in one process only (Chapter 16) */
  Precision precision;
  int warmup;  /* steps */
  int stop_at; /* stop after this step as if interrupted; 0: never */
  int every;   /* evaluate and save after so many steps; 0: after each epoch */
  bool resume;
  const Metadata *metadata; /* written into the checkpoints; may be NULL */
  /* Called after each step, before it is evaluated and saved; returns true to stop the
     run after that. May be NULL. */
  bool (*stepped)(void *watcher, const TrainerStep *step);
  void *watcher;
} TrainerConfig;

/* What is trained. `metric` names what the functions report besides the loss,
   such as accuracy. evaluate runs on a tape that does not record; it and evaluated
   return false with a message if they cannot do their work, which ends the run. The
   loss is either the mean over examples (loss) or one in which they meet (joint). */
typedef struct Task {
  void *state;
  const char *metric;
  void (*begin)(void *state, int step); /* before the losses of a step, or NULL */
  LossFunction *loss;
  bool (*evaluate)(Tape *tape, void *state, double *loss, double *metric);
  bool (*evaluated)(void *state, int step); /* pictures to write then, or NULL */
  const Joint *joint;        /* instead of loss, or NULL */
  void (*after)(void *state); /* after the optimiser's step, or NULL */
  int extras;                /* further columns of log.tsv, at most 4: */
  const char *extra_names;   /* between tabs */
  /* Called when gradients are there, with the square of each parameter's norm. */
  void (*note)(void *state, const double *squares, double *extras);
} Task;

/* How a run ended, and its last evaluation. */
typedef struct TrainerResult {
  enum { TRAINER_DONE, TRAINER_STOPPED, TRAINER_FAILED } end;
  double loss, metric, seconds;
} TrainerResult;

/* Train, from the start or (resume) from the folder's checkpoint. Writes
   log.tsv (step, epoch, loss, lr, gradient_norm, metric), eval.tsv (step,
   epoch, loss, metric), gradients.tsv (step, parameter, norm: first two steps
   and last) and checkpoints at the start, after each epoch, and when it is asked
   to stop. FAILED leaves a message. */
TrainerResult trainer_run(const TrainerConfig *config, const Task *task, Params *params);
