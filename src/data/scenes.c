/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/scenes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

#define KINDS(c)                                                             \
  c " circle", c " square", c " triangle", c " diamond", c " cross", c " ring", \
      c " star", c " bar"
const char *const scenes_classes[] = {KINDS("red"),    KINDS("green"),
                                      KINDS("blue"),   KINDS("yellow"),
                                      KINDS("purple"), KINDS("cyan"),
                                      KINDS("orange"), KINDS("white")};

int scenes_held_out_kind(int colour) { return (3 * colour + 2) % SHAPES_KINDS; }

bool scenes_held_out(int colour, int kind) {
  return kind == scenes_held_out_kind(colour);
}

bool scene_is_large(const Figure *figure) { return figure->radius > 5.35; }

// Make up a scene
static Figure figure_random(ScenesSplit split, bool alone, RandomKey key) {
  int colour = random_below(key, 0, SHAPES_COLOURS);
  int kind = scenes_held_out_kind(colour);
  if (split == SCENES_SEEN)
    kind = (kind + 1 + random_below(key, 1, SHAPES_KINDS - 1)) % SHAPES_KINDS;
  bool large = random_below(key, 2, 2);
  double low = large ? 6 : 3.5, high = !large ? 4.7 : alone ? 10 : 6.6;
  return (Figure){.kind = kind, .colour = colour,
                  .radius = low + (high - low) * random_uniform(key, 3)};
}

static double room(const Figure *figure) { return 1.2 * figure->radius; }

static double between(double low, double high, double fraction) {
  return low + (high - low) * fraction;
}
static void place(const Figure *a, const Figure *b, double along[2], double across[2],
                  RandomKey key) {
  double slack = SHAPES_SIDE - 2 * room(a) - 2 * room(b);
  double u = random_uniform(key, 0), v = random_uniform(key, 1);
  along[0] = room(a) + slack * fmin(u, v);
  along[1] = SHAPES_SIDE - room(b) - slack * (1 - fmax(u, v));
  double reach = (along[1] - along[0]) / 2;
  across[0] = between(room(a), SHAPES_SIDE - room(a), random_uniform(key, 2));
  across[1] = between(fmax(room(b), across[0] - reach),
                      fmin(SHAPES_SIDE - room(b), across[0] + reach),
                      random_uniform(key, 3));
}

bool scene_is_swapped(const Scene *scene) {
  return scene->count == 2 &&
         (scene->relation == SCENE_BELOW || scene->relation == SCENE_RIGHT);
}

static void place_two(Scene *scene, RandomKey key) {
  double along[2], across[2];
  bool swapped = scene_is_swapped(scene);
  bool upright = scene->relation == SCENE_ABOVE || scene->relation == SCENE_BELOW;
  place(&scene->figures[swapped], &scene->figures[!swapped], along, across, key);
  for (int i = 0; i < 2; i++) {
    Figure *figure = &scene->figures[i];
    figure->x = upright ? across[i ^ swapped] : along[i ^ swapped];
    figure->y = upright ? along[i ^ swapped] : across[i ^ swapped];
  }
}
static void place_one(Figure *figure, RandomKey key) {
  figure->x = between(room(figure), SHAPES_SIDE - room(figure), random_uniform(key, 0));
  figure->y = between(room(figure), SHAPES_SIDE - room(figure), random_uniform(key, 1));
}

Scene scene_random(ScenesSplit split, int alone, RandomKey key) {
  Scene scene = {.count = random_below(key, 0, 1000) < alone ? 1 : 2,
                 .relation = (SceneRelation)random_below(key, 1, 4)};
  RandomKey places = random_subkey(key, 2);
  Figure *a = &scene.figures[0], *b = &scene.figures[1];
  *a = figure_random(split, scene.count == 1, random_subkey(key, 3));
  if (scene.count == 1) {
    place_one(a, places);
    return scene;
  }
  uint64_t again = 4;
  do *b = figure_random(split, false, random_subkey(key, again++));
  while (a->colour == b->colour && a->kind == b->kind);
  place_two(&scene, places);
  return scene;
}

// Say what is in a scene
void scene_phrase(char text[SCENES_PHRASE], const Figure *figure, bool with_size) {
  const char *colour = shapes_colours[figure->colour];
  const char *article = !with_size && strchr("aeiou", colour[0]) ? "an" : "a";
  const char *size = !with_size ? "" : scene_is_large(figure) ? "large " : "small ";
  snprintf(text, SCENES_PHRASE, "%s %s%s %s", article, size, colour,
           shapes_kinds[figure->kind]);
}

