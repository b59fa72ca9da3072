/* Tangled from chapters/10-eva.nw: edit that, not this. */
#pragma once
#include "nn/masking.h"

/* Hide rectangles of patches until a fraction `ratio` of each image's grid of rows x
   columns is hidden, rounded; sometimes a few less, but at least one. In place: keep
   is NULL, kept is rows * columns, restore[b][t] is t or, if hidden, -1. Rectangles
   are drawn with an area of one patch in 16 or more, where there is still so much to
   hide, and height over width from 0.3 to 1/0.3, then rounded. The draw for image b
   depends on the key and on names[b] (NULL: b). Source: BEiT's masks as EVA's
   code has them. */
Masking masking_blocks(Tape *tape, int images, int rows, int columns, double ratio,
                       RandomKey key, const int *example_ids);

/* Change a mask that takes patches out into one that leaves them in place. */
void masking_in_place(Masking *mask);
