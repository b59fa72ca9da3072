/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"
#include "tensor/tape.h"

/* The mean loss of examples first .. first + count - 1 of the batch of a step;
   *metric becomes the mean of something worth knowing. Several threads call it
   at once, each with a tape of its own. */
typedef Tensor *LossFunction(Tape *tape, void *state, int step, int first, int count,
                             double *metric);

typedef struct Shard {
  Tape *tape;
  real *grad; /* laid out as params->grad; of the first shard: that itself */
  double loss, metric; /* its part of the means over the batch */
} Shard;

enum { MAX_SHARDS = 64 };

/* Whole parameters dealt out to all processes (train/world.h), as even as can be: those
   of process k are first[k] .. first[k + 1] - 1 of the table, and begin[k] is the offset
   of the first of them. [world_size() + 1]. */
typedef struct Deal {
  size_t *first, *begin;
} Deal;

/* A batch cut into shards as equal as can be, each processed by one thread, and
   these into micro-batches of which one at a time is on the shard's tape. */
typedef struct Shards {
  Params *params;
  int count, micro_batch;
  int first, own; /* shards first .. first + own - 1 are this process's: all */
  Shard *shard; /* [own] */
  Tape *gathered; /* for a loss in which all examples meet */
  Deal deal;      /* whose gradients each process sums, */
  bool scattered; /* and keeps: no other process needs them */
} Shards;

Deal deal_parameters(const Params *params);
void deal_free(Deal *deal);

/* One shard has all threads to itself, inside the kernels. */
Shards *shards_new(Params *params, int count, int micro_batch);
void shards_free(Shards *shards);
void shards_use_bf16(Shards *shards, bool yes); /* from now on, in all their products */

/* params->grad becomes the gradient of the mean loss of a batch, which is
   returned; so is the mean metric. The same bits for any number of threads. */
double shards_gradient(Shards *shards, LossFunction *loss, void *state, int step,
                       int batch, RandomKey key, double *metric);

/* Its parts, for other ways to a gradient: where shard i of a batch begins (and,
   with i = count, ends), and the sum of all shards' gradients to params->grad. */
int shard_begin(const Shards *shards, int i, int batch);
void shards_sum(Shards *shards);

/* Numbers of a batch, `each` for each of its examples: those of this process's to all
   (train/world.h). */
void shards_gather(const Shards *shards, void *numbers, size_t unit, int each, int batch);

// Declarations of gathered losses
enum { JOINT_KINDS = 2 }; /* kinds of vectors: of images, of texts */

/* A loss over vectors of all examples of a batch. `forward` makes the vectors
   out[k][count][...] of examples first .. first + count - 1 of a step; several
   threads call it at once, each with a tape of its own. `loss` gets all of them,
   all[k][batch][...], and makes one number, and a metric worth knowing. Where several
   processes train (Chapter 16) each needs gradients of the vectors of its own shards;
   if the vectors are not to be gathered, it gets these alone. */
typedef struct Joint {
  void (*forward)(Tape *tape, void *state, int step, int first, int count,
                  Tensor *out[JOINT_KINDS]);
  Tensor *(*loss)(Tape *tape, void *state, const Shards *shards,
                  Tensor *all[JOINT_KINDS], double *metric);
  bool alone;
} Joint;

/* As shards_gradient, for such a loss. Micro-batches are not used: a shard keeps all of
   its examples until the gradients of their vectors are known. */
double joint_gradient(Shards *shards, const Joint *joint, void *state, int step,
                      int batch, RandomKey key, double *metric);
