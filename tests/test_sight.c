/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "api/sight.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "testing.h"

#include "eval/embed.h"
#include "eval/encoders.h"

enum { E = 8, TEXTS = 3, CALLERS = 4, TURNS = 5 };
static char *texts[] = {"the dog", "and of the", ""};
static const char picture[] = "tests/fixtures/prepare/RGB-97x61.png";
static const char model[] = "tests/fixtures/published/clip";

static SightClip *opened(void) {
  SightClip *clip = sight_clip_open(model);
  ck_assert_msg(clip != NULL, "%s", sight_error());
  return clip;
}

START_TEST(a_model_is_used_from_outside) {
  SightClip *clip = opened();
  float image[E], text[TEXTS * E], score[TEXTS], sum = 0;
  ck_assert_int_eq(sight_clip_dim(clip), E);
  ck_assert_int_eq(sight_clip_image_size(clip), 12);
  ck_assert_int_eq(sight_clip_channels(clip), 3);
  ck_assert(sight_clip_encode_file(clip, picture, image));
  ck_assert(sight_clip_encode_texts(clip, texts, TEXTS, text));
  ck_assert(sight_clip_scores(clip, image, 1, text, TEXTS, score));
  for (int i = 0; i < TEXTS; i++) sum += score[i];
  ck_assert_double_eq_tol((double)sum, 1, 1e-5);
  sight_clip_close(clip), sight_clip_close(NULL);
  Encoders e;
  ck_assert(encoders_open(&e, model, (EncodersWish){.texts = true}));
  real planes[3 * 12 * 12];
  Tape *tape = tape_no_grad();
  ck_assert(encoders_read(&e, picture, planes));
  const Tensor *u = encoders_image(tape, &e, planes, 1);
  for (int i = 0; i < E; i++) ck_assert_float_eq(image[i], (float)u->value[i]);
  tape_free(tape), encoders_close(&e);
  ck_assert_str_eq(sight_version(), SIGHT_VERSION);
}
END_TEST

START_TEST(pixels_are_a_picture_too) {
  SightClip *clip = opened();
  Image image;
  float a[E], b[E];
  ck_assert(image_load_opaque(&image, picture));
  ck_assert(sight_clip_encode_file(clip, picture, a));
  ck_assert(sight_clip_encode_pixels(clip, image.pixels, image.width, image.height, b));
  ck_assert(memcmp(a, b, sizeof a) == 0);
  ck_assert(!sight_clip_encode_pixels(clip, image.pixels, 0, 5, b));
  ck_assert_str_eq(sight_error(), "expected pixels of 1 to 16384 columns and rows, found "
                                  "0 and 5");
  ck_assert(!sight_clip_encode_pixels(clip, NULL, 4, 5, b));
  image_free(&image), sight_clip_close(clip);
}
END_TEST

START_TEST(failures_are_told) {
  float vector[E];
  ck_assert_ptr_null(sight_clip_open("tests/fixtures/none"));
  ck_assert(strstr(sight_error(), "none: cannot open"));
  ck_assert_ptr_null(sight_clip_open("tests/fixtures/published/timm"));
  ck_assert(strstr(sight_error(), "expected a model of two encoders"));
  SightClip *clip = opened();
  ck_assert(!sight_clip_encode_file(clip, "tests/fixtures/none.png", vector));
  ck_assert(strstr(sight_error(), "none.png: cannot open"));
  ck_assert(!sight_clip_encode_texts(clip, texts, 0, vector));
  ck_assert_str_eq(sight_error(), "expected at least one text, found 0");
  ck_assert(!sight_clip_scores(clip, vector, 0, vector, 1, vector));
  sight_clip_close(clip);
}
END_TEST

/* Memory that cannot be had is a failure like another, and the model goes on. The vectors
   of so many texts need 69 gigabytes; a machine that has these is not asked. */
START_TEST(out_of_memory_is_told) {
  const double memory = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  if (memory > 6e10) return;
  SightClip *clip = opened();
  float vector[E];
  ck_assert(!sight_clip_encode_texts(clip, texts, INT_MAX, vector));
  ck_assert_msg(strstr(sight_error(), "expected memory for"), "%s", sight_error());
  ck_assert(sight_clip_encode_texts(clip, texts, 1, vector));
  sight_clip_close(clip);
}
END_TEST

typedef struct Caller {
  SightClip *clip;
  float image[E], text[TEXTS * E], score[TEXTS];
  bool good;
} Caller;

static void *call(void *state) {
  Caller *c = state;
  c->good = true;
  for (int i = 0; i < TURNS; i++)
    c->good = c->good && sight_clip_encode_file(c->clip, picture, c->image) &&
              sight_clip_encode_texts(c->clip, texts, TEXTS, c->text) &&
              sight_clip_scores(c->clip, c->image, 1, c->text, TEXTS, c->score) &&
              !sight_clip_encode_file(c->clip, "tests/fixtures/none.png", c->image) &&
              strstr(sight_error(), "none.png") &&
              sight_clip_encode_file(c->clip, picture, c->image);
  return NULL;
}

START_TEST(threads_share_a_model) {
  Caller alone = {.clip = opened()}, callers[CALLERS];
  pthread_t thread[CALLERS];
  call(&alone);
  ck_assert(alone.good);
  for (int i = 0; i < CALLERS; i++) callers[i] = (Caller){.clip = alone.clip};
  for (int i = 0; i < CALLERS; i++)
    ck_assert_int_eq(pthread_create(&thread[i], NULL, call, &callers[i]), 0);
  for (int i = 0; i < CALLERS; i++) pthread_join(thread[i], NULL);
  for (int i = 0; i < CALLERS; i++) {
    ck_assert(callers[i].good);
    ck_assert(memcmp(callers[i].image, alone.image, sizeof alone.image) == 0);
    ck_assert(memcmp(callers[i].text, alone.text, sizeof alone.text) == 0);
    ck_assert(memcmp(callers[i].score, alone.score, sizeof alone.score) == 0);
  }
  sight_clip_close(alone.clip);
}
END_TEST

TEST_MAIN("sight", a_model_is_used_from_outside, pixels_are_a_picture_too,
          failures_are_told, out_of_memory_is_told, threads_share_a_model)
