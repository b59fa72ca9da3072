/* Tangled from chapters/11-eva.nw: edit that, not this. */
#ifndef LAMB_H
#define LAMB_H
#include "train/optimizer.h"

/* One step of LAMB with the running means of an AdamW, from the gradients in the
   table: for decayed parameters AdamW's step times |w| / |u|, where u is its
   direction (1 if either is zero); for plain ones AdamW's. Source: You and others
   2020; EVA-CLIP's code. */
void lamb_update(AdamW *optimizer, double lr);
#endif
