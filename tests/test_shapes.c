/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "data/shapes.h"

#include "testing.h"

START_TEST(drawings_repeat_and_differ_by_seed) {
  Dataset a, b, c;
  shapes_make(&a, 50, 1);
  shapes_make(&b, 30, 1);
  shapes_make(&c, 30, 2);
  ck_assert_mem_eq(a.pixels, b.pixels, 30 * 3072);
  ck_assert_mem_eq(a.labels, b.labels, 30);
  ck_assert_mem_ne(a.pixels, c.pixels, 30 * 3072);
  dataset_free(&a);
  dataset_free(&b);
  dataset_free(&c);
}
END_TEST

START_TEST(all_kinds_occur_as_often) {
  Dataset data;
  int counts[SHAPES_KINDS] = {0};
  shapes_make(&data, 4000, 1);
  for (int i = 0; i < 4000; i++) counts[data.labels[i]]++;
  for (int k = 0; k < SHAPES_KINDS; k++) ck_assert_int_lt(abs(counts[k] - 500), 110);
  ck_assert(data.std[0] > (real)0.05 && data.mean[0] > (real)0.1);
  dataset_free(&data);
}
END_TEST

/* The area of each figure, counted in pixels, against geometry. */
START_TEST(figures_have_their_areas) {
  const double area[] = {3.1416, 2.89, 1.944, 2.42, 2.04, 2.191, -1, 1.54};
  for (int kind = 0; kind < SHAPES_KINDS; kind++) {
    double pixels = 0;
    for (int drawing = 0; drawing < 2; drawing++) {
      Figure f = {kind, 7, 16.2, 15.7, 11};
      Image image = shapes_draw(&f, drawing, random_key(3, "area"));
      for (int i = 0; i < 1024; i++)
        pixels += (drawing ? 1 : -1) * (double)image.pixels[3 * i];
      image_free(&image);
    }
    double background = 20 + 60 * random_uniform(random_key(3, "area"), 0);
    double found = pixels / (235 - background) / 121;
    if (kind != 6) ck_assert_double_eq_tol(found, area[kind], 0.06);
    else ck_assert(found > 0.5 && found < 1.6);
  }
}
END_TEST

// Variety
START_TEST(shapes_vary_in_colour_place_and_grain) {
  enum { COUNT = 400 };
  Dataset data;
  double sum[2] = {0}, squares = 0, mean = 0;
  int pixels = 0, strongest[3] = {0};
  shapes_make(&data, COUNT, 1);
  // Gather where figures lie and which channel is strongest
  for (int n = 0; n < COUNT; n++) {
    const uint8_t *p = dataset_image(&data, n);
    double background = (p[0] + p[93] + p[3 * 992] + p[3071]) / 4.0, part[3] = {0};
    for (int i = 0; i < 1024; i++) {
      bool figure = false;
      for (int c = 0; c < 3; c++) figure |= fabs(p[3 * i + c] - background) > 50;
      if (!figure) continue;
      pixels++, sum[0] += i % 32 + 0.5, sum[1] += i / 32 + 0.5;
      for (int c = 0; c < 3; c++) part[c] += p[3 * i + c];
    }
    int best = part[1] > part[0] ? 1 : 0;
    strongest[part[2] > part[best] ? 2 : best]++;
  }
  for (int c = 0; c < 3; c++) ck_assert_int_gt(strongest[c], 40);
  for (int k = 0; k < 2; k++) ck_assert_double_eq_tol(sum[k] / pixels, 16, 1);
  dataset_free(&data);
  Image empty = shapes_draw(NULL, 0, random_key(1, "empty"));
  for (int i = 0; i < 3072; i++) mean += empty.pixels[i] / 3072.0;
  for (int i = 0; i < 3072; i++) squares += pow(empty.pixels[i] - mean, 2) / 3072;
  ck_assert_double_eq_tol(sqrt(squares), 8, 0.6);
  image_free(&empty);
}
END_TEST

TEST_MAIN("shapes", shapes_vary_in_colour_place_and_grain,
          drawings_repeat_and_differ_by_seed, all_kinds_occur_as_often,
          figures_have_their_areas)
