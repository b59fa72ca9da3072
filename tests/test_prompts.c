/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/prompts.h"

#include "data/captioned.h"
#include "testing.h"

enum { SCENES = 4000 };

static const char *word_after(const char *text, const char *before) {
  static char word[32];
  const char *at = strstr(text, before);
  if (!at) ck_abort_msg("no '%s' in '%s'", before, text);
  ck_assert_int_eq(sscanf(at + strlen(before), " %31[a-z]", word), 1);
  return word;
}

static int index_of(const char *word, const char *const *words, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(word, words[i]) == 0) return i;
  ck_abort_msg("'%s' is none of them", word);
}

static int kind_of(const char *word) {
  return index_of(word, shapes_kinds, SHAPES_KINDS);
}

static int colour_of(const char *word) {
  return index_of(word, shapes_colours, SHAPES_COLOURS);
}

/* The one figure that fits; fails if there are more or none. -1: any. */
static const Figure *only(const Scene *s, int colour, int kind) {
  const Figure *found = NULL;
  for (int i = 0; i < s->count; i++) {
    const Figure *f = &s->figures[i];
    if ((colour >= 0 && f->colour != colour) || (kind >= 0 && f->kind != kind)) continue;
    ck_assert(!found);
    found = f;
  }
  ck_assert(found != NULL);
  return found;
}

// The true answer by the figures
/* Is a REL b, by the figures' centres? */
static bool stands(const char *relation, const Figure *a, const Figure *b) {
  if (!strcmp(relation, "above")) return a->y < b->y;
  if (!strcmp(relation, "below")) return a->y > b->y;
  return !strcmp(relation, "left") ? a->x < b->x : a->x > b->x;
}

static void check_answer(const Scene *s, const Prompt *p) {
  const char *q = p->question, *want = NULL;
  char text[64];
  if (p->type == PROMPT_COLOUR)
    want = shapes_colours[only(s, -1, kind_of(word_after(q, "is the")))->colour];
  if (p->type == PROMPT_KIND)
    want = shapes_kinds[only(s, colour_of(word_after(q, "shape is")), -1)->kind];
  if (p->type == PROMPT_SIZE) {
    const int colour = colour_of(word_after(q, "is the"));
    const Figure *f = only(s, colour, kind_of(word_after(q, shapes_colours[colour])));
    want = scene_is_large(f) ? "large" : "small";
  }
  if (p->type == PROMPT_RELATION) {
    const Figure *b = only(s, -1, kind_of(word_after(q, " the")));
    const Figure *a = &s->figures[b == &s->figures[0]];
    ck_assert_msg(stands(word_after(q, "what is"), a, b), "%s", q);
    want = shapes_kinds[a->kind];
  }
  if (p->type == PROMPT_COUNT) want = s->count == 1 ? "one" : "two";
  if (p->type == PROMPT_THERE) {
    snprintf(text, sizeof text, "%s", strstr(q, "there a") + strlen("there a"));
    const char *rest = text + (text[0] == 'n');
    const int colour = colour_of(word_after(rest, ""));
    const int kind = kind_of(word_after(rest, shapes_colours[colour]));
    want = "no";
    for (int i = 0; i < s->count; i++)
      if (s->figures[i].colour == colour && s->figures[i].kind == kind) want = "yes";
  }
  if (!want || strcmp(p->answer, want) != 0)
    ck_abort_msg("%s %s, expected %s", q, p->answer, want ? want : "nothing");
}

// Truth and balance
static Prompts some(ScenesSplit split) {
  Prompts p;
  prompts_of_scenes(&p, SCENES, CAPTIONED_ALONE, split, 5);
  return p;
}

START_TEST(answers_are_true) {
  for (int split = 0; split < 2; split++) {
    Prompts p = some((ScenesSplit)split);
    for (int i = 0; i < SCENES; i++) {
      const Scene s = scenes_scene(i, CAPTIONED_ALONE, (ScenesSplit)split, 5);
      for (int k = 1; k < PROMPT_TYPES; k++)
        check_answer(&s, &p.prompt[i * PROMPT_TYPES + k]);
    }
    prompts_free(&p);
  }
}
END_TEST

START_TEST(captions_begin_above_or_left) {
  Prompts p = some(SCENES_SEEN);
  char all[SCENES_CAPTIONS][SCENES_TEXT];
  for (int i = 0; i < SCENES; i++) {
    const Prompt *caption = &p.prompt[i * PROMPT_TYPES];
    const Scene s = scenes_scene(i, CAPTIONED_ALONE, SCENES_SEEN, 5);
    scene_captions(&s, all);
    ck_assert(caption->type == PROMPT_CAPTION && !*caption->question);
    ck_assert(!strstr(caption->answer, "below") && !strstr(caption->answer, "right of"));
    ck_assert(!strcmp(caption->answer, all[0]) || !strcmp(caption->answer, all[1]));
    ck_assert(!strchr(caption->answer, '?'));
  }
  prompts_free(&p);
}
END_TEST

