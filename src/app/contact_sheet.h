/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "data/image.h"

enum { SHEET_GAP = 4 }; /* pixels around each tile */

/* A white picture with room for rows x columns tiles of side x side pixels. */
Image sheet_new(int rows, int columns, int side, int channels);

/* Enlarge a square tile to the sheet's side, a whole number of times, and put it in
   its place. The tile is freed. */
void sheet_put(Image *sheet, Image tile, int row, int column, int side);

/* Picture `index` of a data set; and planes as a network sees them, made a picture
   again with the data set's normalization. The caller frees. */
Image sheet_picture(const Dataset *data, int index);
Image sheet_planes(const Dataset *data, const real *planes);
