/* Tangled from chapters/61-images.nw: edit that, not this. */
#include "data/image.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/stb.h"

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
       JPEG_CODES = 256 };   /* that a table can hold */

/* What a file says besides its size. */
typedef struct Facts {
  bool whole;       /* is it there to its end? */
  bool tables;      /* are its code tables sound? */
  bool transparent; /* does one colour stand for nothing at all? */
  int orientation;  /* EXIF, 1 to 8; 1: upright */
} Facts;

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

static unsigned number_at(const uint8_t *b, int size, bool little) {
  unsigned number = 0;
  for (int i = 0; i < size; i++)
    number |= (unsigned)b[i] << 8 * (little ? i : size - 1 - i);
  return number;
}

static int exif_orientation(const uint8_t *b, size_t count) {
  if (count < 8 || (memcmp(b, "II", 2) != 0 && memcmp(b, "MM", 2) != 0)) return 1;
  const bool little = *b == 'I';
  const size_t list = number_at(b + 4, 4, little);
  if (list > count || count - list < 2) return 1;
  const size_t entries = number_at(b + list, 2, little);
  for (size_t i = 0, at = list + 2; i < entries && at + 12 <= count; i++, at += 12)
    if (number_at(b + at, 2, little) == 0x112) {
      const unsigned value = number_at(b + at + 8, 2, little);
      return value >= 1 && value <= 8 ? (int)value : 1;
    }
  return 1;
}

