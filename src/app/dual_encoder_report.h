/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include <stdio.h>

#include "data/captioned.h"
#include "models/model_io.h"
#include "tasks/contrastive.h"
#include "train/trainer.h"

/* All that a training of two encoders has. */
typedef struct DualRun {
  CaptionedSet set;
  Pairs train, test;
  Pairs seen, held_out; /* scenes of one figure, for zero-shot; others: empty */
  Tokenizer *tokenizer;
  LoadedVit encoder; /* of --image-encoder, or empty */
  Params *params;
  Contrastive contrastive;
} DualRun;

enum { DUAL_LEAST = 200, /* test pictures that the reports need */
       DUAL_PROMPTS = 5 }; /* sentences for the name of a class of scenes */

/* Write FOLDER/NAME: the cosines of some test pictures and texts. */
bool dual_similarity(const DualRun *run, const char *folder, const char *name);

/* Write accuracy on single figures, whose classes are named in the first `templates`
   sentences, as lines NAME_seen, NAME_seen_of_all, NAME_held_out ... TAB share. */
void dual_zeroshot(FILE *file, const DualRun *run, int templates, const char *name);

/* Fill in the two sets of single figures, normalized as the training pictures. */
void dual_single_figures(DualRun *run, int count, uint64_t seed);

/* Write the lines of a summary that say what the model can do, and FOLDER/plane.tsv,
   batches.tsv, answers.tsv, answer-0.png ..., pulls.tsv for figures. False with a
   message. */
bool dual_report(FILE *summary, const DualRun *run, const char *folder,
                 TrainerResult result);
