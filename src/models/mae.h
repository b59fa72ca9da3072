/* Tangled from chapters/09-mae.nw: edit that, not this. */
#pragma once
#include "models/vit.h"
#include "nn/masked_loss.h"

typedef struct MaeConfig {
  VitConfig encoder; /* with CLS and sincos positions, no classes */
  int width, depth, heads, mlp; /* of the decoder; width a multiple of 4 */
  bool normalize;    /* targets: each patch by its own mean and variance */
} MaeConfig;

/* Parameters by the names of the published checkpoints: the encoder's (see Vit),
   mask_token[1][1][width], decoder_embed, decoder_pos_embed[1][1+N][width] (fixed),
   decoder_blocks.i.*, decoder_norm, decoder_pred[C P P]. Initial values: matrices
   Xavier uniform, CLS and mask token N(0, 0.02^2). Source: MAE, section 3 and
   appendix A. A patch's numbers are in the order channel, row, column; the
   published weights have row, column, channel. */
typedef struct Mae {
  MaeConfig config;
  Vit encoder;
  Affine embed, norm, predict;
  Tensor *mask_token, *positions;
  Block *blocks; /* [depth] */
} Mae;

bool mae_check(const MaeConfig *config); /* the message names --decoder- options */
Mae mae_declare(Params *params, MaeConfig config);

/* Of images[B][C][S][S] the visible patches through the encoder: [B][1+kept][D]. */
Tensor *mae_encode(Tape *tape, const Mae *mae, Tensor *images, const Masking *mask);

/* What all patches look like, from that: [B][N][C P P]. */
Tensor *mae_decode(Tape *tape, const Mae *mae, Tensor *encoded, const Masking *mask);

/* What they should look like, normalized or not: same shape, no gradient. */
Tensor *mae_targets(Tape *tape, const Mae *mae, Tensor *images);

/* All of it: the error of the hidden patches (see masked_mse). */
Tensor *mae_loss(Tape *tape, const Mae *mae, Tensor *images, const Masking *mask);
