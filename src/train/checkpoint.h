/* Tangled from chapters/06-training.nw: edit that, not this. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "app/options.h"
#include "io/safetensors.h"
#include "tensor/params.h"
#include "train/optimizer.h"

/* Where a run stands, besides its parameters. */
typedef struct Progress {
  int step;       /* steps done */
  double seconds; /* spent in steps, and in evaluations and checkpoints between them */
} Progress;

/* Notes about the data that others need to use the model: key and value. */
typedef struct Metadata {
  SafetensorsMetadata list[48];
  int count;
} Metadata;

void metadata_add(Metadata *notes, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Write FOLDER/checkpoint.safetensors (parameters, "adamw.m." and "adamw.v."
   NAME; notes: progress, data, and all options that are not transient) and then
   FOLDER/model.safetensors (parameters only, same notes). */
bool checkpoint_save(const char *folder, const Optimizer *optimizer, Progress progress,
                     const Metadata *data, const Program *program);

/* Set the program's options to those of the run in the folder. An option that
   was given and is not transient is an error: a run keeps its options. */
bool checkpoint_load_options(const char *folder, Program *program);

/* Load parameters, means and progress. Everything is checked first. */
bool checkpoint_load(const char *folder, Optimizer *optimizer, Progress *progress);

/* Parameters alone from an open file, all or nothing: has it all of them, in these
   shapes? False with a message. If so, take their values. */
bool parameters_match(const Safetensors *file, const Params *params);
void parameters_load(const Safetensors *file, Params *params);
#endif
