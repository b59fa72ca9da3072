/* Tangled from chapters/69-world.nw: edit that, not this. */
#pragma once
#include "models/clip.h"
#include "train/data_parallel.h"

/* clip_loss (models/clip.h) where several processes have the pairs of a batch: u[N][E]
   and v[N][E] are the vectors of all, gathered; positives[N][N] as there. Of the logits
   only the rows of this process's pictures and the columns of its texts are computed.
   The loss and *correct are those of the batch. u and v get gradients in the rows of
   this process's pairs; scale and bias get theirs in process 0. The bits of clip_loss.
   Chunks are not for this. */
Tensor *gathered_loss(Tape *tape, const Clip *clip, const Shards *shards, Tensor *u,
                      Tensor *v, const unsigned char *positives, double *correct);
