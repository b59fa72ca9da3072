/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* qkv[B][T][3C] with the queries and keys of patches turned by their places in a
   grid of rows x columns. The first `extra` tokens have none, and the patches come
   in order; or, with places[B][T], token t of image b is patch places[b][t], or has
   no place if that is -1. The channels of a head must be a multiple of 4. Source:
   EVA-02 and its code; RoFormer. */
Tensor *rotary(Tape *tape, Tensor *qkv, int heads, int rows, int columns, int extra,
               const int *positions);
