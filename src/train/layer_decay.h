/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#pragma once
#include "tensor/params.h"

/* The layer of an encoder of `depth` blocks to which a parameter belongs, by its name
   after the encoder's prefix: 0 for what comes before the blocks, 1 + i for blocks.i,
   depth + 1 for the rest. Source: the code of MAE and of EVA. */
int layer_of(const char *name, int depth);

/* Let layer i of the encoder whose parameters begin with `prefix` learn at decay^(depth
   + 1 - i) of the learning rate. Others keep their rates. */
void layer_decay(Params *params, const char *prefix, int depth, double decay);
