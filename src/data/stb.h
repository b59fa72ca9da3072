/* Tangled from chapters/61-images.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size and stored channels (1 grey, 2 with alpha, 3 RGB, 4 with alpha) of a PNG or JPEG
   in memory; false if it is neither. */
bool picture_info(const uint8_t *bytes, size_t count, int *width, int *height,
                  int *stored);

/* Decode into so many channels; the caller frees. NULL: *why is the reason. */
uint8_t *picture_decode(const uint8_t *bytes, size_t count, int channels,
                        const char **why);

/* Encode as PNG, in pieces that go to write(context, ...). False without memory. */
bool picture_encode(void (*write)(void *context, void *bytes, int count), void *context,
                    const uint8_t *pixels, int width, int height, int channels);

/* Scale a square of side `from`, whose rows are stride bytes apart. False without
   memory. */
bool picture_scale(uint8_t *to, int side, const uint8_t *pixels, int from, int stride,
                   int channels);
