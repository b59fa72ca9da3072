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
  int shown; /* the encoder sees the first so many rows and columns; 0: all */
} Preparation;

/* Scale a picture with a filter that is stretched by as much as the picture shrinks:
   antialiased. Pixels as Pillow's. */
Image image_resize(const Image *image, int width, int height, ResizeFilter filter);

/* The pixels of a photograph that the encoder is shown, `shown` rows and columns of
   them; the same as numbers, planes[channels][shown][shown]; and those of a file in
   colour. False with a message that names the file. */
Image prepare_pixels(const Preparation *how, const Image *image);
void prepare_image(const Preparation *how, const Image *image, real *planes);
bool prepare_file(const Preparation *how, const char *path, real *planes);

/* Numbers instead of pixels, with the bicubic filter: a square of from_side^2 vectors of
   `length` to one of to_side^2. */
void resize_numbers(real *to, int to_side, const real *from, int from_side, int length);
