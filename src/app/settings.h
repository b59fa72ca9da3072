/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include "app/options.h"
#include "train/trainer.h"

/* What every training program lets its user choose. */
typedef struct Settings {
  int epochs, steps, batch, warmup, seed, shards, micro_batch, threads, stop_at;
  int optimizer; /* an OptimizerKind */
  int split; /* its moments */
  int precision; /* a Precision */
  double lr, decay, beta2, clip;
  const char *out, *resume, *data_dir;
  bool overwrite;
} Settings;

#define SETTINGS_DEFAULTS                                                   \
  .batch = 64, .warmup = -1, .seed = 1, .shards = 4, .lr = 1e-3,            \
  .decay = 0.05, .beta2 = 0.999, .clip = 1, .data_dir = "data"

#define SETTINGS_OPTIONS(S)                                                 \
  INT_OPTION("epochs", S.epochs, 0, 100000,                                 \
             "passes over the data; 0: what suits it"),                     \
  INT_OPTION("steps", S.steps, 0, 1e9,                                      \
             "stop the schedule after so many steps instead"),              \
  INT_OPTION("batch", S.batch, 1, 65536, "examples in a step"),             \
  NUMBER_OPTION("lr", S.lr, 0, 100, "highest learning rate"),               \
  INT_OPTION("warmup", S.warmup, -1, 1e9,                                   \
             "steps of warm-up; -1: half an epoch"),                        \
  NUMBER_OPTION("weight-decay", S.decay, 0, 10, "weight decay"),            \
  CHOICE_OPTION("optimizer", S.optimizer, "adamw|lamb",                     \
                "whose steps; lamb: for large batches"),                    \
  CHOICE_OPTION("precision", S.precision, "fp32|bf16|pure-bf16",            \
                "of products; pure-bf16: of weights too"),                  \
  NUMBER_OPTION("beta2", S.beta2, 0, 0.999999,                              \
                "decay rate of AdamW's second moment"),                     \
  NUMBER_OPTION("clip", S.clip, 0, 1e9, "largest gradient norm; 0: any"),   \
  INT_OPTION("seed", S.seed, 0, 1e9, "seed of all random numbers"),         \
  INT_OPTION("shards", S.shards, 1, 64,                                     \
             "parts of a batch processed side by side"),                    \
  PATH_OPTION("data-dir", S.data_dir, "folder with the data sets"),         \
  PATH_OPTION("out", S.out, "folder of the run; default in build/try/"),    \
  PATH_OPTION("resume", S.resume, "go on with the run in this folder"),     \
  {.name = "optimizer-states", .kind = OPTION_CHOICE, .value = &S.split,    \
   .choices = "whole|split", .help = "of several processes: each has all "  \
   "moments, or a part of them", .transient = true},                        \
  {.name = "overwrite", .kind = OPTION_FLAG, .value = &S.overwrite,         \
   .help = "replace the run that is in the folder", .transient = true},     \
  {.name = "threads", .kind = OPTION_INT, .value = &S.threads, .low = 0,    \
   .high = 1024, .help = "threads; 0: one per core", .transient = true},    \
  {.name = "stop-at", .kind = OPTION_INT, .value = &S.stop_at, .low = 0,    \
   .high = 1e9, .help = "stop after this step as if by Ctrl-C; 0: never",   \
   .transient = true}

/* Add all options that are not transient to a run's metadata, as option.NAME. */
void options_metadata(const Program *program, Metadata *metadata);

/* Set the program's options to those of the run in the folder. One that was given and
   is not transient is an error: a run keeps its options. */
bool options_resume(const char *folder, Program *program);

/* Plan the run: steps, warm-up, shards; `passes` over the examples unless the settings
   have epochs or steps, `micro_batch` examples of a shard at once unless they have
   that. False with a message that names the option to blame. */
bool settings_plan(const Settings *s, int examples, int passes, int micro_batch,
                   TrainerConfig *config);
