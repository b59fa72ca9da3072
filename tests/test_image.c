/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "data/image.h"

#include <stb/stb_image_write.h>
#include <zlib.h>
#include <unistd.h>

#include "testing.h"

#include "base/error.h"

static Image ramp(int width, int height, int channels) {
  Image image = image_new(width, height, channels, 0);
  for (int i = 0; i < width * height * channels; i++)
    image.pixels[i] = (uint8_t)(i * 37);
  return image;
}

// Pictures survive the disk
START_TEST(png_comes_back_exactly) {
  const char *path = scratch_path(scratch_folder("png"), "a.png");
  for (int channels = 1; channels <= 3; channels += 2) {
    Image out = ramp(7, 5, channels), in;
    ck_assert(image_save(&out, path));
    ck_assert(image_load(&in, path, 0));
    ck_assert_int_eq(in.width, 7);
    ck_assert_int_eq(in.height, 5);
    ck_assert_int_eq(in.channels, channels);
    ck_assert_mem_eq(in.pixels, out.pixels, (size_t)(35 * channels));
    image_free(&in);
    ck_assert(image_load(&in, path, 4 - channels)); /* grey <-> colour */
    ck_assert_int_eq(in.channels, 4 - channels);
    image_free(&in), image_free(&out);
  }
}
END_TEST

START_TEST(jpeg_comes_back_nearly) {
  const char *path = scratch_path(scratch_folder("jpeg"), "a.jpg");
  Image out = image_new(16, 16, 3, 90), in;
  ck_assert(stbi_write_jpg(path, 16, 16, 3, out.pixels, 95));
  ck_assert(image_load(&in, path, 3));
  for (int i = 0; i < 16 * 16 * 3; i++)
    ck_assert_int_le(abs(in.pixels[i] - 90), 3);
  image_free(&in), image_free(&out);
}
END_TEST

START_TEST(transparency_is_laid_over_white) {
  const char *path = scratch_path(scratch_folder("alpha"), "a.png");
  const uint8_t rgba[] = {200, 0, 0, 128, 9, 9, 9, 0, 1, 2, 3, 255};
  const uint8_t want[] = {227, 127, 127, 255, 255, 255, 1, 2, 3};
  Image in;
  ck_assert(stbi_write_png(path, 3, 1, 4, rgba, 12));
  ck_assert(image_load(&in, path, 0));
  ck_assert_int_eq(in.channels, 3);
  ck_assert_mem_eq(in.pixels, want, 9);
  image_free(&in);
}
END_TEST

// Bad pictures are refused
static void refused(const char *path, const char *why) {
  Image image = {0};
  ck_assert(!image_load(&image, path, 3));
  ck_assert(image.pixels == NULL);
  ck_assert_msg(strstr(fail_message(), why) && strstr(fail_message(), path),
                "message '%s' lacks '%s' or the path", fail_message(), why);
}

START_TEST(bad_files_get_one_clear_line) {
  const char *folder = scratch_folder("badimage");
  const char *path = scratch_path(folder, "a.png");
  refused(path, "cannot open: No such file");
  refused(folder, "expected a file, found a folder");
  write_file(path, "", 0);
  refused(path, "expected a PNG or JPEG picture, found 0 bytes");
  write_file(path, "GIF89a not for us", 17);
  refused(path, "expected a PNG or JPEG picture");
}
END_TEST

START_TEST(a_header_that_lies_is_refused) {
  const char *path = scratch_path(scratch_folder("lie"), "a.png");
  Image image = ramp(8, 8, 3);
  ck_assert(image_save(&image, path));
  image_free(&image);
  size_t count;
  char *bytes = read_file(path, &count);
  memcpy(bytes + 16, "\0\0\x10\0\0\0\x10\0", 8); /* claims 4096 x 4096 */
  write_file(path, bytes, count);
  refused(path, "expected data for 4096 x 4096 pixels");
  memcpy(bytes + 16, "\0\0\x3f\xff\0\0\x3f\xff", 8); /* and 16383 x 16383 */
  write_file(path, bytes, count);
  refused(path, "expected a picture of at most 16384 pixels a side");
  memcpy(bytes + 16, "\x7f\xff\xff\xff\x7f\xff\xff\xff", 8);
  write_file(path, bytes, count);
  refused(path, "expected a PNG or JPEG picture");
  free(bytes);
}
END_TEST

