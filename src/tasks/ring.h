/* Tangled from chapters/69-world.nw: edit that, not this. */
#pragma once
#include "models/clip.h"
#include "train/data_parallel.h"

/* The sigmoid loss of a batch of N pairs (see sigmoid_loss), of which this process has
   those of its shards: u[n][E], v[n][E]; positives[N][N] says which are true, NULL: the
   diagonal. Texts go around a ring of shards: a thread has no more than the logits of two
   shards. The loss and *correct are those of the batch; u and v get their whole
   gradients, scale and bias theirs in process 0. The same bits for any number of
   processes, but not those of sigmoid_loss, which adds in another order. Source: SigLIP,
   section 3.3. */
Tensor *ring_loss(Tape *tape, const Clip *clip, const Shards *shards, int N, Tensor *u,
                  Tensor *v, const unsigned char *positives, double *correct);
