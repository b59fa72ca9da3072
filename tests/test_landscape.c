/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "data/landscape.h"

#include "testing.h"

START_TEST(a_landscape_is_bright_above_and_dark_below) {
  Image a = landscape_draw(64, 1), b = landscape_draw(64, 1), c = landscape_draw(64, 2);
  long sky = 0, lake = 0;
  for (int i = 0; i < 64 * 8 * 3; i++) {
    sky += a.pixels[i];
    lake += a.pixels[64 * 56 * 3 + i];
  }
  ck_assert_int_gt(sky, lake);
  ck_assert_mem_eq(a.pixels, b.pixels, 64 * 64 * 3);
  ck_assert_mem_ne(a.pixels, c.pixels, 64 * 64 * 3);
  image_free(&a);
  image_free(&b);
  image_free(&c);
}
END_TEST

TEST_MAIN("landscape", a_landscape_is_bright_above_and_dark_below)