/* A picture of one colour packs to almost nothing and is still no lie. */
START_TEST(plain_pictures_are_accepted) {
  const char *path = scratch_path(scratch_folder("plain"), "a.png");
  Image image = image_new(3000, 2000, 1, 255), in;
  ck_assert(image_save(&image, path));
  ck_assert_msg(image_load(&in, path, 0), "%s", fail_message());
  ck_assert_mem_eq(in.pixels, image.pixels, 3000 * 2000);
  image_free(&in), image_free(&image);
}
END_TEST

START_TEST(cut_files_are_refused) {
  const char *folder = scratch_folder("cut");
  const char *png = scratch_path(folder, "a.png");
  const char *jpg = scratch_path(folder, "a.jpg");
  Image image = ramp(40, 40, 3);
  size_t count;
  ck_assert(image_save(&image, png));
  ck_assert(stbi_write_jpg(jpg, 40, 40, 3, image.pixels, 90));
  image_free(&image);
  for (int i = 0; i < 2; i++) {
    char *bytes = read_file(i ? jpg : png, &count);
    for (size_t cut = 5; cut < count - 12; cut += 97) {
      write_file(i ? jpg : png, bytes, cut);
      refused(i ? jpg : png, "expected a");
    }
    free(bytes);
  }
}
END_TEST

START_TEST(a_full_disk_is_reported) {
  const char *folder = scratch_folder("fullimage");
  const char *path = scratch_path(folder, "a.png");
  Image image = ramp(4, 4, 1);
  ck_assert_int_eq(symlink("/dev/full", scratch_path(folder, "a.png.new")), 0);
  ck_assert(!image_save(&image, path));
  ck_assert(strstr(fail_message(), "No space left on device"));
  image_free(&image);
}
END_TEST

// Numbers from pictures and back
START_TEST(normalisation_and_its_inverse) {
  const uint8_t orange_and_black[] = {255, 128, 0, 0, 0, 0};
  const real mean[] = {0, 0, 0}, one[] = {1, 1, 1};
  real planes[6];
  image_normalize(planes, orange_and_black, 3, 1, 2, mean, one);
  const double want[] = {1, 0, 128 / 255.0, 0, 0, 0};
  for (int i = 0; i < 6; i++) ck_assert_double_eq_tol(planes[i], want[i], 1e-6);
  const real mu[] = {(real)0.1307}, sigma[] = {(real)0.3081};
  const uint8_t ends[] = {0, 255};
  image_normalize(planes, ends, 1, 1, 2, mu, sigma);
  ck_assert_double_eq_tol(planes[0], -0.4242, 5e-5);
  ck_assert_double_eq_tol(planes[1], 2.8215, 5e-5);
  Image out = ramp(16, 16, 1);
  real values[256];
  image_normalize(values, out.pixels, 1, 16, 16, mu, sigma);
  Image in = image_from_planes(values, 1, 16, 16, mu, sigma);
  ck_assert_mem_eq(in.pixels, out.pixels, 256);
  image_free(&in), image_free(&out);
}
END_TEST

START_TEST(a_tile_is_pasted) {
  Image canvas = image_new(4, 3, 3, 10), tile = image_new(1, 1, 1, 99);
  image_paste(&canvas, &tile, 2, 1, 2);
  image_paste(&canvas, &tile, -1, -1, 2); /* three quarters of it outside */
  int bright = 0;
  for (int i = 0; i < 12; i++) bright += canvas.pixels[3 * i + 1] == 99;
  ck_assert_int_eq(bright, 5);
  ck_assert_int_eq(canvas.pixels[(1 * 4 + 2) * 3], 99);
  ck_assert_int_eq(canvas.pixels[0], 99);
  image_free(&canvas), image_free(&tile);
}
END_TEST

