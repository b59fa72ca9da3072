/* Tangled from chapters/01-patches.nw: edit that, not this. */
#include "data/image.h"

#include <assert.h>
#include <stb/stb_image_resize.h>
#include <stb/stb_image_write.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#define STBI_NO_STDIO
#include <stb/stb_image.h>

Image image_new(int width, int height, int channels, uint8_t value) {
  size_t size = (size_t)width * (size_t)height * (size_t)channels;
  Image image = {width, height, channels, allocate(size, 1)};
  memset(image.pixels, value, size);
  return image;
}

void image_free(Image *image) {
  free(image->pixels);
  *image = (Image){0};
}

// Check what the file claims
enum { JPEG_PIXELS = 512,    /* that a byte can hold */
       JPEG_CODES = 256 }; /* that a table can hold */

static bool jpeg_is_whole(const uint8_t *bytes, size_t count) {
  for (size_t i = count - 1; i > 1; i--) {
    if (bytes[i - 1] != 0xff) continue;
    if (bytes[i] == 0xd9) return true;
    if (bytes[i] == 0xda) return false;
  }
  return false;
}

/* Do the tables in a segment of so many bytes have few enough codes? */
static bool tables_fit(const uint8_t *table, size_t count) {
  while (count >= 17) {
    size_t codes = 0;
    for (int i = 1; i <= 16; i++) codes += table[i];
    if (codes > JPEG_CODES || 17 + codes > count) return false;
    table += 17 + codes;
    count -= 17 + codes;
  }
  return count == 0;
}

static bool jpeg_tables_fit(const uint8_t *bytes, size_t count) {
  for (size_t at = 0; at + 4 <= count;) {
    const uint8_t mark = bytes[at + 1];
    const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    const bool alone = mark <= 1 || mark == 0xff || (mark >= 0xd0 && mark <= 0xd8);
    if (bytes[at] != 0xff || alone) {
      at++;
      continue;
    }
    const bool fits = length >= 2 && length <= count - at - 2;
    if (mark == 0xc4 && !(fits && tables_fit(bytes + at + 4, length - 2))) return false;
    if (mark == 0xd9 || !fits) return true;
    at += 2 + length;
  }
  return true;
}

static int count_unpacked(z_stream *z, const uint8_t *bytes, size_t count, size_t most) {
  uint8_t scratch[1 << 14];
  int state = Z_OK;
  z->next_in = (Bytef *)(uintptr_t)bytes; /* zlib does not write there */
  z->avail_in = (uInt)count;
  do {
    z->next_out = scratch;
    z->avail_out = sizeof scratch;
    state = inflate(z, Z_NO_FLUSH);
  } while (state == Z_OK && z->avail_out == 0 && z->total_out <= most);
  return state;
}

/* Are all chunks there, and do the data unpack to at most `most` bytes? */
static bool png_is_whole(const uint8_t *bytes, size_t count, size_t most) {
  z_stream z = {.zalloc = NULL};
  int state = inflateInit(&z);
  bool end = false;
  for (size_t at = 8; !end && state != Z_MEM_ERROR && at + 12 <= count;) {
    const uint8_t *b = bytes + at;
    const size_t length = (size_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    if (length > count - at - 12) break;
    end = memcmp(b + 4, "IEND", 4) == 0;
    if (memcmp(b + 4, "IDAT", 4) == 0) state = count_unpacked(&z, b + 8, length, most);
    at += 12 + length;
  }
  inflateEnd(&z);
  return end && z.total_out <= most;
}

static bool check_claims(const char *path, const uint8_t *bytes, size_t count,
                         int width, int height, int channels) {
  size_t size = (size_t)width * (size_t)height * (size_t)channels;
  size_t pixels = (size_t)width * (size_t)height;
  bool jpeg = bytes[0] == 0xff;
  size_t least = pixels / (jpeg ? JPEG_PIXELS : 8 * DEFLATE_LIMIT); /* one bit a pixel */
  if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE || size > IMAGE_MAX_BYTES)
    return fail("%s: expected at most %d pixels a side and %d bytes in all, "
                "found %d x %d x %d", path, IMAGE_MAX_SIDE, IMAGE_MAX_BYTES,
                width, height, channels);
  if (least > count || (pixels * channels > LIMIT_FREE &&
                        pixels * channels / LIMIT_FACTOR > count))
    return fail("%s: expected data for %d x %d pixels, found %zu bytes", path, width,
                height, count);
  if (jpeg && !jpeg_is_whole(bytes, count))
    return fail("%s: expected a whole JPEG, found one that is cut short", path);
  const size_t most = (size_t)height * ((size_t)width * 2 * (size_t)channels + 8) + 64;
  if (!jpeg && !png_is_whole(bytes, count, most))
    return fail("%s: expected a whole PNG of at most %zu bytes, found one that is cut "
                "short or unpacks to more", path, most);
  return true;
}

