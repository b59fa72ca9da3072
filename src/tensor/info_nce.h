/* Tangled from chapters/08-clip.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* y[n][m] = x[m][n]. */
Tensor *transpose(Tape *tape, Tensor *x);

/* y = factor x, and y = e^s x for one number s that is learned; same shape. */
Tensor *scale_by(Tape *tape, Tensor *x, double factor);
Tensor *scale_exp(Tape *tape, Tensor *x, Tensor *s);

/* The paper's loss is half the sum of two cross-entropies (CLIP, Figure 3);
   popular accounts leave the half out. */
typedef enum { INFO_NCE_HALF, INFO_NCE_SUM } InfoNceForm;

/* Symmetric InfoNCE of logits[N][N], images by texts, whose pairs are on the
   diagonal: the cross-entropy over rows (which text?) plus that over columns
   (which image?), each a mean over N, halved or not. *correct, unless NULL,
   becomes the mean over both of how many have the largest logit on the
   diagonal, 0 to N. One number. */
Tensor *info_nce(Tape *tape, Tensor *logits, InfoNceForm form, double *correct);

/* The same where several pairs of a row or column may be true, which positives[N][N]
   names by not being 0, at least one in each: the target of a row is shared out evenly
   among its true texts. *correct counts those whose largest logit is at a true pair.
   Sources: SupCon (equation 2), UniCL (section 3). */
Tensor *info_nce_shared(Tape *tape, Tensor *logits, const unsigned char *positives,
                        InfoNceForm form, double *correct);
