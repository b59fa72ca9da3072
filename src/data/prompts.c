/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/prompts.h"

#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "data/captioned.h"
#include "data/emoji.h"

const char *const prompt_names[] = {"caption",  "colour", "kind", "size",
                                    "relation", "count",  "there"};

int prompts_count(const Prompts *p) { return p->pictures.count * p->each; }

void prompts_free(Prompts *p) {
  for (int i = 0; i < prompts_count(p); i++)
    free(p->prompt[i].question), free(p->prompt[i].answer);
  free(p->prompt), dataset_free(&p->pictures);
  *p = (Prompts){.each = 0};
}

void scene_caption(const Scene *scene, char caption[SCENES_TEXT]) {
  char all[SCENES_CAPTIONS][SCENES_TEXT];
  scene_captions(scene, all);
  memcpy(caption, all[scene_is_swapped(scene)], SCENES_TEXT);
}

// Change one property of a figure
static bool has(const Scene *scene, int colour, int kind) {
  bool found = false;
  for (int i = 0; i < scene->count; i++)
    found |= scene->figures[i].colour == colour && scene->figures[i].kind == kind;
  return found;
}

/* A figure of the split that is not there, in place of *figure. */
static void draw_absent(const Scene *scene, ScenesSplit split, Figure *figure,
                        RandomKey key) {
  Figure other;
  uint64_t drawn = 0;
  do {
    other = *figure;
    if (split == SCENES_HELD_OUT) {
      other.colour = random_below(key, drawn++, SHAPES_COLOURS);
      other.kind = scenes_held_out_kind(other.colour);
    } else if (random_below(key, drawn++, 2)) {
      other.colour = random_below(key, drawn++, SHAPES_COLOURS);
    } else {
      other.kind = random_below(key, drawn++, SHAPES_KINDS);
    }
  } while (has(scene, other.colour, other.kind) ||
           scenes_held_out(other.colour, other.kind) != (split == SCENES_HELD_OUT));
  *figure = other;
}

// Ask about a scene
/* What is asked in fact. */
static PromptType possible(PromptType type, const Scene *scene, RandomKey key) {
  const Figure *f = scene->figures;
  const bool two = scene->count == 2;
  const bool same_kind = two && f[0].kind == f[1].kind;
  if (type == PROMPT_RELATION && (!two || same_kind))
    type = random_below(key, 1, 2) ? PROMPT_COLOUR : PROMPT_KIND;
  if (type == PROMPT_COLOUR && same_kind) return PROMPT_KIND;
  if (type == PROMPT_KIND && two && f[0].colour == f[1].colour) return PROMPT_COLOUR;
  return type;
}

PromptType scene_question(const Scene *scene, PromptType type, ScenesSplit split,
                          RandomKey key, char question[SCENES_TEXT],
                          char answer[SCENES_TEXT]) {
  const int chosen = scene->count == 2 ? random_below(key, 0, 2) : 0;
  Figure figure = scene->figures[chosen];
  const char *colour = shapes_colours[figure.colour], *kind = shapes_kinds[figure.kind];
  const Figure *other = &scene->figures[!chosen];
  const char *says = scene->count == 2 ? "two" : "one";
  type = possible(type, scene, key);
  // Ask in words
  if (type == PROMPT_COLOUR)
    snprintf(question, SCENES_TEXT, "what colour is the %s?", kind), says = colour;
  if (type == PROMPT_KIND)
    snprintf(question, SCENES_TEXT, "what shape is %s?", colour), says = kind;
  if (type == PROMPT_SIZE) {
    snprintf(question, SCENES_TEXT, "what size is the %s %s?", colour, kind);
    says = scene_is_large(&figure) ? "large" : "small";
  }
  if (type == PROMPT_RELATION) {
    snprintf(question, SCENES_TEXT, "what is %s the %s?",
             scenes_relations[chosen ? scene->relation : scene->relation ^ 1], kind);
    says = shapes_kinds[other->kind];
  }
  if (type == PROMPT_COUNT) snprintf(question, SCENES_TEXT, "how many shapes?");
  if (type == PROMPT_THERE) {
    char phrase[SCENES_PHRASE];
    says = random_below(key, 2, 2) ? "yes" : "no";
    if (says[0] == 'n') draw_absent(scene, split, &figure, random_subkey(key, 3));
    scene_phrase(phrase, &figure, false);
    snprintf(question, SCENES_TEXT, "is there %s?", phrase);
  }
  snprintf(answer, SCENES_TEXT, "%s", says);
  return type;
}

// Make prompts
static void add_prompt(Prompts *p, int i, PromptType type, const char *question,
                       const char *answer) {
  p->prompt[i] = (Prompt){type, text_copy(question), text_copy(answer)};
}

void prompts_of_scenes(Prompts *p, int count, int alone, ScenesSplit split,
                       uint64_t seed) {
  char question[SCENES_TEXT], answer[SCENES_TEXT];
  Pairs pairs;
  scenes_make(&pairs, count, alone, split, seed);
  *p = (Prompts){pairs_take_pictures(&pairs), PROMPT_TYPES,
                 allocate((size_t)count * PROMPT_TYPES, sizeof *p->prompt)};
  for (int i = 0; i < count; i++) {
    const Scene scene = scenes_scene(i, alone, split, seed);
    const RandomKey key = random_subkey(random_key(seed, "questions"), (uint64_t)i);
    scene_caption(&scene, answer);
    add_prompt(p, i * PROMPT_TYPES, PROMPT_CAPTION, "", answer);
    for (int k = 1; k < PROMPT_TYPES; k++) {
      const RandomKey own = random_subkey(key, (uint64_t)k);
      const PromptType type =
          scene_question(&scene, (PromptType)k, split, own, question, answer);
      add_prompt(p, i * PROMPT_TYPES + k, type, question, answer);
    }
  }
}

static bool prompts_of_emoji(Prompts *p, const char *folder, const char *vendor,
                             int limit) {
  char path[PATH_MAX];
  Pairs pairs = {.first = NULL};
  if (!path_join(path, folder, "emoji") || !emoji_load(&pairs, path, vendor))
    return false;
  if (limit) pairs_limit(&pairs, limit);
  p->each = 1;
  p->prompt = allocate((size_t)pairs.pictures.count, sizeof *p->prompt);
  for (int i = 0; i < pairs.pictures.count; i++)
    add_prompt(p, i, PROMPT_CAPTION, "", pairs.caption[pairs.first[i]]);
  p->pictures = pairs_take_pictures(&pairs);
  return true;
}

bool prompts_open(PromptSet set, const char *folder, int limit, int tests, uint64_t seed,
                  Prompts *train, Prompts *test) {
  if (set == PROMPTS_EMOJI) {
    if (!prompts_of_emoji(train, folder, "google", limit) ||
        !prompts_of_emoji(test, folder, "twitter", tests))
      return false;
  } else {
    prompts_of_scenes(train, dataset_limit(CAPTIONED_SCENES_COUNT, limit),
                      CAPTIONED_ALONE, SCENES_SEEN, seed);
    prompts_of_scenes(test, dataset_limit(2000, tests), CAPTIONED_ALONE, SCENES_SEEN,
                      captioned_other(seed));
  }
  dataset_normalize_with(&test->pictures, train->pictures.mean, train->pictures.std);
  return true;
}