static Facts jpeg_facts(const uint8_t *bytes, size_t count) {
  Facts f = {.tables = true, .orientation = 1};
  bool data = false;
  for (size_t at = 0; at + 2 <= count;) {
    const uint8_t mark = bytes[at + 1], *body = bytes + at + 4;
    if (bytes[at] != 0xff || mark <= 1 || mark == 0xff ||
        (mark >= 0xd0 && mark <= 0xd8)) {
      at++;
      continue;
    }
    if (mark == 0xd9) f.whole = data;
    if (mark == 0xd9 || at + 4 > count) return f;
    const size_t length = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
    const bool fits = length >= 2 && length <= count - at - 2;
    if (mark == 0xc4) f.tables = fits && tables_fit(body, length - 2);
    if (!fits || !f.tables) return f;
    if (mark == 0xe1 && length > 8 && memcmp(body, "Exif\0", 6) == 0)
      f.orientation = exif_orientation(body + 6, length - 8);
    data = data || mark == 0xda;
    at += 2 + length;
  }
  return f;
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
static Facts png_facts(const uint8_t *bytes, size_t count, size_t most) {
  Facts f = {.tables = true, .orientation = 1};
  z_stream z = {.zalloc = NULL};
  int state = inflateInit(&z);
  for (size_t at = 8; !f.whole && state != Z_MEM_ERROR && at + 12 <= count;) {
    const uint8_t *b = bytes + at;
    const size_t length = (size_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    if (length > count - at - 12) break;
    f.whole = memcmp(b + 4, "IEND", 4) == 0;
    f.transparent = f.transparent || memcmp(b + 4, "tRNS", 4) == 0;
    if (memcmp(b + 4, "eXIf", 4) == 0) f.orientation = exif_orientation(b + 8, length);
    if (memcmp(b + 4, "IDAT", 4) == 0) state = count_unpacked(&z, b + 8, length, most);
    at += 12 + length;
  }
  inflateEnd(&z);
  f.whole = f.whole && z.total_out <= most;
  return f;
}

/* `channels` is how many the decoder is asked for. */
static bool check_size(const char *path, size_t count, bool jpeg, int width, int height,
                       int channels) {
  const size_t pixels = (size_t)width * (size_t)height;
  const size_t least = pixels / (jpeg ? JPEG_PIXELS : 8 * DEFLATE_LIMIT);
  if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
      pixels * (size_t)channels > IMAGE_MAX_BYTES)
    return fail("%s: expected a picture of at most %d pixels a side and %d bytes "
                "(IMAGE_MAX_BYTES), found %d x %d x %d", path, IMAGE_MAX_SIDE,
                IMAGE_MAX_BYTES, width, height, channels);
  if (least > count)
    return fail("%s: expected data for %d x %d pixels, found %zu bytes", path, width,
                height, count);
  return true;
}

static bool check_claims(const char *path, const uint8_t *bytes, size_t count,
                         int width, int height, int stored, Facts *facts) {
  const bool jpeg = bytes[0] == 0xff;
  const size_t most = (size_t)height * ((size_t)width * 2 * (size_t)stored + 8) + 64;
  if (!check_size(path, count, jpeg, width, height, stored)) return false;
  if (!jpeg) *facts = png_facts(bytes, count, most);
  if (facts->whole) return true;
  if (jpeg) return fail("%s: expected a whole JPEG, found one that is cut short", path);
  return fail("%s: expected a whole PNG of at most %zu bytes, found one that is cut "
              "short or unpacks to more", path, most);
}

// Lay over white
static void flatten(uint8_t *out, const uint8_t *in, int channels, size_t pixels,
                    bool opaque) {
  for (size_t i = 0; i < pixels; i++, in += channels + 1, out += channels)
    for (int c = 0; c < channels; c++) {
      const int alpha = opaque ? 255 : in[channels];
      out[c] = (uint8_t)((alpha * in[c] + (255 - alpha) * 255 + 127) / 255);
    }
}

// Turn a picture upright
static void turn_upright(Image *image, int orientation) {
  const int W = image->width, H = image->height, C = image->channels;
  const bool sideways = orientation >= 5;
  if (orientation == 1) return;
  Image upright = image_new(sideways ? H : W, sideways ? W : H, C, 0);
  for (int y = 0; y < upright.height; y++)
    for (int x = 0; x < upright.width; x++) {
      const int u = sideways ? y : x, v = sideways ? x : y;
      const bool left = orientation == 2 || orientation == 3 || orientation >= 7;
      const bool up = orientation == 3 || orientation == 4 || orientation == 6 ||
                      orientation == 7;
      const size_t column = (size_t)(left ? W - 1 - u : u);
      const size_t from = ((size_t)(up ? H - 1 - v : v) * W + column) * C;
      memcpy(upright.pixels + ((size_t)y * upright.width + x) * C, image->pixels + from,
             (size_t)C);
    }
  image_free(image);
  *image = upright;
}

// Decode a picture
static bool decode(Image *image, const char *path, const uint8_t *bytes,
                   size_t count, int channels, bool opaque) {
  int width, height, stored;
  const char *why;
  Facts facts = {.tables = true};
  if (count >= 4 && bytes[0] == 0xff) facts = jpeg_facts(bytes, count);
  if (!facts.tables)
    return fail("%s: expected a JPEG with whole code tables of at most %d codes, found "
                "others", path, JPEG_CODES);
  if (count < 4 || !picture_info(bytes, count, &width, &height, &stored))
    return fail("%s: expected a PNG or JPEG picture, found %zu bytes that are not",
                path, count);
  if (!check_claims(path, bytes, count, width, height, stored, &facts)) return false;
  const int wanted = channels ? channels : (stored <= 2 ? 1 : 3);
  const bool alpha = stored == 2 || stored == 4 || facts.transparent;
  if (!check_size(path, count, *bytes == 0xff, width, height,
                  wanted + alpha)) return false;
  uint8_t *pixels = picture_decode(bytes, count, wanted + alpha, &why);
  if (!pixels)
    return fail("%s: expected a whole picture, found a broken one (%s)", path, why);
  if (alpha) flatten(pixels, pixels, wanted, (size_t)width * (size_t)height, opaque);
  *image = (Image){width, height, wanted, pixels};
  turn_upright(image, facts.orientation);
  return true;
}

// Load, save and scale
static bool load(Image *image, const char *path, int channels, bool opaque) {
  size_t count;
  char *bytes = file_read(path, &count);
  if (!bytes) return false;
  bool good = decode(image, path, (const uint8_t *)bytes, count, channels, opaque);
  free(bytes);
  return good;
}

bool image_load(Image *image, const char *path, int channels) {
  return load(image, path, channels, false);
}

bool image_load_opaque(Image *image, const char *path) {
  return load(image, path, 3, true);
}

static void write_part(void *file, void *bytes, int count) {
  fwrite(bytes, 1, (size_t)count, file); /* file_commit sees an error */
}

bool image_save(const Image *image, const char *path) {
  FILE *file = file_begin(path);
  if (!file) return false;
  if (picture_encode(write_part, file, image->pixels, image->width, image->height,
                     image->channels))
    return file_commit(file, path);
  file_abandon(file, path);
  return fail("%s: out of memory while packing the picture", path);
}

bool image_save_in(const char *folder, const char *name, Image *image) {
  char path[PATH_MAX], file[64];
  snprintf(file, sizeof file, "%s.png", name);
  const bool good = path_join(path, folder, file) && image_save(image, path);
  image_free(image);
  return good;
}

Image image_square(const Image *image, int side) {
  int shorter = image->width < image->height ? image->width : image->height;
  int left = (image->width - shorter) / 2, top = (image->height - shorter) / 2;
  int c = image->channels, stride = image->width * c;
  Image square = image_new(side, side, c, 0);
  const uint8_t *corner = image->pixels + (size_t)top * (size_t)stride + left * c;
  const size_t row = (size_t)side * (size_t)c;
  for (int y = 0; shorter == side && y < side; y++) /* nothing to be scaled */
    memcpy(square.pixels + y * row, corner + (size_t)y * (size_t)stride, row);
  if (shorter != side && !picture_scale(square.pixels, side, corner, shorter, stride, c))
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
                     int height, int width, const real *mean, const real *std) {
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