START_TEST(a_square_is_cut_from_the_middle) {
  Image wide = image_new(30, 10, 1, 0);
  for (int y = 0; y < 10; y++)
    for (int x = 10; x < 20; x++) wide.pixels[y * 30 + x] = 200;
  Image square = image_square(&wide, 5);
  ck_assert_int_eq(square.width, 5);
  ck_assert_int_eq(square.height, 5);
  for (int i = 0; i < 25; i++) ck_assert_int_eq(square.pixels[i], 200);
  image_free(&square), image_free(&wide);
}
END_TEST

// Pictures as people have them
/* Put a segment or chunk between the first `at` bytes of a file and the rest. */
static void insert_part(const char *path, size_t at, const void *part, size_t size) {
  size_t count;
  char *bytes = read_file(path, &count), *copy = malloc(count + size);
  memcpy(copy, bytes, at);
  memcpy(copy + at, part, size);
  memcpy(copy + at + size, bytes + at, count - at);
  write_file(path, copy, count + size);
  free(bytes), free(copy);
}

START_TEST(what_follows_the_picture_is_ignored) {
  static const char video[] = "....ftypmp42 \xff\xda\x00\x08 and more \xff\xd8";
  const char *path = scratch_path(scratch_folder("motion"), "a.jpg");
  Image image = ramp(24, 16, 3), before, after;
  size_t count;
  ck_assert(stbi_write_jpg(path, 24, 16, 3, image.pixels, 90));
  ck_assert(image_load(&before, path, 3));
  free(read_file(path, &count));
  insert_part(path, count, video, sizeof video);
  ck_assert_msg(image_load(&after, path, 3), "%s", fail_message());
  ck_assert_mem_eq(before.pixels, after.pixels, 24 * 16 * 3);
  image_free(&image), image_free(&before), image_free(&after);
}
END_TEST

static void insert_key(const char *path, const uint8_t *key, size_t size) {
  uint8_t chunk[32] = {0, 0, 0, (uint8_t)size, 't', 'R', 'N', 'S'};
  memcpy(chunk + 8, key, size);
  const uLong sum = crc32(0, chunk + 4, (uInt)size + 4);
  for (int i = 0; i < 4; i++) chunk[8 + size + i] = (uint8_t)(sum >> (24 - 8 * i));
  insert_part(path, 33, chunk, size + 12);
}

START_TEST(a_colour_key_is_transparent) {
  const char *path = scratch_path(scratch_folder("key"), "a.png");
  static const uint8_t rgb[] = {0, 0, 0, 9, 8, 7}, grey[] = {5, 6};
  static const uint8_t white_rgb[] = {255, 255, 255, 9, 8, 7}, white_grey[] = {5, 255};
  Image in;
  ck_assert(stbi_write_png(path, 2, 1, 3, rgb, 6));
  insert_key(path, (uint8_t[]){0, 0, 0, 0, 0, 0}, 6);
  ck_assert_msg(image_load(&in, path, 0), "%s", fail_message());
  ck_assert_int_eq(in.channels, 3);
  ck_assert_mem_eq(in.pixels, white_rgb, 6);
  image_free(&in);
  ck_assert(stbi_write_png(path, 2, 1, 1, grey, 2));
  insert_key(path, (uint8_t[]){0, 6}, 2);
  ck_assert_msg(image_load(&in, path, 0), "%s", fail_message());
  ck_assert_int_eq(in.channels, 1);
  ck_assert_mem_eq(in.pixels, white_grey, 2);
  image_free(&in);
}
END_TEST

/* Where in an upright picture w x h the stored pixel (row, column) belongs. */
static int upright_index(int orientation, int row, int column, int w, int h) {
  static const char *const edges[] = {"",   "TL", "TR", "BR", "BL",
                                      "LT", "RT", "RB", "LB"};
  const char *edge = edges[orientation];
  const bool sideways = *edge == 'L' || *edge == 'R';
  const int along = sideways ? row : column, down = sideways ? column : row;
  const char side = sideways ? edge[0] : edge[1], top = sideways ? edge[1] : edge[0];
  return (top == 'T' ? down : h - 1 - down) * w + (side == 'L' ? along : w - 1 - along);
}

