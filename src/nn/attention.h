/* Tangled from chapters/04-attention.nw: edit that, not this. */
#ifndef ATTENTION_H
#define ATTENTION_H
#include "tensor/params.h"
#include "tensor/tape.h"

/* Scaled dot-product attention on the tape: qkv[B][T][3C] to [B][T][C] with
   `heads` heads; heads must divide C. *weights, unless NULL, becomes the
   attention weights [B][H][T][T], for looking at. */
Tensor *attention(Tape *tape, Tensor *qkv, int heads, bool causal, Tensor **weights);

/* Multi-head self-attention with its projections. Parameters, by PREFIX:
   qkv.weight[3C][C] qkv.bias[3C] proj.weight[C][C] proj.bias[C]. All biases
   start at zero. */
typedef struct Attention {
  int heads;
  bool causal;
  Affine qkv, proj;
} Attention;

/* First values of the two weights: Xavier uniform as C x C each in ViT's code. */
Attention attention_declare(Params *params, const char *prefix, int width, int heads,
                            bool causal, Init qkv, Init proj);

/* x[B][T][C] to the same shape; or, with `at`, of each row of B only the token
   at[b], which still attends to all: [B][1][C]. */
Tensor *attention_layer(Tape *tape, const Attention *layer, Tensor *x, const int *at,
                        Tensor **weights);
#endif
