/* Tangled from chapters/61-images.nw: edit that, not this. */
#pragma once
#include <stdint.h>

#include "data/image.h"

/* A colour picture of a lake before mountains, side x side; the seed moves the
   mountains. The caller frees it. */
Image landscape_draw(int side, uint64_t seed);
