/* Tangled from chapters/05-vit.nw: edit that, not this. */
#pragma once
#include "nn/attention_pool.h"
#include "nn/block.h"
#include "nn/position.h"

typedef enum { POOL_CLS, POOL_MEAN, POOL_MAP } PoolKind;
typedef enum { STYLE_VIT, STYLE_CLIP, STYLE_SIGLIP } VitStyle;

typedef struct VitConfig {
  int image_size, channels, patch_size; /* patch_size divides image_size */
  int width, depth, heads, mlp;         /* heads divides width */
  int classes;                          /* 0: no head */
  PositionKind position;
  PoolKind pool;  /* POOL_CLS adds a token; POOL_MAP: a head that attends */
  bool post_norm; /* blocks normalize after the sum, and there is no final norm */
  VitStyle style; /* CLIP's: a norm before the blocks, no bias in the patch
                     projection, CLS and positions start at N(0, 1/width);
                     SigLIP's: only positions start so */
  GeluKind gelu;
  double eps;
  double dropout;   /* after the positions and in the blocks */
  double drop_path; /* of the last block; grows linearly from 0 at the first */
  double patch_dropout; /* fraction of patches left out of vit_features in training */
  BlockVariant variant; /* of all blocks */
  int rotary_side; /* the side of the grid in whose steps rotary positions count; 0: of
                      its own */
  InitScheme first;      /* how the blocks' values begin */
} VitConfig;

/* Parameters, by PREFIX (names as in timm): cls_token[1][1][D],
   pos_embed[1][T][D], patch_embed.proj.weight[D][C][P][P] and .bias, norm_pre.*
   (CLIP's style only), blocks.i.* (see Block), norm.*, attn_pool.* (POOL_MAP, see
   Pooling), head.weight[classes][D] and .bias. */
typedef struct Vit {
  VitConfig config;
  int patches, tokens; /* N, and T = N plus one for CLS */
  Tensor *cls_token, *pos_embed;
  Affine patch_embed, norm_pre, norm, head; /* NULL in them: not there */
  AttentionPool map;  /* with POOL_MAP */
  Block *blocks; /* [depth], memory of the parameter table */
} Vit;

/* Can this be built? If not, a message that names the size to blame. */
bool vit_check(const VitConfig *config);

Vit vit_declare(Params *params, const char *prefix, VitConfig config);

/* images[B][C][S][S] to one vector each [B][D], and to logits[B][classes].
   Source: ViT, equations 1 to 4. With CLS the last block works for it alone. */
Tensor *vit_features(Tape *tape, const Vit *vit, Tensor *images);
Tensor *vit_forward(Tape *tape, const Vit *vit, Tensor *images);

/* The four steps: patches projected, CLS in front, positions added: [B][T][D];
   the blocks and the final norm, same shape (attention weights of block i to
   weights[i] unless weights is NULL); one vector per image [B][D]; logits. */
Tensor *vit_embed(Tape *tape, const Vit *vit, Tensor *images);
Tensor *vit_encode(Tape *tape, const Vit *vit, Tensor *tokens, Tensor **weights);
Tensor *vit_pool(Tape *tape, const Vit *vit, Tensor *tokens);
Tensor *vit_classify(Tape *tape, const Vit *vit, Tensor *pooled);

/* The two halves of vit_embed, for callers that change patches between them:
   projected [B][N][D]; CLS in front and positions added [B][T][D]. */
Tensor *vit_patch_embed(Tape *tape, const Vit *vit, Tensor *images);
Tensor *vit_add_positions(Tape *tape, const Vit *vit, Tensor *patches);

/* Cut images[B][C][H][W] into patches [B][N][C P P], on the tape. */
Tensor *patch_tokens(Tape *tape, Tensor *images, int patch_size);

/* Multiply-adds of the matrix products of one image's forward pass, every token
   going through every block, as papers count them. */
double vit_macs(const VitConfig *config);

/* How many images to process at once: about 1024 tokens, few enough for
   what the backward pass needs to stay in the caches. */
int vit_micro_batch(const Vit *vit);

/* Of all tokens x[B][T][n] those of patches, [B][N][n]: without CLS, if there is one. */
Tensor *vit_drop_cls(Tape *tape, const Vit *vit, Tensor *x);

/* What the encoder knows of each patch, for others to read: [B][N][D], without CLS.
   After the last block and the final norm; or (penultimate) what goes into the last
   block, which is what LLaVA reads of its CLIP. */
Tensor *vit_patch_tokens(Tape *tape, const Vit *vit, Tensor *images, bool penultimate);
