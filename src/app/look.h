/* Tangled from chapters/68-library.nw: edit that, not this. */
#pragma once
#include "app/options.h"
#include "eval/embed_files.h"

/* What programs that look at picture files have in common: options, progress and the
   pictures per second. */
typedef struct Look {
  int batch, image_size;
  const char *tokenizer;
  bool progress;
} Look;

#define LOOK_OPTIONS(LOOK)                                                             \
  INT_OPTION("batch", (LOOK).batch, 1, 1024, "pictures to encode at a time"),          \
      INT_OPTION("image-size", (LOOK).image_size, 0, 4096,                             \
                 "pictures of so many pixels a side, positions resized; 0: as trained"), \
      {.name = "progress", .kind = OPTION_FLAG, .value = &(LOOK).progress,             \
       .help = "say how far it is and how fast, even if nobody watches"}
#define TOKENIZER_OPTION(LOOK)                                                         \
  PATH_OPTION("tokenizer", (LOOK).tokenizer,                                           \
              "merges or spiece.model, instead of what lies beside the model")

/* As embed_files, with a line on standard error in the end, and before it how far it is
   if standard output goes elsewhere. */
bool look_at(const Look *look, const char *program, const Encoders *e,
             char *const *paths, int count, TakeVectors *take, void *state);
