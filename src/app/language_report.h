/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include <stdio.h>

#include "tasks/caption.h"

/* What the report of a language model is made of. */
typedef struct LanguageRun {
  Prompts test, held_out; /* held_out is empty but for scenes */
  Tokenizer *tokenizer;
  Caption task;
} LanguageRun;

/* Add the lines of its own to a run's summary, and write spoken.tsv and spoken-N.png,
   N from 0 to 7, into the folder. For scenes, SET "seen" and "held_out": SET_TYPE, the
   part of prompts of each type that are answered exactly; SET_questions, of all
   questions; SET_caption_one and _two, of captions of so many figures; single_SET, of
   captions of one figure those that name colour and kind; shuffled_questions, seen with
   wrong pictures. For emoji: test_names and train_names. False with a message. */
bool language_report(FILE *file, const LanguageRun *run, const Prompts *train,
                     const char *folder);
