/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "tasks/caption.h"

#include "data/captioned.h"
#include "eval/answers.h"
#include "testing.h"
#include "train/data_parallel.h"

enum { BATCH = 12 };

typedef struct Fixture {
  Params *params;
  Prompts train, test;
  Tokenizer *tokenizer;
  Caption caption;
} Fixture;

static Fixture fixture(ConnectorKind kind, bool frozen, double captions) {
  Fixture f = {.params = params_new()};
  prompts_of_scenes(&f.train, 40, CAPTIONED_ALONE, SCENES_SEEN, 1);
  prompts_of_scenes(&f.test, 30, CAPTIONED_ALONE, SCENES_SEEN, 2);
  const char *texts[2 * 40 * PROMPT_TYPES];
  for (int i = 0; i < 40 * PROMPT_TYPES; i++) {
    texts[2 * i] = f.train.prompt[i].question;
    texts[2 * i + 1] = f.train.prompt[i].answer;
  }
  f.tokenizer = tokenizer_train(texts, 2 * 40 * PROMPT_TYPES, 620);
  VlmConfig c = {.image = {.image_size = 32, .channels = 3, .patch_size = 16, .width = 12,
                           .depth = 1, .heads = 2, .mlp = 16, .eps = 1e-6,
                           .position = POSITION_LEARNED},
                 .connector = {kind, 2, 12, 8, 3, 2},
                 .language = {.vocabulary = tokenizer_size(f.tokenizer), .width = 8,
                              .depth = 1, .heads = 2, .mlp = 16, .eps = 1e-5,
                              .causal = true}};
  c.language.context = connector_tokens(&c.connector) + 24;
  f.caption = (Caption){.tokenizer = f.tokenizer, .vlm = vlm_declare(f.params, c),
                        .captions = captions, .seed = 4, .batch = BATCH};
  if (frozen) params_freeze(f.params, "visual.");
  params_fill(f.params, 1);
  return f;
}

static Task begun(Fixture *f) {
  f->caption.train = &f->train, f->caption.test = &f->test;
  caption_begin(&f->caption);
  return caption_task(&f->caption);
}

static void done(Fixture *f) {
  caption_end(&f->caption), tokenizer_free(f->tokenizer);
  prompts_free(&f->train), prompts_free(&f->test), params_free(f->params);
}

/* The loss of one step and its gradient, in so many shards and micro-batches. */
static double gradient_of(Fixture *f, const Task *task, int shards, int micro,
                          real *gradient) {
  double metric;
  Shards *s = shards_new(f->params, shards, micro);
  task->begin(task->state, 3);
  const double loss = shards_gradient(s, task->loss, task->state, 3, BATCH,
                                      random_key(1, "step"), &metric);
  memcpy(gradient, f->params->grad, f->params->size * sizeof *gradient);
  shards_free(s);
  return loss;
}

START_TEST(a_cut_batch_has_the_same_gradient) {
  Fixture f = fixture(CONNECTOR_LINEAR, false, 0.5);
  const Task task = begun(&f);
  real *whole = malloc(2 * f.params->size * sizeof *whole), *cut = whole + f.params->size;
  const double loss = gradient_of(&f, &task, 1, BATCH, whole);
  static const int cuts[][2] = {{1, 5}, {3, 4}, {5, 1}};
  for (int i = 0; i < 3; i++) {
    const double own = gradient_of(&f, &task, cuts[i][0], cuts[i][1], cut);
    ck_assert_double_eq_tol(own, loss, 20 * ROUNDING);
    ck_assert_double_lt(relative_error(cut, whole, f.params->size), 20 * ROUNDING);
  }
  free(whole);
  done(&f);
}
END_TEST

START_TEST(features_are_remembered) {
  for (int kind = 0; kind <= CONNECTOR_NONE; kind++) {
    Fixture f = fixture((ConnectorKind)kind, true, 0.5);
    const Task task = begun(&f);
    real *kept = malloc(2 * f.params->size * sizeof *kept);
    real *again = kept + f.params->size;
    const double loss = gradient_of(&f, &task, 2, 4, kept);
    ck_assert((f.caption.features == NULL) == (kind == CONNECTOR_NONE));
    f.caption.features = NULL, f.caption.remembers = false;
    ck_assert(gradient_of(&f, &task, 2, 4, again) == loss);
    ck_assert(memcmp(kept, again, f.params->size * sizeof *kept) == 0);
    free(kept);
    done(&f);
  }
  Fixture trained = fixture(CONNECTOR_LINEAR, false, 0.5); /* it would be out of date */
  const Task task = begun(&trained);
  task.begin(task.state, 0);
  ck_assert(!trained.caption.features);
  done(&trained);
}
END_TEST

START_TEST(prompts_are_drawn_as_asked) {
  static const double parts[] = {0, 0.3, 1};
  for (int i = 0; i < 3; i++) {
    Fixture f = fixture(CONNECTOR_NONE, true, parts[i]);
    const Task task = begun(&f);
    int captions = 0, types[PROMPT_TYPES] = {0};
    for (int step = 0; step < 200; step++) {
      int tokens = 0;
      task.begin(task.state, step);
      for (int k = 0; k < BATCH; k++) {
        const CaptionExample *e = &f.caption.example[k];
        ck_assert_int_eq(e->prompt / PROMPT_TYPES, e->picture);
        ck_assert(k == 0 || e->tokens >= e[-1].tokens);
        captions += e->prompt % PROMPT_TYPES == 0;
        types[e->prompt % PROMPT_TYPES]++;
        const VlmText *text = &f.caption.text[e->prompt];
        tokens += text->count - text->question - 1;
      }
      ck_assert_int_eq(tokens, f.caption.tokens);
    }
    ck_assert_double_eq_tol(captions / (200.0 * BATCH), parts[i], 0.05);
    for (int k = 1; k < PROMPT_TYPES; k++)
      ck_assert_double_eq_tol(types[k] / (200.0 * BATCH), (1 - parts[i]) / 6, 0.04);
    done(&f);
  }
}
END_TEST

/* Pictures of other questions are shown where a shift says so. */
START_TEST(pictures_can_be_shuffled) {
  Fixture f = fixture(CONNECTOR_LINEAR, true, 0.5);
  begun(&f);
  Tape *tape = tape_no_grad();
  bool right[30 * PROMPT_TYPES], shuffled[30 * PROMPT_TYPES];
  const Vlm *vlm = &f.caption.vlm;
  const double own = answers_check(tape, vlm, f.tokenizer, &f.test, 30, 0, right);
  const double other = answers_check(tape, vlm, f.tokenizer, &f.test, 30, 1, shuffled);
  ck_assert(own != other);
  const size_t size = dataset_image_size(&f.test.pictures);
  uint8_t *last = malloc(size), *pixels = f.test.pictures.pixels; /* move all by one */
  memcpy(last, pixels + 29 * size, size);
  memmove(pixels + size, pixels, 29 * size);
  memcpy(pixels, last, size);
  ck_assert(answers_check(tape, vlm, f.tokenizer, &f.test, 30, 0, right) == other);
  ck_assert_mem_eq(right, shuffled, sizeof right);
  ck_assert(answers_check(tape, vlm, f.tokenizer, &f.test, 30, 29, right) == own);
  free(last), tape_free(tape);
  done(&f);
}
END_TEST

TEST_MAIN("caption", a_cut_batch_has_the_same_gradient, features_are_remembered,
          prompts_are_drawn_as_asked, pictures_can_be_shuffled)
