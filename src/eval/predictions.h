/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "models/vit.h"

/* What a model predicts for each picture, `batch` of them (at most 200) at a time, on a
   tape that is not recording. Owns arrays of one element a picture. */
typedef struct Predictions {
  int *predicted;  /* the class with the largest logit */
  double *losses;  /* -ln p of the true class */
  double loss;     /* their mean */
  int correct;
} Predictions;

Predictions predictions_make(Tape *tape, const Vit *vit, const Dataset *data, int batch);
void predictions_free(Predictions *p);
