/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include <stdio.h>

#include "app/settings.h"
#include "data/pairs.h"

/* What a program has got ready when its data are open and its model is declared. */
typedef struct Plan {
  const char *folder; /* given: of the run; not to be touched yet */
  Params *params;     /* given, empty: the model is declared in it, and filled */
  int examples, passes; /* training examples; passes over them unless told otherwise */
  int micro_batch;    /* examples of a shard at once; 0: all */
  int every;          /* evaluate after so many steps; 0: after each epoch; */
  int evaluations;    /* or, if not 0, so many times in all */
  const Dataset *train, *test;
  const Pairs *train_pairs, *test_pairs; /* these with their captions, or NULL */
  uint32_t texts;     /* check sum of what else belongs to the data; 0: nothing */
  Metadata metadata;  /* what others need to know of the model */
  Task task;
  char data[128];     /* not given: the fingerprint of the data */
} Plan;

enum { RESULT_LENGTH = 160 };

typedef struct Experiment {
  Program program;
  Settings *settings;
  void *state;
  /* Open the data, declare and fill the model. Touches no file of a run. False with
     a message, as all that follow; one that begins with "--" blames an option. */
  bool (*prepare)(void *state, Plan *plan);
  /* Write what stands in the folder before training; not called when a run is
     resumed. NULL: nothing. */
  bool (*begin)(void *state, const char *folder);
  /* The run is complete: write its pictures, add the lines of its own to the summary,
     and say the result in a few words, result[RESULT_LENGTH]. */
  bool (*report)(void *state, const char *folder, FILE *summary, TrainerResult end,
                 char *result);
  void (*end)(void *state); /* give everything back, whatever happened */
} Experiment;

/* The whole of a training program; returns its exit status. */
int experiment_run(Experiment *experiment, int argc, char **argv);
