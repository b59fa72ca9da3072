/* Tangled from chapters/06-training.nw: edit that, not this. */
#ifndef SETTINGS_H
#define SETTINGS_H
#include <stdio.h>

#include "app/options.h"
#include "data/dataset.h"
#include "train/trainer.h"

/* What every training program lets its user choose. */
typedef struct Settings {
  int epochs, steps, batch, warmup, seed, shards, micro_batch, threads, stop_at;
  int optimizer; /* 1: LAMB */
  double lr, decay, beta2, clip;
  const char *out, *resume, *data_dir;
  const char *called; /* the program, as it was called */
} Settings;

#define SETTINGS_DEFAULTS                                                   \
  .batch = 64, .warmup = -1, .seed = 1, .shards = 4, .lr = 1e-3,             \
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
                "whose steps; lamb: Chapter 11"),                           \
  NUMBER_OPTION("beta2", S.beta2, 0, 0.999999,                              \
                "memory of AdamW's second mean"),                           \
  NUMBER_OPTION("clip", S.clip, 0, 1e9, "longest gradient; 0: any"),        \
  INT_OPTION("seed", S.seed, 0, 1e9, "seed of all random numbers"),         \
  INT_OPTION("shards", S.shards, 1, 64,                                       \
             "parts of a batch processed side by side"),                   \
  PATH_OPTION("data-dir", S.data_dir, "folder with the data sets"),        \
  PATH_OPTION("out", S.out, "folder of the run; default in build/try/"),   \
  PATH_OPTION("resume", S.resume, "go on with the run in this folder"),    \
  {.name = "threads", .kind = OPTION_INT, .value = &S.threads, .low = 0,    \
   .high = 1024, .help = "threads; 0: one per core", .transient = true},    \
  {.name = "stop-at", .kind = OPTION_INT, .value = &S.stop_at, .low = 0,    \
   .high = 1e9, .help = "stop after this step as if by Ctrl-C; 0: never",   \
   .transient = true}

/* Read the command line, and with --resume the run's own options. Returns -1, or
   the status to exit with, the user having been told why. */
int settings_start(Settings *s, Program *program, int argc, char **argv);

/* The run's folder, unless one was named. */
void settings_folder(Settings *s, const char *name);

/* Plan the run: steps, warm-up, shards; `passes` if no number of them was given,
   `micro_batch` examples of a shard at once. False with a message that names the
   option to blame. */
bool settings_plan(const Settings *s, int examples, int passes, int micro_batch,
                   TrainerConfig *config);

/* Note mean and standard deviation of the channels for those who use the model later. */
void settings_channel_metadata(Metadata *notes, const Dataset *data);

/* After training: 0 if the run is complete, else the status to exit with, the
   user having been told why and how to go on. */
int settings_finish(const Settings *s, const Program *program, TrainerResult result);

/* Begin OUT/summary.tsv, whose path is put together in path[1024], with the lines
   that all runs have; NULL with a message. End with file_commit. */
FILE *settings_summary(const Settings *s, const Program *program,
                       const TrainerConfig *config, TrainerResult result,
                       const Params *params, char *path);
#endif