START_TEST(pictures_stand_upright) {
  enum { W = 32, H = 16 };
  const char *path = scratch_path(scratch_folder("exif"), "a.jpg");
  uint8_t upright[W * H], stored[W * H];
  for (int i = 0; i < W * H; i++) /* eight flat squares of 8 x 8 */
    upright[i] = (uint8_t)(30 * (i % W / 8 + i / W / 8 * 4) + 10);
  for (int orientation = 1; orientation <= 8; orientation++)
    for (int big = 0; big < 2; big++) {
      const int w = orientation < 5 ? W : H, h = W * H / w;
      Image in;
      for (int i = 0; i < W * H; i++)
        stored[i] = upright[upright_index(orientation, i / w, i % w, W, H)];
      ck_assert(stbi_write_jpg(path, w, h, 1, stored, 100));
      // Insert EXIF data with this orientation
      uint8_t little[] = {0xff, 0xe1, 0, 42, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0,
                          8, 0, 0, 0, 2, 0, /* and two entries: */
                          0x0f, 1, 2, 0, 1, 0, 0, 0, 'A', 0, 0, 0,
                          0x12, 1, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0};
      uint8_t large[] = {0xff, 0xe1, 0, 42, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42,
                         0, 0, 0, 8, 0, 2,
                         1, 0x0f, 0, 2, 0, 0, 0, 1, 'A', 0, 0, 0,
                         1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0};
      little[40] = large[41] = (uint8_t)orientation;
      insert_part(path, 2, big ? large : little, 44);
      ck_assert_msg(image_load(&in, path, 1), "%s", fail_message());
      ck_assert(in.width == W && in.height == H);
      for (int i = 0; i < W * H; i++)
        ck_assert_msg(abs(in.pixels[i] - upright[i]) < 4, "%d: pixel %d is %d, not %d",
                      orientation, i, in.pixels[i], upright[i]);
      image_free(&in);
    }
}
END_TEST

/* A PNG of w x h pixels in RGB, all black. */
static void write_black(const char *path, int w, int h) {
  const size_t size = ((size_t)w * 3 + 1) * (size_t)h;
  uLongf packed = compressBound(size);
  uint8_t *rows = calloc(size, 1), *data = malloc(packed + 100);
  const uint8_t head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 26, '\n'};
  ck_assert_int_eq(compress2(data, &packed, rows, size, 1), Z_OK);
  FILE *file = fopen(path, "wb");
  fwrite(head, 1, 8, file);
  for (int part = 0; part < 3; part++) {
    const uint8_t header[13] = {(uint8_t)(w >> 24), (uint8_t)(w >> 16), (uint8_t)(w >> 8),
                                (uint8_t)w, (uint8_t)(h >> 24), (uint8_t)(h >> 16),
                                (uint8_t)(h >> 8), (uint8_t)h, 8, 2};
    const uint32_t length = part == 0 ? 13 : part == 1 ? (uint32_t)packed : 0;
    const char *name = &"IHDRIDATIEND"[4 * part];
    uLong sum = crc32(0, (const Bytef *)name, 4);
    if (length) sum = crc32(sum, part ? data : header, length);
    for (int i = 3; i >= 0; i--) fputc((int)(length >> (8 * i) & 255), file);
    fwrite(name, 1, 4, file);
    fwrite(part ? data : header, 1, length, file);
    for (int i = 3; i >= 0; i--) fputc((int)(sum >> (8 * i) & 255), file);
  }
  fclose(file);
  free(rows), free(data);
}

START_TEST(large_pictures_are_read) {
  static const int sizes[][2] = {{2400, 2400}, {3840, 2160}, {6000, 4000}, {8000, 6000}};
  const char *path = scratch_path(scratch_folder("large"), "a.png");
  for (int i = 0; i < 4; i++) {
    Image in;
    write_black(path, sizes[i][0], sizes[i][1]);
    ck_assert_msg(image_load(&in, path, 3), "%s", fail_message());
    ck_assert(in.width == sizes[i][0] && in.height == sizes[i][1]);
    image_free(&in);
  }
}
END_TEST

