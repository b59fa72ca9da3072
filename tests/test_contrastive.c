/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "eval/embed.h"
#include "tasks/contrastive.h"

#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"
#include "testing.h"

enum { PICTURES = 7, SIDE = 8, E = 6, BATCH = 3 };
static const char *const words[] = {"red", "a red ring", "blue", "a blue ring", "star"};

typedef struct Fixture {
  Pairs pairs;
  Tokenizer *tokenizer;
  Contrastive m;
} Fixture;

static Fixture fixture_new(void) {
  const size_t size = 3 * SIDE * SIDE;
  Fixture f = {.tokenizer = tokenizer_train(words, 5, TOKENIZER_SYMBOLS + 8)};
  // Make seven pictures with one to three captions
  Dataset data = {.count = PICTURES, .classes = 1, .channels = 3, .height = SIDE,
                  .width = SIDE, .pixels = calloc(PICTURES, size),
                  .labels = calloc(PICTURES, 1)};
  for (size_t i = 0; i < PICTURES * size; i++)
    data.pixels[i] = (uint8_t)random_bits(random_key(1, "pixels"), i);
  dataset_measure(&data);
  f.pairs = pairs_new(data);
  for (int i = 0; i < PICTURES; i++)
    for (int c = 0; c <= i % 3; c++)
      pairs_add(&f.pairs, i, text_of("%s %d", words[(i + c) % 5], i));
  ClipConfig config = {
      .image = {.image_size = SIDE, .channels = 3, .patch_size = 4, .width = 8,
                .depth = 1, .heads = 2, .mlp = 12, .eps = 1e-5},
      .text = {.vocabulary = tokenizer_size(f.tokenizer), .context = 12, .width = 8,
               .depth = 1, .heads = 2, .mlp = 12, .eps = 1e-5, .causal = true},
      .embed = E};
  f.m = (Contrastive){.tokenizer = f.tokenizer, .params = params_new(), .seed = 4,
                      .batch = BATCH};
  f.m.clip = clip_declare(f.m.params, config);
  params_fill(f.m.params, 2);
  return f;
}

static void begin(Fixture *f) { /* the fixture has its final place now */
  f->m.train = f->m.test = &f->pairs;
  contrastive_begin(&f->m);
}

static void done(Fixture *f) {
  contrastive_end(&f->m);
  params_free(f->m.params);
  pairs_free(&f->pairs);
  tokenizer_free(f->tokenizer);
}

START_TEST(pictures_meet_their_captions) {
  Fixture f = fixture_new();
  begin(&f);
  Task task = contrastive_task(&f.m);
  Tape *tape = tape_new(), *plain = tape_new();
  real u[PICTURES * E], v[E];
  plain->recording = false;
  embed_images(&f.m.clip, plain, &f.pairs.pictures, u);
  for (int step = 0; step < 5; step++) {
    Tensor *out[JOINT_KINDS];
    tape_reset(tape, (RandomKey){0});
    task.begin(&f.m, step);
    task.joint->forward(tape, &f.m, step, 1, 2, out); /* the last two of three */
    for (int i = 0; i < 2; i++) {
      // Expect the vectors of this picture and its caption
      const int picture = f.m.example[1 + i].picture;
      const RandomKey key = random_subkey(random_key(4, "captions"), (uint64_t)step);
      const char *text = f.pairs.caption[pairs_draw(&f.pairs, picture, key)];
      ck_assert_int_eq(text[strlen(text) - 1] - '0', picture);
      embed_texts(&f.m.clip, plain, f.tokenizer, &text, 1, v);
      ck_assert_double_lt(relative_error(out[0]->value + i * E, u + picture * E, E),
                          10 * ROUNDING);
      ck_assert_double_lt(relative_error(out[1]->value + i * E, v, E), 10 * ROUNDING);
    }
  }
  tape_free(tape), tape_free(plain);
  done(&f);
}
END_TEST

