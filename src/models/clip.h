/* Tangled from chapters/08-clip.nw: edit that, not this. */
#pragma once
#include "models/text.h"
#include "models/vit.h"
#include "tensor/info_nce.h"
#include "tensor/sigmoid_loss.h"

/* Info_nce's two forms, and the two of sigmoid_loss. */
typedef enum { LOSS_HALF, LOSS_SUM, LOSS_SIGMOID, LOSS_SIGMOID_MEAN } PairLoss;

typedef struct ClipConfig {
  VitConfig image; /* style CLIP, no classes */
  TextConfig text;
  int embed;       /* E, the length of the vectors that both encoders give */
  PairLoss loss;
  double scale;    /* first value of what cosines are multiplied by; 0: 1/0.07 */
// What a SigLIP has besides or instead
  bool no_image_projection; /* the image encoder's vector as it is: embed is its width */
  bool image_bias; /* a bias in the image's projection: visual_projection.bias */
  bool text_bias;  /* a bias in the text's projection: text_projection.bias */
  bool biased;     /* logits have a learned bias, logit_bias, */
  double bias;     /* which starts here */
  int chunks;      /* sigmoid loss in so many parts of the texts; 0: at once */
} ClipConfig;

/* Parameters: visual.* (see Vit), text.* (see Text), visual_projection.weight
   [E][image width], text_projection.weight[E][text width], neither with a bias in CLIP,
   and logit_scale, one number, the logarithm of what cosines are multiplied by.
   Projections start at N(0, 1/width). Source: CLIP, sections 2.4 and 2.5, and its
   code. Where SigLIP and EVA-CLIP differ, see their options above. */
typedef struct Clip {
  ClipConfig config;
  Vit visual;
  Text text;
  Affine visual_projection, text_projection; /* NULL in them: not there */
  Tensor *logit_scale, *logit_bias; /* bias: or NULL */
} Clip;

/* Can this be built? If not, a message that names the size to blame. */
bool clip_check(const ClipConfig *config);
Clip clip_declare(Params *params, ClipConfig config);

/* images[B][C][S][S], and token ids[B][T] (see text_forward), to unit vectors
   [B][E]. */
Tensor *clip_encode_image(Tape *tape, const Clip *clip, Tensor *images);
Tensor *clip_encode_text(Tape *tape, const Clip *clip, const int *ids, int B, int T);

/* e^logit_scale times the cosine of each image vector u[M][E] with each text
   vector v[N][E], plus logit_bias if there is one: [M][N]. */
Tensor *clip_logits(Tape *tape, const Clip *clip, Tensor *u, Tensor *v);

/* The loss of N pairs (see info_nce, sigmoid_loss). positives[N][N] says which are
   true, and must stay until the backward pass; NULL: the diagonal. */
Tensor *clip_loss(Tape *tape, const Clip *clip, Tensor *u, Tensor *v,
                  const unsigned char *positives, double *correct);
SigmoidForm clip_sigmoid_form(const Clip *clip); /* of its sigmoid loss */

/* Keep logit_scale within 0 and ln 100. To be called after each step of the
   optimiser; it is not differentiated. */
void clip_clamp(const Clip *clip);

/* Multiply-adds of the encoders' matrix products for one pair, T tokens of text. */
double clip_macs(const ClipConfig *config, int T);