START_TEST(too_large_ones_name_the_limit) {
  const char *path = scratch_path(scratch_folder("toolarge"), "a.png");
  write_black(path, 8000, 7000);
  refused(path, "expected a picture of at most 16384 pixels a side and 167772160 bytes "
          "(IMAGE_MAX_BYTES), found 8000 x 7000 x 3");
}
END_TEST

// Grey, cut and coloured
START_TEST(transparent_greys_and_rounding) {
  const char *path = scratch_path(scratch_folder("grey"), "a.png");
  const uint8_t grey[] = {100, 0, 0, 255, 201, 128}, want[] = {255, 0, 228};
  Image in;
  ck_assert(stbi_write_png(path, 3, 1, 2, grey, 6));
  ck_assert(image_load(&in, path, 0));
  ck_assert_int_eq(in.channels, 1);
  ck_assert_mem_eq(in.pixels, want, 3);
  image_free(&in);
}
END_TEST

START_TEST(a_jpeg_without_its_end_is_refused) {
  const char *path = scratch_path(scratch_folder("jpegend"), "a.jpg");
  Image image = image_new(64, 64, 3, 0), in;
  for (int i = 0; i < 64 * 64 * 3; i++) image.pixels[i] = (uint8_t)(i * i >> 4);
  ck_assert(stbi_write_jpg(path, 64, 64, 3, image.pixels, 90));
  size_t count;
  char *bytes = read_file(path, &count), *copy = malloc(count + 6);
  // Refuse the file without its last two bytes
  write_file(path, bytes, count - 2); /* all but the end marker */
  ck_assert(!image_load(&in, path, 3));
  ck_assert(strstr(fail_message(), "a whole JPEG, found one that is cut short"));
  /* an end marker inside a comment before the scan does not count */
  memcpy(copy, bytes, 2);
  memcpy(copy + 2, "\xff\xfe\x00\x04\xff\xd9", 6);
  memcpy(copy + 8, bytes + 2, count - 2);
  write_file(path, copy, count + 6 - 2);
  ck_assert(!image_load(&in, path, 3));
  ck_assert(strstr(fail_message(), "cut short"));
  write_file(path, copy, count + 6);
  ck_assert(image_load(&in, path, 3));
  image_free(&in), image_free(&image), free(bytes), free(copy);
}
END_TEST

START_TEST(channels_and_colours_are_kept_apart) {
  const uint8_t pixels[] = {0, 255};
  const real mean[] = {0, (real)0.5}, std[] = {1, (real)0.25};
  real planes[2];
  image_normalize(planes, pixels, 2, 1, 1, mean, std);
  ck_assert(planes[0] == 0 && planes[1] == 2);
  Image canvas = image_new(2, 2, 3, 0), tile = image_new(1, 1, 3, 0);
  for (int c = 0; c < 3; c++) tile.pixels[c] = (uint8_t)(c + 1);
  image_paste(&canvas, &tile, 1, 1, 1);
  ck_assert_mem_eq(canvas.pixels + 9, tile.pixels, 3);
  image_free(&canvas), image_free(&tile);
  Image tall = image_new(10, 30, 1, 0);
  memset(tall.pixels + 100, 200, 100); /* rows 10 to 19 */
  Image square = image_square(&tall, 5);
  for (int i = 0; i < 25; i++) ck_assert_int_eq(square.pixels[i], 200);
  image_free(&square), image_free(&tall);
}
END_TEST

TEST_MAIN("image", transparent_greys_and_rounding,
          a_jpeg_without_its_end_is_refused, channels_and_colours_are_kept_apart,
          png_comes_back_exactly, jpeg_comes_back_nearly,
          transparency_is_laid_over_white, bad_files_get_one_clear_line,
          a_header_that_lies_is_refused, plain_pictures_are_accepted,
          cut_files_are_refused, what_follows_the_picture_is_ignored,
          a_colour_key_is_transparent, pictures_stand_upright,
          large_pictures_are_read, too_large_ones_name_the_limit,
          a_full_disk_is_reported, normalisation_and_its_inverse,
          a_tile_is_pasted, a_square_is_cut_from_the_middle)