// Lay over white
static void flatten(uint8_t *out, const uint8_t *in, int channels, size_t pixels) {
  for (size_t i = 0; i < pixels; i++, in += channels + 1, out += channels)
    for (int c = 0; c < channels; c++) {
      int alpha = in[channels];
      out[c] = (uint8_t)((alpha * in[c] + (255 - alpha) * 255 + 127) / 255);
    }
}

// Decode a picture
static bool decode(Image *image, const char *path, const uint8_t *bytes,
                   size_t count, int channels) {
  int width, height, stored;
  if (count >= 4 && bytes[0] == 0xff && !jpeg_tables_fit(bytes, count))
    return fail("%s: expected a JPEG with whole code tables of at most %d codes, found "
                "others", path, JPEG_CODES);
  if (count > INT32_MAX || count < 4 ||
      !stbi_info_from_memory(bytes, (int)count, &width, &height, &stored))
    return fail("%s: expected a PNG or JPEG picture, found %zu bytes that are not",
                path, count);
  if (!check_claims(path, bytes, count, width, height, stored)) return false;
  int wanted = channels ? channels : (stored <= 2 ? 1 : 3);
  bool alpha = stored == 2 || stored == 4;
  uint8_t *pixels = stbi_load_from_memory(bytes, (int)count, &width, &height,
                                          &stored, alpha ? wanted + 1 : wanted);
  if (!pixels)
    return fail("%s: expected a whole picture, found a broken one (%s)", path,
                stbi_failure_reason());
  *image = image_new(width, height, wanted, 0);
  size_t area = (size_t)width * (size_t)height;
  if (alpha) flatten(image->pixels, pixels, wanted, area);
  else memcpy(image->pixels, pixels, area * (size_t)wanted);
  stbi_image_free(pixels);
  return true;
}

// Load, save and scale
bool image_load(Image *image, const char *path, int channels) {
  size_t count;
  char *bytes = file_read(path, &count);
  if (!bytes) return false;
  bool good = decode(image, path, (const uint8_t *)bytes, count, channels);
  free(bytes);
  return good;
}

static void write_part(void *file, void *bytes, int count) {
  fwrite(bytes, 1, (size_t)count, file); /* file_commit sees an error */
}

bool image_save(const Image *image, const char *path) {
  FILE *file = file_begin(path);
  if (!file) return false;
  if (stbi_write_png_to_func(write_part, file, image->width, image->height,
                             image->channels, image->pixels,
                             image->width * image->channels))
    return file_commit(file, path);
  file_abandon(file, path);
  return fail("%s: out of memory while packing the picture", path);
}

bool image_save_in(const char *folder, const char *name, Image *image) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.png", folder, name);
  const bool good = image_save(image, path);
  image_free(image);
  return good;
}

Image image_square(const Image *image, int side) {
  int shorter = image->width < image->height ? image->width : image->height;
  int left = (image->width - shorter) / 2, top = (image->height - shorter) / 2;
  int c = image->channels, stride = image->width * c;
  Image square = image_new(side, side, c, 0);
  const uint8_t *corner = image->pixels + (size_t)top * (size_t)stride + left * c;
  if (!stbir_resize_uint8(corner, shorter, shorter, stride, square.pixels, side,
                          side, 0, c)) /* it only fails for want of memory */
    memory_exhausted((size_t)side * (size_t)side, (size_t)c);
  return square;
}

// Paste
void image_paste(Image *canvas, const Image *tile, int x, int y, int scale) {
  assert(tile->channels == canvas->channels || tile->channels == 1);
  for (int v = 0; v < tile->height * scale; v++)
    for (int u = 0; u < tile->width * scale; u++) {
      int cx = x + u, cy = y + v;
      if (cx < 0 || cy < 0 || cx >= canvas->width || cy >= canvas->height) continue;
      int from = ((v / scale) * tile->width + u / scale) * tile->channels;
      int to = (cy * canvas->width + cx) * canvas->channels;
      for (int c = 0; c < canvas->channels; c++)
        canvas->pixels[to + c] = tile->pixels[from + (tile->channels > 1 ? c : 0)];
    }
}

// Normalize
void image_normalize(real *planes, const uint8_t *pixels, int channels,
                     int height, int width, const real *mean,
                     const real *std) {
  for (int c = 0; c < channels; c++)
    for (int i = 0; i < height * width; i++)
      planes[c * height * width + i] =
          ((real)pixels[i * channels + c] / 255 - mean[c]) / std[c];
}

Image image_from_planes(const real *planes, int channels, int height, int width,
                        const real *mean, const real *std) {
  Image image = image_new(width, height, channels, 0);
  for (int c = 0; c < channels; c++)
    for (int i = 0; i < height * width; i++) {
      real v = (planes[c * height * width + i] * std[c] + mean[c]) * 255;
      real byte = v > 0 ? v < 255 ? v : 255 : 0; /* NaN: 0 */
      image.pixels[i * channels + c] = (uint8_t)(byte + (real)0.5);
    }
  return image;
}
