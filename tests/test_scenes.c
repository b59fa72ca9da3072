/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/scenes.h"

#include <omp.h>

#include "testing.h"

/* Does the text say of this figure only what is so, and what it is at all? */
static bool describes(const char *text, const Figure *f) {
  if (!strstr(text, shapes_kinds[f->kind])) return false;
  for (int c = 0; c < SHAPES_COLOURS; c++)
    if (!strstr(text, shapes_colours[c]) != (c != f->colour)) return false;
  if (strstr(text, "small")) return f->radius < 5;
  return !strstr(text, "large") || f->radius >= 6;
}

static bool lies(const char *word, const Figure *a, const Figure *b) {
  double right = b->x - a->x, down = b->y - a->y;
  if (!strcmp(word, " above ")) return down >= 2 * fabs(right) && down > 0;
  if (!strcmp(word, " below ")) return -down >= 2 * fabs(right) && down < 0;
  if (!strcmp(word, " left of ")) return right >= 2 * fabs(down) && right > 0;
  return -right >= 2 * fabs(down) && right < 0;
}

// Captions are true
static bool is_true(const char *text, const Scene *scene) {
  static const char *const words[] = {" above ", " below ", " left of ", " right of ",
                                      " and "};
  const Figure *a = &scene->figures[0], *b = &scene->figures[1];
  if (scene->count == 1) return describes(text, a);
  for (int w = 0; w < 5; w++) {
    const char *found = strstr(text, words[w]);
    if (!found) continue;
    char before[SCENES_TEXT];
    snprintf(before, sizeof before, "%.*s", (int)(found - text), text);
    const char *after = found + strlen(words[w]);
    bool ahead = describes(before, a) && describes(after, b);
    if (!ahead && !(describes(before, b) && describes(after, a))) return false;
    return w == 4 || (ahead ? lies(words[w], a, b) : lies(words[w], b, a));
  }
  return false;
}

START_TEST(captions_are_true) {
  RandomKey key = random_key(1, "truth");
  char text[SCENES_CAPTIONS][SCENES_TEXT];
  for (uint64_t i = 0; i < 5000; i++) {
    Scene scene = scene_random(i % 2 ? SCENES_SEEN : SCENES_HELD_OUT, 300,
                               random_subkey(key, i));
    int count = scene_captions(&scene, text);
    ck_assert_int_eq(count, scene.count == 1 ? 5 : 7);
    for (int c = 0; c < count; c++) {
      ck_assert_msg(is_true(text[c], &scene), "'%s' is not so", text[c]);
      ck_assert(!strstr(text[c], "a orange") && strlen(text[c]) + 12 < SCENES_TEXT);
      for (int d = 0; d < c; d++) ck_assert_str_ne(text[c], text[d]);
    }
  }
}
END_TEST

START_TEST(captions_by_hand) {
  char text[SCENES_CAPTIONS][SCENES_TEXT];
  Scene scene = {1, {{6, 6, 16, 16, 9}, {0, 2, 0, 0, 0}}, SCENE_ABOVE};
  const char *one[] = {"a large orange star", "an orange star",
                       "a drawing of a large orange star",
                       "a drawing of an orange star", "the star is large and orange"};
  const char *two[] = {"a small orange star right of a large blue circle",
                       "a large blue circle left of a small orange star",
                       "an orange star right of a blue circle",
                       "a blue circle left of an orange star",
                       "an orange star and a blue circle",
                       "a blue circle and an orange star",
                       "a drawing of an orange star right of a blue circle"};
  ck_assert_int_eq(scene_captions(&scene, text), 5);
  for (int i = 0; i < 5; i++) ck_assert_str_eq(text[i], one[i]);
  scene = (Scene){2, {{6, 6, 24, 16, 4}, {0, 2, 8, 15, 6}}, SCENE_RIGHT};
  ck_assert_int_eq(scene_captions(&scene, text), 7);
  for (int i = 0; i < 7; i++) ck_assert_str_eq(text[i], two[i]);
}
END_TEST

