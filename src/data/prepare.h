/* Tangled from chapters/17-published.nw: edit that, not this. */
#pragma once
#include "data/image.h"

typedef enum { FILTER_BILINEAR, FILTER_BICUBIC } ResizeFilter;

/* How a family prepares a photograph: its shorter side is scaled to `shorter` and the
   middle size x size cut out, or, with shorter 0, both sides are scaled to `size`. */
typedef struct Preparation {
  int size, shorter; /* pixels; shorter >= size, or 0 */
  ResizeFilter filter;
  bool rounded; /* half a pixel that is left over at the top or left: to the even number,
                   as torchvision, or to none, as Transformers */
  real mean[3], std[3]; /* of channels of 0..1 */
} Preparation;

/* Scale a picture with a filter that is stretched by as much as the picture shrinks:
   antialiased. Pixels as Pillow's. */
Image image_resize(const Image *image, int width, int height, ResizeFilter filter);

/* The size x size pixels of a photograph that the encoder is shown; and a file of it as
   numbers, planes[3][size][size]. False with a message that names the file. */
Image prepare_pixels(const Preparation *how, const Image *image);
bool prepare_file(const Preparation *how, const char *path, real *planes);