START_TEST(what_is_noted_and_clamped) {
  Fixture f = fixture_new();
  begin(&f);
  Task task = contrastive_task(&f.m);
  double extras[4], squares[100] = {0}, image = 0, text = 0;
  for (int i = 0; i < f.m.params->count; i++) {
    const Tensor *t = f.m.params->list[i].tensor;
    for (size_t k = 0; k < tensor_size(t); k++) {
      t->grad[k] = (real)(0.1 * (i % 3));
      if (t == f.m.clip.logit_scale) continue;
      *(strncmp(t->name, "text", 4) ? &image : &text) += pow((double)t->grad[k], 2);
    }
  }
  f.m.clip.logit_scale->value[0] = 7;
  task.after(&f.m);
  gradient_squares(f.m.params, 0, f.m.params->count, squares);
  task.note(&f.m, squares, extras);
  ck_assert_int_eq(task.extras, 3);
  ck_assert_double_eq_tol(extras[0], log(100), 1e-6);
  ck_assert_double_eq_tol(extras[1], sqrt(image), 1e-4);
  ck_assert_double_eq_tol(extras[2], sqrt(text), 1e-4);
  ck_assert_double_gt(fabs(extras[1] - extras[2]), 0.01);
  done(&f);
}
END_TEST

START_TEST(evaluation_is_the_loss_of_first_captions) {
  Fixture f = fixture_new();
  begin(&f);
  Task task = contrastive_task(&f.m);
  Tape *tape = tape_no_grad();
  double loss, matched, want = 0, right = 0;
  real u[PICTURES * E], v[PICTURES * E];
  const char *texts[PICTURES];
  task.evaluate(tape, &f.m, &loss, &matched);
  for (int i = 0; i < PICTURES; i++) texts[i] = f.pairs.caption[f.pairs.first[i]];
  embed_images(&f.m.clip, tape, &f.pairs.pictures, u);
  embed_texts(&f.m.clip, tape, f.tokenizer, texts, PICTURES, v);
  for (int b = 0; b < 2; b++) { /* two whole batches; the seventh is left out */
    // Add the loss of one batch, and its matches
    double correct;
    Tensor *side[2] = {tape_tensor(tape, "u", SHAPE(BATCH, E)),
                       tape_tensor(tape, "v", SHAPE(BATCH, E))};
    memcpy(side[0]->value, u + b * BATCH * E, BATCH * E * sizeof *u);
    memcpy(side[1]->value, v + b * BATCH * E, BATCH * E * sizeof *v);
    Tensor *part = clip_loss(tape, &f.m.clip, side[0], side[1], NULL, &correct);
    want += (double)part->value[0] / 2;
    right += correct / BATCH / 2;
  }
  ck_assert_double_eq_tol(loss, want, 10 * ROUNDING);
  ck_assert_double_eq_tol(matched, right, 1e-12);
  tape_free(tape);
  done(&f);
}
END_TEST

// Several true pairs in training
/* The caption, drawn for the example of a picture that comes for the nth time. */
static const char *drawn_caption(const Fixture *f, int picture, int step, int again) {
  RandomKey key = random_subkey(random_key(4, "captions"), (uint64_t)step);
  if (again) key = random_subkey(key, (uint64_t)again);
  return f->pairs.caption[pairs_draw(&f->pairs, picture, key)];
}

START_TEST(pictures_can_come_again) {
  Fixture f = fixture_new();
  Tape *tape = tape_new(), *plain = tape_new();
  int differ = 0;
  f.m.batch = 4, f.m.repeat = 2;
  begin(&f);
  Task task = contrastive_task(&f.m);
  plain->recording = false;
  for (int step = 0; step < 6; step++) {
    Tensor *out[JOINT_KINDS];
    f.m.augment = (Augment){.shift = step % 2 ? 3 : 0};
    tape_reset(tape, (RandomKey){0});
    task.begin(&f.m, step);
    task.joint->forward(tape, &f.m, step, 0, 4, out);
    // Hold views and captions against what was drawn
    const real *u = out[0]->value;
    int at[4] = {-1, -1, -1, -1};
    for (int i = 0; i < 4; i++) at[f.m.example[i].index] = i;
    for (int i = 0; i < 2; i++) {
      ck_assert(at[i] >= 0 && at[i + 2] >= 0);
      const real *one = u + at[i] * E, *other = u + at[i + 2] * E;
      if (step % 2) ck_assert_mem_ne(one, other, E * sizeof *u);
      else ck_assert_double_lt(relative_error(one, other, E), ROUNDING);
    }
    for (int i = 0; i < 4; i++) {
      const int picture = f.m.shuffle.batch[i % 2];
      const char *text = drawn_caption(&f, picture, step, i / 2);
      real v[E];
      ck_assert_int_eq(text[strlen(text) - 1] - '0', picture);
      embed_texts(&f.m.clip, plain, f.tokenizer, &text, 1, v);
      ck_assert_double_lt(relative_error(out[1]->value + at[i] * E, v, E), 10 * ROUNDING);
      ck_assert(at[i] == 0 || f.m.example[at[i]].tokens >= f.m.example[at[i] - 1].tokens);
      differ += i > 1 && strcmp(text, drawn_caption(&f, picture, step, 0)) != 0;
    }
  }
  ck_assert_int_gt(differ, 0);
  tape_free(tape), tape_free(plain);
  done(&f);
}
END_TEST

