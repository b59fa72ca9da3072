/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include "io/safetensors.h"
#include "tensor/params.h"
#include "train/optimizer.h"

/* Where a run stands, besides its parameters. */
typedef struct Progress {
  int step;       /* steps done */
  double seconds; /* spent in steps, and in evaluations and checkpoints between them */
} Progress;

/* Write FOLDER/checkpoint.safetensors (parameters, "adamw.m." and "adamw.v." NAME;
   metadata: step and seconds, and what is given, which may be NULL) and then
   FOLDER/model.safetensors (parameters only, same metadata). */
bool checkpoint_save(const char *folder, const Optimizer *optimizer, Progress progress,
                     const Metadata *metadata);

/* Open FOLDER/checkpoint.safetensors to look at its metadata; NULL with a message. */
Safetensors *checkpoint_open(const char *folder);

/* Load parameters, moments and progress. Everything is checked first. */
bool checkpoint_load(const char *folder, Optimizer *optimizer, Progress *progress);

/* Parameters alone from an open file, all or nothing: has it all of them, in these
   shapes? False with a message. If so, take their values. */
bool parameters_match(const Safetensors *file, const Params *params);
void parameters_load(const Safetensors *file, Params *params);
