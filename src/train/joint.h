/* Tangled from chapters/09-clip.nw: edit that, not this. */
#ifndef JOINT_H
#define JOINT_H
#include "train/data_parallel.h"

enum { JOINT_KINDS = 2 }; /* kinds of vectors: of images, of texts */

/* A loss over vectors of all examples of a batch. `forward` makes the vectors
   out[k][count][...] of examples first .. first + count - 1 of a step; several
   threads call it at once, each with a tape of its own. `loss` gets all of them,
   all[k][batch][...], and makes one number, and a metric worth knowing. */
typedef struct Joint {
  void (*forward)(Tape *tape, void *state, int step, int first, int count,
                  Tensor *out[JOINT_KINDS]);
  Tensor *(*loss)(Tape *tape, void *state, Tensor *all[JOINT_KINDS], double *metric);
} Joint;

/* As shards_gradient, for such a loss. Micro-batches are not used: a shard keeps all of
   its examples until the gradients of their vectors are known. */
double joint_gradient(Shards *shards, const Joint *joint, void *state, int step,
                      int batch, RandomKey key, double *metric);
#endif
