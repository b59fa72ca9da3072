/* Tangled from chapters/13-language.nw: edit that, not this. */
#pragma once
#include "models/vlm.h"

/* How the next token is chosen. */
typedef struct Sampling {
  double temperature; /* what logits are divided by; 0: always the likeliest */
  double top_p;       /* draw among the likeliest that have this much together; 1: all */
  RandomKey key;      /* of the draws */
} Sampling;
extern const Sampling sampling_greedy; /* always the likeliest */

/* Token number `place` of an answer, from logits[V]: the likeliest, the first of them if
   there are several, or one that is drawn. *probability becomes what the model gives it
   (at temperature 1). Source: Holtzman and others 2020 (top-p). */
int choose_token(const real *logits, int V, const Sampling *sampling, int place,
                 double *probability);

// An answer and who gives it
/* An answer. The arrays are the tape's memory. */
typedef struct Answer {
  int count;           /* tokens, without the end */
  int *ids;            /* [count] */
  double *probability; /* [count + 1]: of each, and of the end */
  real *look;          /* [count + 1][M]: how much of its attention each got from each
                          image token, mean of heads and blocks; or NULL */
  bool ended;          /* the model ended it, not the context */
} Answer;

/* Answer one question, Q ids, about each of B pictures, image[B][M][W] (or NULL: blind).
   The tape does not record. With `look` the attention is kept. Image b draws by
   random_subkey(key, b). */
void vlm_answer(Tape *tape, const Vlm *vlm, Tensor *image, int B, const int *question,
                int Q, const Sampling *sampling, bool look, Answer *answers);
