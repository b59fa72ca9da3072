/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "data/prepare.h"

#include "testing.h"

#include "base/error.h"

static const struct {
  const char *picture, *rest;
  Preparation how;
} cases[] = {
    {"RGB-97x61", "bicubic-24-24-r", {24, 24, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"RGB-97x61", "bilinear-0-16-f", {16, 0, FILTER_BILINEAR, false, {0}, {0}, 0}},
    {"RGB-97x61", "bicubic-27-24-f", {24, 27, FILTER_BICUBIC, false, {0}, {0}, 0}},
    {"RGB-13x40", "bicubic-32-32-r", {32, 32, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"RGB-13x40", "bilinear-0-32-f", {32, 0, FILTER_BILINEAR, false, {0}, {0}, 0}},
    {"RGB-32x32", "bicubic-32-32-r", {32, 32, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"RGB-200x7", "bicubic-16-16-r", {16, 16, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"RGB-1x1", "bicubic-8-8-r", {8, 8, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"L-50x33", "bicubic-20-20-r", {20, 20, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"LA-50x33", "bicubic-20-20-r", {20, 20, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"P-50x33", "bilinear-0-20-f", {20, 0, FILTER_BILINEAR, false, {0}, {0}, 0}},
    {"RGBA-64x48", "bicubic-24-24-r", {24, 24, FILTER_BICUBIC, true, {0}, {0}, 0}},
    {"1-40x40", "bicubic-19-16-r", {16, 19, FILTER_BICUBIC, true, {0}, {0}, 0}}};

START_TEST(pictures_are_prepared_as_pillow_does_it) {
  int differ = 0, pixels = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *folder = "tests/fixtures/prepare/", *name = cases[i].picture;
    Image image, expected;
    ck_assert_msg(image_load_opaque(&image, text_of("%s%s.png", folder, name)) &&
                      image_load(&expected, text_of("%s%s-%s.png", folder, name,
                                                    cases[i].rest), 3),
                  "%s", fail_message());
    Image got = prepare_pixels(&cases[i].how, &image);
    ck_assert_int_eq(got.width, expected.width);
    ck_assert_int_eq(got.height, expected.height);
    for (int k = 0; k < got.width * got.height * 3; k++, pixels++) {
      const int gap = abs(got.pixels[k] - expected.pixels[k]);
      ck_assert_msg(gap <= 1, "%s-%s: number %d: %d, Pillow has %d", name, cases[i].rest,
                    k, got.pixels[k], expected.pixels[k]);
      differ += gap;
    }
    image_free(&image), image_free(&expected), image_free(&got);
  }
  ck_assert_msg(differ == 0, "%d of %d differ", differ, pixels);
}
END_TEST

START_TEST(the_example_of_the_chapter) {
  uint8_t four[] = {0, 0, 255, 255};
  const Image row = {4, 1, 1, four};
  Image two = image_resize(&row, 2, 1, FILTER_BILINEAR);
  ck_assert_int_eq(two.pixels[0], 36); /* .143 of 255 */
  ck_assert_int_eq(two.pixels[1], 219);
  image_free(&two);
}
END_TEST

START_TEST(a_file_becomes_normalized_planes) {
  const Preparation how = {24, 24, FILTER_BICUBIC, true, {0.5, 0.25, 0}, {0.5, 0.25, 2},
                           0};
  const char *path = "tests/fixtures/prepare/RGBA-64x48.png";
  real *planes = calloc(3 * 24 * 24, sizeof *planes);
  Image image;
  ck_assert_msg(prepare_file(&how, path, planes), "%s", fail_message());
  ck_assert(image_load_opaque(&image, path));
  Image pixels = prepare_pixels(&how, &image);
  for (int c = 0; c < 3; c++)
    for (int i = 0; i < 24 * 24; i++)
      ck_assert_double_eq_tol((double)planes[c * 24 * 24 + i],
                              (pixels.pixels[3 * i + c] / 255. - (double)how.mean[c]) /
                                  (double)how.std[c], 1e-6);
  ck_assert(!prepare_file(&how, "tests/fixtures/none.png", planes));
  ck_assert(strstr(fail_message(), "tests/fixtures/none.png: cannot open"));
  image_free(&image), image_free(&pixels), free(planes);
}
END_TEST

TEST_MAIN("prepare", pictures_are_prepared_as_pillow_does_it, the_example_of_the_chapter,
          a_file_becomes_normalized_planes)
