/* Tangled from chapters/10-eva.nw: edit that, not this. */
#pragma once
#include "models/clip.h"
#include "nn/masked_loss.h"

typedef enum { EVA_FEATURES, EVA_PIXELS } EvaTarget;

typedef struct EvaConfig {
  VitConfig student; /* with CLS, no classes */
  EvaTarget target;
  int embed;         /* length of the teacher's features, for EVA_FEATURES */
  bool normalize;    /* for EVA_PIXELS: each patch by its own mean and variance */
  double patch_gradient; /* what the patch projection gets of its gradient; 1: all */
  bool unmasked;     /* hidden patches are predicted, but seen all the same */
} EvaConfig;

/* Parameters: the student's (see Vit, no prefix), mask_token[1][1][D], and
   lm_head.weight[n][D] and .bias, n numbers to be predicted of a patch: names as in
   EVA's checkpoints. The mask token, of rank 3, is decayed, as there. Source: EVA,
   section 2, and its code. */
typedef struct Eva {
  EvaConfig config;
  Vit student;
  Tensor *mask_token;
  Affine head;
} Eva;

int eva_outputs(const EvaConfig *config); /* n */
Eva eva_declare(Params *params, EvaConfig config);

/* What the student predicts for every patch of images[B][C][S][S] of which it sees
   those that `mask`, in place, leaves: [B][N][n]. */
Tensor *eva_predict(Tape *tape, const Eva *eva, Tensor *images, const Masking *mask);

/* The patch features of a frozen teacher: its image encoder's patches, without CLS,
   after the final norm and the projection, not normalized: [B][N][E]. No
   gradient. */
Tensor *eva_teacher_features(Tape *tape, const Clip *teacher, Tensor *images);

/* Minus the cosine of predicted and target vectors, both [B][N][n]: the mean over images
   of the mean over an image's hidden patches; one number from -1 to 1. Asserts that
   something is hidden in each, and that the target needs no gradient. */
Tensor *masked_cosine_loss(Tape *tape, Tensor *predicted, Tensor *target,
                           const Masking *mask);

/* x itself, but only a part of the gradient goes back through it. */
Tensor *scale_gradient(Tape *tape, Tensor *x, double part);

/* All of it; `teacher` may be NULL for EVA_PIXELS. */
Tensor *eva_loss(Tape *tape, const Eva *eva, const Clip *teacher, Tensor *images,
                 const Masking *mask);
