/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "data/image.h"
#include "tasks/masked_prediction.h"

/* Write FOLDER/masks.png: test pictures with hidden patches white, rectangles of 41
   percent in one row, single patches of 75 percent in the other. */
bool eva_write_masks(const char *folder, const MaskedPrediction *p);

/* FOLDER/features.png has four rows: test pictures, the odd patch of each framed; how
   like that patch all are to the teacher, to the student before training, and after it.
   The first three are painted before, the sheet owned by the caller; the fourth after,
   and then all are written and the sheet is freed. */
Image eva_features_before(const MaskedPrediction *p);
bool eva_write_features(const char *folder, Image *sheet, const MaskedPrediction *p);