// Figures keep apart
START_TEST(figures_do_not_touch) {
  RandomKey key = random_key(2, "touch");
  for (uint64_t i = 0; i < 500; i++) {
    Scene s = scene_random(SCENES_SEEN, 0, random_subkey(key, i));
    Image none = shapes_draw(NULL, 0, key), both = shapes_draw(s.figures, 2, key);
    Image a = shapes_draw(s.figures, 1, key), b = shapes_draw(s.figures + 1, 1, key);
    int pixels = 0;
    for (int p = 0; p < 3072; p++) {
      bool by_a = a.pixels[p] != none.pixels[p], by_b = b.pixels[p] != none.pixels[p];
      ck_assert(!(by_a && by_b));
      pixels += both.pixels[p] != none.pixels[p];
    }
    ck_assert_int_gt(pixels, 20);
    for (int f = 0; f < s.count; f++) {
      const Figure *g = &s.figures[f];
      ck_assert(fmin(g->x, g->y) >= 1.2 * g->radius - 1e-9);
      ck_assert(fmax(g->x, g->y) <= 32 - 1.2 * g->radius + 1e-9);
    }
    image_free(&none), image_free(&both), image_free(&a), image_free(&b);
  }
}
END_TEST

// What is held out
START_TEST(combinations_are_held_out) {
  int by_colour[8] = {0}, by_kind[8] = {0}, seen[2][SCENES_CLASSES] = {{0}};
  for (int i = 0; i < SCENES_CLASSES; i++) {
    char name[32];
    snprintf(name, sizeof name, "%s %s", shapes_colours[i / 8], shapes_kinds[i % 8]);
    ck_assert_str_eq(scenes_classes[i], name);
    if (scenes_held_out(i / 8, i % 8)) by_colour[i / 8]++, by_kind[i % 8]++;
  }
  for (int i = 0; i < 8; i++) ck_assert(by_colour[i] == 1 && by_kind[i] == 1);
  for (uint64_t i = 0; i < 20000; i++) {
    Scene s = scene_random(i % 2 ? SCENES_HELD_OUT : SCENES_SEEN, 500,
                           random_subkey(random_key(3, "held"), i));
    for (int f = 0; f < s.count; f++)
      seen[i % 2][s.figures[f].colour * 8 + s.figures[f].kind]++;
  }
  for (int i = 0; i < SCENES_CLASSES; i++) {
    bool held = scenes_held_out(i / 8, i % 8);
    ck_assert(held ? seen[0][i] == 0 : abs(seen[0][i] - 15000 / 56) < 83);
    ck_assert(!held ? seen[1][i] == 0 : abs(seen[1][i] - 15000 / 8) < 210);
  }
}
END_TEST

START_TEST(all_sorts_occur) {
  int alone = 0, large[2] = {0}, relations[4] = {0};
  double most = 0;
  for (uint64_t i = 0; i < 8000; i++) {
    Scene s = scene_random(SCENES_SEEN, 250, random_subkey(random_key(4, "s"), i));
    alone += s.count == 1;
    relations[s.relation] += s.count == 2;
    for (int f = 0; f < s.count; f++) large[scene_is_large(&s.figures[f])]++;
    if (s.count == 1) most = fmax(most, s.figures[0].radius);
  }
  ck_assert_int_lt(abs(alone - 2000), 195);
  ck_assert_int_lt(abs(large[0] - large[1]), 600);
  for (int r = 0; r < 4; r++) ck_assert_int_lt(abs(relations[r] - 1500), 175);
  ck_assert(most > 9.8 && most <= 10);
}
END_TEST

// The same scenes again
START_TEST(scenes_repeat) {
  Pairs a, b, c;
  int threads = omp_get_max_threads();
  scenes_make(&a, 60, 300, SCENES_SEEN, 1);
  omp_set_num_threads(threads == 3 ? 2 : 3);
  scenes_make(&b, 40, 300, SCENES_SEEN, 1);
  omp_set_num_threads(threads);
  scenes_make(&c, 40, 300, SCENES_SEEN, 2);
  ck_assert_mem_eq(a.pictures.pixels, b.pictures.pixels, 40 * 3072);
  ck_assert_mem_eq(a.pictures.labels, b.pictures.labels, 40);
  ck_assert_mem_ne(a.pictures.pixels, c.pictures.pixels, 40 * 3072);
  ck_assert_mem_eq(a.first, b.first, 41 * sizeof(int));
  for (int i = 0; i < pairs_captions(&b); i++)
    ck_assert_str_eq(a.caption[i], b.caption[i]);
  for (int i = 0; i < 60; i++) /* the label is in the caption that says most */
    ck_assert(strstr(a.caption[a.first[i]], scenes_classes[a.pictures.labels[i]]));
  ck_assert_int_eq(a.pictures.classes, 64);
  ck_assert(a.pictures.std[0] > (real)0.05);
  pairs_free(&a), pairs_free(&b), pairs_free(&c);
}
END_TEST

TEST_MAIN("scenes", captions_are_true, captions_by_hand, figures_do_not_touch,
          combinations_are_held_out, all_sorts_occur, scenes_repeat)
