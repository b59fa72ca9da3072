/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "nn/patches.h"

#include <string.h>

#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/landscape.h"

static int patch_size = 16, size = 224, gap = 4, seed = 7;
static const char *out = "build/runs/patches";

static Option options[] = {
    INT_OPTION("patch-size", patch_size, 1, 512, "side of a patch in pixels"),
    INT_OPTION("size", size, 1, 4096,
               "scale and cut the image to a square of this side"),
    INT_OPTION("gap", gap, 0, 64, "white pixels between patches in the picture"),
    INT_OPTION("seed", seed, 0, 1e9, "seed of the drawn landscape"),
    TEXT_OPTION("out", out, "folder for the pictures")};

static Program program = PROGRAM("patches", "[IMAGE]", "Cut an image (PNG or JPEG) "
                                 "into patches, write them as a picture, put them "
                                 "together again.");

static const real black[3] = {0}, white[3] = {1, 1, 1};

// Draw the patches apart
static Image draw_apart(const real *patches, int C, int side, int P) {
  int n = side / P, step = P + gap;
  Image canvas = image_new(n * step - gap, n * step - gap, C, 255);
  for (int i = 0; i < n * n; i++) {
    Image tile = image_from_planes(patches + (size_t)i * (size_t)(C * P * P), C, P,
                                   P, black, white);
    image_paste(&canvas, &tile, i % n * step, i / n * step, 1);
    image_free(&tile);
  }
  return canvas;
}

// Cut, show and join
static bool save(Image image, const char *name) {
  const bool good = image_save_in(out, name, &image);
  if (good) printf("wrote %s/%s.png\n", out, name);
  return good;
}

static bool cut_and_join(const Image *square) {
  int C = square->channels, side = square->width, P = patch_size;
  size_t count = (size_t)(C * side) * (size_t)side;
  real *planes = allocate(count, sizeof(real));
  real *patches = allocate(count, sizeof(real));
  real *joined = allocate(count, sizeof(real));
  image_normalize(planes, square->pixels, C, side, side, black, white);
  patchify(patches, planes, C, side, side, P);
  unpatchify(joined, patches, C, side, side, P);
  printf("image [%d, %d, %d] -> patches [%d, %d]\n", C, side, side,
         side / P * (side / P), C * P * P);
  Image back = image_from_planes(joined, C, side, side, black, white);
  bool same = memcmp(back.pixels, square->pixels, count) == 0;
  printf("joined again: %s\n", same ? "every pixel as before" : "DIFFERENT");
  bool good = save(draw_apart(patches, C, side, P), "patches") && save(back, "joined");
  free(planes), free(patches), free(joined);
  return good && (same || fail("the joined image differs from the original"));
}

static bool check_options(int images) {
  const int side = size / patch_size * (patch_size + gap);
  if (size % patch_size != 0)
    return fail("--patch-size: expected a divisor of --size %d, found %d", size,
                patch_size);
  if (side > IMAGE_MAX_SIDE)
    return fail("--gap: expected a picture of at most %d pixels a side, found %d",
                IMAGE_MAX_SIDE, side);
  return images <= 1 || fail("expected at most one IMAGE, found %d", images);
}

int main(int argc, char **argv) {
  int first = options_parse(&program, argc, argv);
  Image image, square;
  if (!check_options(argc - first) || !folder_make(out)) return program_failed(&program);
  if (argc == first) image = landscape_draw(size, (uint64_t)seed);
  else if (!image_load(&image, argv[first], 0)) return program_failed(&program);
  square = image_square(&image, size);
  bool good = cut_and_join(&square);
  image_free(&image), image_free(&square);
  return good ? 0 : program_failed(&program);
}
