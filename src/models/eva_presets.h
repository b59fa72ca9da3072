/* Tangled from chapters/11-eva.nw: edit that, not this. */
#pragma once
#include "models/vit.h"

/* The image encoder of "EVA-g/14", "EVA02-Ti/14", "EVA02-S/14", "EVA02-B/14",
   "EVA02-L/14" or "EVA02-CLIP-E/14": image size 224, CLS, learned positions, no
   head. False if there is none of that name. Sources: EVA-02, table 1; the code
   of EVA, EVA-02 and EVA-CLIP. */
bool eva_preset(VitConfig *config, const char *name);
extern const char *const eva_preset_names[]; /* ends with NULL */

/* Give an encoder the blocks of EVA02-B: gated, with a hidden width of 8/3 of the
   encoder's, sub-LN, no biases of keys, rotary positions, and their initial values. */
void eva02_variant(VitConfig *config);