typedef struct Guess { /* a question, and how often each answer was right */
  const char *question, *answer[16];
  int times[16], answers, asked;
} Guess;

static int best_of(const Guess *g) {
  int best = 0;
  for (int i = 0; i < g->answers; i++) best = greatest(best, g->times[i]);
  return best;
}

static void note(Guess *g, const char *answer) {
  int i = 0;
  while (i < g->answers && strcmp(g->answer[i], answer) != 0) i++;
  ck_assert_int_lt(i, 16);
  if (i == g->answers) g->answer[g->answers++] = answer;
  g->times[i]++, g->asked++;
}

static Guess *guess_for(Guess *g, int *count, const char *question) {
  int i = 0;
  while (i < *count && strcmp(g[i].question, question) != 0) i++;
  if (i == *count) g[(*count)++] = (Guess){.question = question};
  return &g[i];
}

/* Whoever knows how often each question has each answer, but sees no picture. */
START_TEST(a_blind_guess_gains_nothing) {
  static Guess guess[300];
  int count = 0, asked[PROMPT_TYPES] = {0};
  double right[PROMPT_TYPES] = {0};
  Prompts p;
  prompts_of_scenes(&p, 20000, CAPTIONED_ALONE, SCENES_SEEN, 1);
  for (int i = 0; i < 20000 * PROMPT_TYPES; i++) {
    const Prompt *q = &p.prompt[i];
    if (q->type == PROMPT_CAPTION) continue;
    note(guess_for(guess, &count, q->question), q->answer);
    asked[q->type]++;
  }
  for (int type = 1; type < PROMPT_TYPES; type++) {
    static const double chance[] = {0, 1 / 7., 1 / 7., 0.5, 1 / 7., 0.5, 0.5};
    for (int i = 0; i < count; i++) {
      const Prompt *q = NULL;
      for (int k = 0; !q; k++)
        if (!strcmp(p.prompt[k].question, guess[i].question)) q = &p.prompt[k];
      if ((int)q->type == type) right[type] += best_of(&guess[i]);
    }
    right[type] /= asked[type];
    ck_assert_msg(right[type] < chance[type] + 0.04, "%s: %g", prompt_names[type],
                  right[type]);
    ck_assert_msg(right[type] > chance[type] - 0.01, "%s: %g", prompt_names[type],
                  right[type]);
  }
  ck_assert_int_eq(count, 8 + 8 + 56 + 4 * 8 + 1 + 56);
  prompts_free(&p);
}
END_TEST

START_TEST(held_out_scenes_ask_for_held_out_figures) {
  Prompts p = some(SCENES_HELD_OUT), seen = some(SCENES_SEEN);
  int yes = 0, no = 0;
  for (int i = 0; i < SCENES * PROMPT_TYPES; i++)
    for (int held = 0; held < 2; held++) {
      const Prompt *q = held ? &p.prompt[i] : &seen.prompt[i];
      if (q->type != PROMPT_THERE) continue;
      const char *rest = strstr(q->question, "there a") + strlen("there a");
      rest += *rest == 'n';
      const int colour = colour_of(word_after(rest, ""));
      const int kind = kind_of(word_after(rest, shapes_colours[colour]));
      ck_assert(scenes_held_out(colour, kind) == held);
      if (held) *(q->answer[0] == 'y' ? &yes : &no) += 1;
    }
  ck_assert_double_eq_tol((double)yes / (yes + no), 0.5, 4 * 0.5 / sqrt(SCENES));
  prompts_free(&p), prompts_free(&seen);
}
END_TEST

START_TEST(sets_are_opened) {
  Prompts train = {.each = 0}, test = {.each = 0};
  ck_assert(prompts_open(PROMPTS_SCENES, "data", 100, 50, 3, &train, &test));
  ck_assert_int_eq(train.pictures.count, 100);
  ck_assert_int_eq(test.pictures.count, 50);
  ck_assert(train.pictures.mean[0] == test.pictures.mean[0]);
  prompts_free(&train), prompts_free(&test);
  ck_assert(!prompts_open(PROMPTS_EMOJI, "/nowhere", 0, 0, 3, &train, &test));
  prompts_free(&train), prompts_free(&test);
}
END_TEST

TEST_MAIN("prompts", answers_are_true, captions_begin_above_or_left,
          a_blind_guess_gains_nothing, held_out_scenes_ask_for_held_out_figures,
          sets_are_opened)
