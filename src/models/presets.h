/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "models/clip.h"

/* The published configuration "Ti/16", "S/32", ... "e/14": image size 224, 3
   channels, 1000 classes, CLS, learned positions. False if there is none. */
bool vit_preset(VitConfig *config, const char *name);

/* The published "ViT-B/32", "ViT-B/16", "ViT-L/14", "ViT-L/14@336". False with a
   message for any other name. */
bool clip_preset(ClipConfig *config, const char *name);

/* The image encoder of "EVA-g/14", "EVA02-Ti/14", "EVA02-S/14", "EVA02-B/14",
   "EVA02-L/14" or "EVA02-CLIP-E/14": image size 224, CLS, learned positions, no
   head. False if there is none of that name. Sources: EVA-02, table 1; the code
   of EVA, EVA-02 and EVA-CLIP. */
bool eva_preset(VitConfig *config, const char *name);
extern const char *const eva_preset_names[]; /* ends with NULL */

/* Give an encoder the blocks of EVA02-B: gated, with a hidden width of 8/3 of the
   encoder's, sub-LN, no biases of keys, rotary positions, and their initial values. */
void eva02_variant(VitConfig *config);

/* The published "B/16-224", "B/16-256", "B/16-384", "B/16-512", "L/16-256",
   "L/16-384", "So400m/14-224" and "So400m/14-384", with their English vocabulary of
   32,000. False with a message for any other name. Sources: SigLIP, section 4 and
   table 3; big_vision's and open_clip's configurations. */
bool siglip_preset(ClipConfig *config, const char *name);

/* Give a dual encoder what SigLIP has besides its sizes: how pictures and texts
   become vectors, loss, first scale 10 and bias -10. */
void siglip_variant(ClipConfig *config);
