/* Tangled from chapters/04-attention.nw: edit that, not this. */
#pragma once
#include "kernels/kernels.h"
#include "nn/position.h"
#include "tensor/params.h"
#include "tensor/tape.h"

/* Scaled dot-product attention on the tape: qkv[B][T][3C] to [B][T][C] with
   `heads` heads; heads must divide C. The mask's prefix is copied. *weights, unless
   NULL, becomes the attention weights [B][H][T][T], for looking at. */
Tensor *attention(Tape *tape, Tensor *qkv, int heads, Mask mask, Tensor **weights);

// How attention may differ
/* What EVA's attention has besides or instead. All zero: plain attention. */
typedef struct AttentionVariant {
  bool no_key_bias; /* q_bias[C] and v_bias[C] instead of qkv.bias */
  bool inner_norm;  /* a LayerNorm before the projection, inner_attn_ln */
  double eps;       /* of that */
  RotaryGrid grid;  /* rotary positions on q and k; rows 0: none */
} AttentionVariant;

/* Multi-head self-attention with its projections. Parameters, by PREFIX:
   qkv.weight[3C][C] qkv.bias[3C] proj.weight[C][C] proj.bias[C]. All biases
   start at zero. */
typedef struct Attention {
  int heads;
  bool causal;
  Affine qkv, proj;
  AttentionVariant variant;
  Tensor *q_bias, *v_bias; /* instead of qkv.bias, or NULL */
  Affine inner_norm;
} Attention;

/* Initial values of the two weights: Xavier uniform as C x C each in ViT's code. */
Attention attention_declare(Params *params, const char *prefix, int width, int heads,
                            bool causal, Init qkv, Init proj, AttentionVariant variant);

// Keys and values that are kept
/* Keys and values of tokens that one attention layer has read: kv[B][room][2C], of
   which the first `read` tokens of each image are there. Not owned. */
typedef struct KeyValueCache {
  int room, read;
  real *kv;
} KeyValueCache;

/* What a call may ask for besides. All NULL: every token attends, in order. */
typedef struct AttentionCall {
  const int *queries;     /* [query_count]: of all B T tokens only these attend, each
                             still to all of its image: token t of image b is b T + t */
  int query_count;
  const int *positions;   /* [B][T]: which patch of the grid each token is, -1 for
                             none; NULL: `extra` tokens, then all patches in order */
  Tensor **weights;       /* as in `attention` */
  // What a language model asks for besides
  const int *prefix; /* [B], of a causal layer: see Mask */
  KeyValueCache *cache; /* x follows the tokens whose keys and values are here and attends
                           to them too; its own are added. Only on a tape that does not
                           record. Weights are then [B][H][T][all] */
} AttentionCall;

/* x[B][T][C] to the same shape, or with queries to [query_count][C]. */
Tensor *attention_layer(Tape *tape, const Attention *layer, Tensor *x,
                        AttentionCall call);
