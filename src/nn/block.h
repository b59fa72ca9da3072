/* Tangled from chapters/04-attention.nw: edit that, not this. */
#pragma once
#include "kernels/kernels.h"
#include "nn/attention.h"

// How a block may differ
/* What EVA's blocks have besides or instead. All zero: the plain block. */
typedef struct BlockVariant {
  bool swiglu;      /* mlp.w3(silu(mlp.w1 x) * mlp.w2 x) instead of fc2(gelu(fc1 x)) */
  bool sub_norm;    /* a LayerNorm before the MLP's last layer, mlp.ffn_ln */
  bool inner_norm, no_key_bias; /* see AttentionVariant */
  bool rotary;      /* rotary positions */
  bool branch_norm; /* x + LN(f(x)) instead of x + f(LN(x)) */
} BlockVariant;

// Kinds of initial values
/* How a block's matrices begin: as in ViT's code, CLIP's, EVA's or EVA-02's. */
typedef enum { INIT_VIT, INIT_CLIP, INIT_EVA, INIT_EVA02 } InitScheme;

typedef struct BlockConfig {
  int width, heads, mlp; /* heads divide width; mlp is the hidden width */
  double eps;            /* of both LayerNorms */
  GeluKind gelu;
  bool post_norm;        /* x = LN(x + f(x)) instead of x = x + f(LN(x)) */
  bool causal;
  double dropout;        /* after both MLP layers and the output projection */
  double drop_path;
  InitScheme first;       /* initialisation; some use number and depth */
  int number, depth;     /* this block is number 0, 1, ... of an encoder of `depth` */
  BlockVariant variant;
  RotaryGrid grid; /* of the patches, if rotary */
} BlockConfig;

/* Parameters, by PREFIX: norm1, attn (see Attention), norm2, mlp.fc1, mlp.fc2,
   each .weight and .bias. ViT's initial values (its code): all matrices Xavier
   uniform, each of q, k and v as C x C, biases of the MLP N(0, 1e-6^2). CLIP's
   (its code, for the text encoder): all biases zero, weights N(0, s^2) with s =
   C^-1/2 for qkv, (2 C)^-1/2 for fc1, (2 L C)^-1/2 for the ends of branches. */
typedef struct Block {
  BlockConfig config;
  Attention attn;
  Affine norm1, norm2, fc1, fc2;
  Affine gate, hidden_norm; /* with swiglu, with sub_norm */
} Block;

Block block_declare(Params *params, const char *prefix, BlockConfig config);

/* The config.depth blocks of an encoder, PREFIX NAME.0 and so on, memory of the table;
   config.drop_path is the last one's, and grows linearly from 0 at the first. */
Block *blocks_declare(Params *params, const char *prefix, const char *name,
                      BlockConfig config);

/* x[B][T][C] to the same shape; *weights as in `attention`, or NULL. */
Tensor *block_forward(Tape *tape, const Block *block, Tensor *x, Tensor **weights);

/* The same as `call` asks. With queries, for the last block of a network of which only
   some tokens are read, only those go on: [query_count][C]. */
Tensor *block_forward_call(Tape *tape, const Block *block, Tensor *x,
                           AttentionCall call);
