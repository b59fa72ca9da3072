/* Tangled from chapters/61-images.nw: edit that, not this. */
#include "data/stb.h"

#include "base/memory.h"
#define STBI_MALLOC(size) calloc(1, size)
#define STBI_REALLOC(memory, size) realloc(memory, size)
#define STBI_FREE(memory) free(memory)
#define STBIW_MALLOC(size) allocate(size, 1)
#define STBIW_REALLOC(memory, size) reallocate(memory, size)
#define STBIW_FREE(memory) free(memory)
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_MAX_DIMENSIONS 16384
#define STBI_NO_STDIO
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#pragma GCC diagnostic ignored "-Wunused-function" /* at the end of the file, too */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wundefined-internal"
#else
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include <stb/stb_image.h>
#include <stb/stb_image_resize.h>
#include <stb/stb_image_write.h>
#include <zlib.h>
#pragma GCC diagnostic pop

bool picture_info(const uint8_t *bytes, size_t count, int *width, int *height,
                  int *stored) {
  return count <= INT32_MAX &&
         stbi_info_from_memory(bytes, (int)count, width, height, stored);
}

uint8_t *picture_decode(const uint8_t *bytes, size_t count, int channels,
                        const char **why) {
  int width, height, stored;
  uint8_t *pixels =
      stbi_load_from_memory(bytes, (int)count, &width, &height, &stored, channels);
  *why = pixels ? NULL : stbi_failure_reason();
  return pixels;
}

bool picture_encode(void (*write)(void *context, void *bytes, int count), void *context,
                    const uint8_t *pixels, int width, int height, int channels) {
  return stbi_write_png_to_func(write, context, width, height, channels, pixels,
                                width * channels);
}

bool picture_scale(uint8_t *to, int side, const uint8_t *pixels, int from, int stride,
                   int channels) {
  return stbir_resize_uint8(pixels, from, from, stride, to, side, side, 0, channels);
}
