/* Tangled from chapters/61-images.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/real.h"

/* A picture: rows from the top, pixels from the left, channels interleaved
   (1 grey, 3 RGB), brightness 0..255. The image owns its pixels. */
typedef struct Image {
  int width, height, channels;
  uint8_t *pixels; /* [height][width][channels] */
} Image;

enum { IMAGE_MAX_SIDE = 16384,         /* pixels */
       IMAGE_MAX_BYTES = 160 << 20 };  /* of a decoded picture: 55 megapixels in colour.
                                          Decoding one takes four times that at most */

/* A picture of one grey value, or free an image's pixels. */
Image image_new(int width, int height, int channels, uint8_t value);
void image_free(Image *image);

/* Read a PNG or JPEG file. channels 1 or 3 converts; 0 keeps grey or colour
   as it is. Transparency is laid over white, and a picture whose camera was held
   sideways (EXIF orientation) is turned upright. Returns false with a message if the
   file is missing, cut short, no picture, or larger than the limits above; *image is
   then untouched. */
bool image_load(Image *image, const char *path, int channels);

/* The same in colour, with transparency left out: a pixel that nobody sees has the
   colour that stands in the file. So do Pillow and what is built on it. */
bool image_load_opaque(Image *image, const char *path);

/* Write a PNG to PATH.new, then rename it over PATH. False with a message. */
bool image_save(const Image *image, const char *path);

/* Write a picture as FOLDER/NAME.png, and free it. False with a message. */
bool image_save_in(const char *folder, const char *name, Image *image);

/* The largest square from the middle, scaled to side x side. */
Image image_square(const Image *image, int side);

/* Copy `tile` into `canvas` with its top left corner at (x, y), each pixel
   drawn as a square of scale x scale. What falls outside is cut off. A grey
   tile may go onto a colour canvas. */
void image_paste(Image *canvas, const Image *tile, int x, int y, int scale);

/* The pixels as planes [channels][height][width], each channel c shifted
   and scaled: (pixel / 255 - mean[c]) / standard deviation[c]; and back, rounded and
   cut to 0..255. */
void image_normalize(real *planes, const uint8_t *pixels, int channels,
                     int height, int width, const real *mean, const real *std);
Image image_from_planes(const real *planes, int channels, int height, int width,
                        const real *mean, const real *std);
