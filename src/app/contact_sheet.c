/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/contact_sheet.h"

#include <string.h>

Image sheet_new(int rows, int columns, int side, int channels) {
  return image_new(columns * (side + SHEET_GAP) + SHEET_GAP,
                   rows * (side + SHEET_GAP) + SHEET_GAP, channels, 255);
}

void sheet_put(Image *sheet, Image tile, int row, int column, int side) {
  image_paste(sheet, &tile, SHEET_GAP + column * (side + SHEET_GAP),
              SHEET_GAP + row * (side + SHEET_GAP), side / tile.width);
  image_free(&tile);
}

Image sheet_picture(const Dataset *data, int index) {
  Image image = image_new(data->width, data->height, data->channels, 0);
  memcpy(image.pixels, dataset_image(data, index), dataset_image_size(data));
  return image;
}

Image sheet_planes(const Dataset *data, const real *planes) {
  return image_from_planes(planes, data->channels, data->height, data->width, data->mean,
                           data->std);
}
