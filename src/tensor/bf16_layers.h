/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* What `linear` and `attention` do on a tape whose products round their factors to
   bfloat16; they check the shapes. */
Tensor *linear_bf16(Tape *tape, Tensor *x, Tensor *w, Tensor *b);
Tensor *attention_bf16(Tape *tape, Tensor *qkv, int heads, bool causal);