static int captions_of_one(const Figure *figure, char text[][SCENES_TEXT]) {
  char full[SCENES_PHRASE], brief[SCENES_PHRASE];
  scene_phrase(full, figure, true);
  scene_phrase(brief, figure, false);
  snprintf(text[0], SCENES_TEXT, "%s", full);
  snprintf(text[1], SCENES_TEXT, "%s", brief);
  snprintf(text[2], SCENES_TEXT, "a drawing of %s", full);
  snprintf(text[3], SCENES_TEXT, "a drawing of %s", brief);
  snprintf(text[4], SCENES_TEXT, "the %s is %s and %s", shapes_kinds[figure->kind],
           scene_is_large(figure) ? "large" : "small", shapes_colours[figure->colour]);
  return 5;
}

const char *const scenes_relations[] = {"above", "below", "left of", "right of"};

int scene_captions(const Scene *scene, char text[SCENES_CAPTIONS][SCENES_TEXT]) {
  const Figure *a = &scene->figures[0], *b = &scene->figures[1];
  if (scene->count == 1) return captions_of_one(a, text);
  const char *here = scenes_relations[scene->relation];
  const char *back = scenes_relations[scene->relation ^ 1];
  char full_a[SCENES_PHRASE], full_b[SCENES_PHRASE];
  char brief_a[SCENES_PHRASE], brief_b[SCENES_PHRASE];
  scene_phrase(full_a, a, true);
  scene_phrase(full_b, b, true);
  scene_phrase(brief_a, a, false);
  scene_phrase(brief_b, b, false);
  snprintf(text[0], SCENES_TEXT, "%s %s %s", full_a, here, full_b);
  snprintf(text[1], SCENES_TEXT, "%s %s %s", full_b, back, full_a);
  snprintf(text[2], SCENES_TEXT, "%s %s %s", brief_a, here, brief_b);
  snprintf(text[3], SCENES_TEXT, "%s %s %s", brief_b, back, brief_a);
  snprintf(text[4], SCENES_TEXT, "%s and %s", brief_a, brief_b);
  snprintf(text[5], SCENES_TEXT, "%s and %s", brief_b, brief_a);
  snprintf(text[6], SCENES_TEXT, "a drawing of %s %s %s", brief_a, here, brief_b);
  return 7;
}

// Make scenes with captions
static const char *purpose(ScenesSplit split) {
  return split == SCENES_SEEN ? "scenes" : "held-out scenes";
}

static void draw_scene(Dataset *pictures, int i, const Scene *scene, RandomKey key) {
  size_t size = dataset_image_size(pictures);
  Image image = shapes_draw(scene->figures, scene->count, random_subkey(key, 1));
  memcpy(pictures->pixels + (size_t)i * size, image.pixels, size);
  pictures->labels[i] = (uint8_t)(scene->figures[0].colour * SHAPES_KINDS +
                                  scene->figures[0].kind);
  image_free(&image);
}

Scene scenes_scene(int i, int alone, ScenesSplit split, uint64_t seed) {
  const RandomKey key = random_subkey(random_key(seed, purpose(split)), (uint64_t)i);
  return scene_random(split, alone, random_subkey(key, 0));
}

void scenes_make(Pairs *pairs, int count, int alone, ScenesSplit split, uint64_t seed) {
  char text[SCENES_CAPTIONS][SCENES_TEXT];
  RandomKey key = random_key(seed, purpose(split));
  Dataset pictures = {.count = count, .classes = SCENES_CLASSES, .channels = 3,
                      .height = SHAPES_SIDE, .width = SHAPES_SIDE,
                      .pixels = allocate((size_t)count, 3 * SHAPES_SIDE * SHAPES_SIDE),
                      .labels = allocate((size_t)count, 1),
                      .class_names = scenes_classes};
#pragma omp parallel for schedule(static)
  for (int i = 0; i < count; i++) {
    Scene scene = scenes_scene(i, alone, split, seed);
    draw_scene(&pictures, i, &scene, random_subkey(key, (uint64_t)i));
  }
  dataset_measure(&pictures);
  *pairs = pairs_new(pictures);
  for (int i = 0; i < count; i++) {
    Scene scene = scenes_scene(i, alone, split, seed);
    int captions = scene_captions(&scene, text);
    for (int c = 0; c < captions; c++) pairs_add(pairs, i, text[c]);
  }
}
