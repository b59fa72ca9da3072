/* Tangled from chapters/12-siglip.nw: edit that, not this. */
#pragma once
#include "models/clip.h"

/* The published "B/16-224", "B/16-256", "B/16-384", "B/16-512", "L/16-256",
   "L/16-384", "So400m/14-224" and "So400m/14-384", with their English vocabulary of
   32,000. False with a message for any other name. Sources: SigLIP, section 4 and
   table 3; big_vision's and open_clip's configurations. */
bool siglip_preset(ClipConfig *config, const char *name);

/* Give a dual encoder what SigLIP has besides its sizes: how pictures and texts
   become vectors, loss, first scale 10 and bias -10. */
void siglip_variant(ClipConfig *config);
