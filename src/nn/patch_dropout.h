/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* In training, of x[B][T][C] the first `extra` tokens and max(1, floor(N (1 -
   rate))) of the other N, drawn for each image: [B][kept][C]. *places becomes the
   patch that each kept token is, or -1 for an extra one, [B][kept], the tape's
   memory. Otherwise, or with rate 0, x itself and NULL. Source: EVA-CLIP's code. */
Tensor *patch_dropout(Tape *tape, Tensor *x, double rate, int extra, int **positions);
