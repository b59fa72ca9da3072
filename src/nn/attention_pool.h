/* Tangled from chapters/11-siglip.nw: edit that, not this. */
#pragma once
#include "kernels/kernels.h"
#include "tensor/params.h"
#include "tensor/tape.h"

/* One query q[C] attends to keys and values kv[B][T][2C] with `heads` heads:
   [B][C]. *weights, unless NULL, becomes the attention weights [B][H][T]. With several
   queries q[K][C] each attends by itself: [B][K][C], and weights [B][K][H][T]. */
Tensor *attention_pool(Tape *tape, Tensor *q, Tensor *kv, int heads, Tensor **weights);

typedef struct AttentionPoolConfig {
  int width, heads, mlp; /* heads divides width; mlp is the hidden width */
  GeluKind gelu;
  double eps;  /* of the LayerNorm */
  int queries; /* how many probes; 0: one */
} AttentionPoolConfig;

/* Multi-head attention pooling. Parameters, by PREFIX (names as in timm):
   latent[1][queries][C], q.*, kv.* [2C][C], proj.*, norm.*, mlp.fc1.*, mlp.fc2.*; all
   matrices Xavier uniform (each of q, k, v as C x C), biases zero, those of the MLP
   N(0, 1e-6^2). Source: Zhai and others 2022 and big_vision's code. */
typedef struct AttentionPool {
  AttentionPoolConfig config;
  Tensor *probe;
  Affine q, kv, proj, norm, fc1, fc2;
} AttentionPool;

AttentionPool attention_pool_declare(Params *params, const char *prefix,
                                     AttentionPoolConfig config);

/* x[B][T][C] to one vector each [B][C], or with K > 1 queries to [B][K][C]; *weights as
   above, or NULL. */
Tensor *attention_pool_forward(Tape *tape, const AttentionPool *pooling, Tensor *x,
                               Tensor **weights);

/* Multiply-adds of the matrix products for one image of T tokens and one query. */
double attention_pool_macs(double width, double mlp, double tokens);
