/* Tangled from chapters/68-library.nw: edit that, not this. */
#pragma once
#include "eval/encoders.h"

/* Seconds that went into reading and preparing pictures, and into encoding them. */
typedef struct EmbedTimes {
  double read, encode;
} EmbedTimes;

/* Vectors of picture files, `batch` at a time, which are given to `take` together with
   `state`: vectors[count][size] of paths[first] and those after it. False with a message
   that names the first file which is no picture; those of batches before it are taken. */
typedef void TakeVectors(void *state, int first, int count, const real *vectors);
bool embed_files(const Encoders *e, char *const *paths, int count, int batch,
                 EmbedTimes *times, TakeVectors *take, void *state);