static Fixture twins(void) {
  Fixture f = fixture_new();
  Dataset data = f.pairs.pictures;
  f.pairs.pictures.pixels = f.pairs.pictures.labels = NULL;
  pairs_free(&f.pairs);
  data.count = 6;
  f.pairs = pairs_new(data);
  for (int i = 0; i < 6; i++) {
    pairs_add(&f.pairs, i, text_of("twin %d", i % 3));
    pairs_add(&f.pairs, i, text_of("own %d", i));
  }
  ClipConfig c = f.m.clip.config;
  params_free(f.m.params);
  f.m.params = params_new();
  c.loss = LOSS_SIGMOID, c.biased = true, c.bias = -1;
  f.m.clip = clip_declare(f.m.params, c);
  params_fill(f.m.params, 2);
  f.m.batch = 6, f.m.multi_positive = true;
  return f;
}

static bool fits(const Fixture *f, int picture, const char *text) {
  for (int c = f->pairs.first[picture]; c < f->pairs.first[picture + 1]; c++)
    if (strcmp(f->pairs.caption[c], text) == 0) return true;
  return false;
}

static double loss_by_hand(Tape *tape, const Fixture *f, const int *picture,
                           const char **text) {
  static unsigned char positives[36];
  real u[6 * E], v[6 * E];
  Tensor *side[2] = {tape_tensor(tape, "u", SHAPE(6, E)),
                     tape_tensor(tape, "v", SHAPE(6, E))};
  Tape *plain = tape_no_grad();
  embed_images(&f->m.clip, plain, &f->pairs.pictures, u);
  embed_texts(&f->m.clip, plain, f->tokenizer, text, 6, v);
  tape_free(plain);
  for (int i = 0; i < 6; i++) {
    memcpy(side[0]->value + i * E, u + picture[i] * E, sizeof *u * E);
    memcpy(side[1]->value + i * E, v + i * E, sizeof *v * E);
    for (int j = 0; j < 6; j++) positives[6 * i + j] = fits(f, picture[i], text[j]);
  }
  Tensor *logits = clip_logits(tape, &f->m.clip, side[0], side[1]);
  return (double)sigmoid_loss(tape, logits, positives, SIGMOID_BY_ROWS, NULL)->value[0];
}

START_TEST(all_that_is_true_counts) {
  Fixture f = twins();
  Tape *tape = tape_no_grad();
  const char *text[6];
  double metric, found;
  begin(&f);
  Task task = contrastive_task(&f.m);
  for (int step = 0; step < 4; step++) {
    Tensor *out[JOINT_KINDS];
    tape_reset(tape, (RandomKey){0});
    task.begin(&f.m, step);
    task.joint->forward(tape, &f.m, step, 0, 6, out);
    // Hold the loss of a step against the sum by hand
    const double loss = (double)task.joint->loss(tape, &f.m, NULL, out, &metric)->value[0];
    for (int i = 0; i < 6; i++)
      text[i] = drawn_caption(&f, f.m.shuffle.batch[i], step, 0);
    ck_assert_double_eq_tol(loss, loss_by_hand(tape, &f, f.m.shuffle.batch, text),
                            20 * ROUNDING);
    f.m.multi_positive = false;
    const double pairs = (double)task.joint->loss(tape, &f.m, NULL, out, &metric)->value[0];
    ck_assert_double_gt(fabs(pairs - loss), 1e-3);
    f.m.multi_positive = true;
  }
  task.evaluate(tape, &f.m, &found, &metric);
  static const int order[] = {0, 1, 2, 3, 4, 5};
  for (int i = 0; i < 6; i++) text[i] = f.pairs.caption[2 * i];
  ck_assert_double_eq_tol(found, loss_by_hand(tape, &f, order, text), 20 * ROUNDING);
  tape_free(tape);
  done(&f);
}
END_TEST

TEST_MAIN("contrastive", pictures_meet_their_captions, what_is_noted_and_clamped,
          evaluation_is_the_loss_of_first_captions, pictures_can_come_again,
          all_that_is_true_counts)
