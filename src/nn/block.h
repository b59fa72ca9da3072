/* Tangled from chapters/04-attention.nw: edit that, not this. */
#ifndef BLOCK_H
#define BLOCK_H
#include "kernels/kernels.h"
#include "nn/attention.h"

typedef struct BlockConfig {
  int width, heads, mlp; /* heads divide width; mlp is the hidden width */
  double eps;            /* of both LayerNorms */
  GeluKind gelu;
  bool post_norm;        /* x = LN(x + f(x)) instead of x = x + f(LN(x)) */
  bool causal;
  double dropout;        /* after both MLP layers and the output projection */
  double drop_path;
} BlockConfig;

/* Parameters, by PREFIX: norm1, attn (see Attention), norm2, mlp.fc1, mlp.fc2,
   each .weight and .bias. MLP biases start at N(0, 1e-6^2) (ViT's code). */
typedef struct Block {
  BlockConfig config;
  Attention attn;
  Affine norm1, norm2, fc1, fc2;
} Block;

Block block_declare(Params *params, const char *prefix, BlockConfig config);

/* x[B][T][C] to the same shape; *weights as in `attention`, or NULL. */
Tensor *block_forward(Tape *tape, const Block *block, Tensor *x, Tensor **weights);
#endif
