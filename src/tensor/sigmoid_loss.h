/* Tangled from chapters/11-siglip.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* ln(1 + e^x) and 1 / (1 + e^-x), for any x. */
double softplus(double x);
double logistic(double x);

/* y = x + b for one number b that is learned; same shape. */
Tensor *shift_by(Tape *tape, Tensor *x, Tensor *b);

/* What the sum over pairs is divided by: the number of rows (SigLIP, Algorithm 1),
   or of pairs (popular accounts). */
typedef enum { SIGMOID_BY_ROWS, SIGMOID_BY_PAIRS } SigmoidForm;

/* Sum over pairs of softplus(-z logit), z = 1 for true pairs and -1 for others,
   divided as said; one number. logits[N][N], images by texts; positives[N][N] is not
   0 where a pair is true, NULL: on the diagonal. It is not copied and must stay until
   the backward pass. *correct, unless NULL, becomes the mean over both directions of how
   many have their largest logit at a true pair, 0 to N. Source: SigLIP, section 3. */
Tensor *sigmoid_loss(Tape *tape, Tensor *logits, const unsigned char *positives,
                     SigmoidForm form, double *correct);

/* The same of logits t u v^T + b with t = e^log_t, from vectors u[N][E] and v[N][E],
   but for one part of the texts after the other, `chunks` of them (1 to N, as equal
   as can be): never more than N ceil(N / chunks) logits are in memory. b may be
   NULL: none. Source: SigLIP, section 3.3, where the parts are on other machines. */
Tensor *sigmoid_loss_in_chunks(Tape *tape, Tensor *u, Tensor *v, Tensor *log_t,
                               Tensor *b, const unsigned char *positives,
                               SigmoidForm form, int chunks, double *correct);

/* Is text j true of picture i, and what the sum over pairs is multiplied by. */
bool pair_is_true(const unsigned char *positives, int N, int i, int j);
double sigmoid_fraction(SigmoidForm form, int N);

/* Texts first .. first + count - 1 of N pairs; t, b, fraction and positives as above. */
typedef struct SigmoidChunk {
  int N, first, count;
  double t, b, fraction;
  const unsigned char *positives;
} SigmoidChunk;

/* What a picture's pairs add to the loss, before the fraction, and to the gradients of
   log_t and b. */
typedef struct SigmoidSums {
  double loss, log_t, b;
} SigmoidSums;

/* cosines[rows][count] become logits; picture i's logits[count] become t times their
   gradients, and add to sums. */
void sigmoid_logits(const SigmoidChunk *chunk, real *cosines, int rows);
void sigmoid_row(const SigmoidChunk *chunk, int i, real *logits, SigmoidSums *sums);
