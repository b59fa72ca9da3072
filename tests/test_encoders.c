/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "eval/embed_files.h"

#include "testing.h"

#include "base/error.h"
#include "eval/embed.h"
#include "io/safetensors.h"

enum { B = 2, SIDE = 12 };

static void open_encoders(Encoders *e, const char *family, int image_size) {
  const EncodersWish wish = {.image_size = image_size};
  ck_assert_msg(encoders_open(e, text_of("tests/fixtures/published/%s", family), wish),
                "%s", fail_message());
}

static void agrees(const char *family, const char *tensor, int size) {
  Encoders e;
  open_encoders(&e, family, 0);
  Safetensors *expected = fixture_open(
      text_of("tests/fixtures/published/%s/expected.safetensors", family));
  real images[B * 3 * SIDE * SIDE];
  Tape *tape = tape_no_grad();
  ck_assert_int_eq(e.side, SIDE);
  ck_assert_int_eq(e.channels, 3);
  ck_assert_int_eq(e.size, size);
  ck_assert(safetensors_take(expected, "images", SHAPE(B, 3, SIDE, SIDE), images));
  Tensor *x = encoders_image(tape, &e, images, B);
  fixture_agree(expected, tensor, x, x->value);
  tape_free(tape), safetensors_free(expected), encoders_close(&e);
}

START_TEST(every_family_gives_its_vectors) {
  static const char *const two[] = {"clip", "openclip", "eva02-clip", "eva02-clip-e",
                                    "hf-clip"};
  for (int i = 0; i < 5; i++) agrees(two[i], "u", 8);
  agrees("hf-siglip", "u", 16);
  agrees("hf-vit", "features", 16);
  agrees("timm", "features", 16);
  agrees("mae-encoder", "features", 16);
}
END_TEST

static void texts_are_encoded(const char *family, int tokens) {
  Encoders e;
  const EncodersWish wish = {.texts = true};
  static const char *const texts[] = {"the dog", "and of", "a"};
  if (!encoders_open(&e, text_of("tests/fixtures/published/%s", family), wish)) {
    ck_assert_msg(strstr(fail_message(), "expected a build with"), "%s", fail_message());
    return;
  }
  const int T = e.clip->config.text.context;
  int *ids = calloc(3, (size_t)T * sizeof *ids);
  real *v = calloc((size_t)(3 * e.size), sizeof *v);
  Tape *tape = tape_no_grad();
  ck_assert_int_eq(tokenizer_size(e.tokenizer), tokens);
  embed_texts(e.clip, tape, e.tokenizer, texts, 3, v);
  for (int i = 0; i < 3; i++)
    text_tokens(&e.clip->config.text, e.tokenizer, texts[i], ids + i * T);
  const Tensor *again = clip_encode_text(tape, e.clip, ids, 3, T);
  ck_assert(memcmp(again->value, v, (size_t)(3 * e.size) * sizeof *v) == 0);
  ck_assert(memcmp(v, v + e.size, (size_t)e.size * sizeof *v) != 0);
  tape_free(tape), free(ids), free(v), encoders_close(&e);
}

START_TEST(tokenizers_lie_beside_their_models) {
  texts_are_encoded("clip", 520);
  texts_are_encoded("eva02-clip", 520);
  texts_are_encoded("hf-clip", 520);
  texts_are_encoded("hf-siglip", 60);
}
END_TEST

static void refused(const char *family, EncodersWish wish, const char *why) {
  Encoders e;
  ck_assert(!encoders_open(&e, text_of("tests/fixtures/published/%s", family), wish));
  ck_assert_msg(strstr(fail_message(), why), "'%s' lacks '%s'", fail_message(), why);
  ck_assert_ptr_null(e.vit);
}

START_TEST(what_a_model_has_not_is_refused) {
  const EncodersWish texts = {.texts = true}, classes = {.classes = true};
  refused("timm", texts, "expected a model of two encoders, of pictures and of texts, "
                         "found ViT, timm");
  refused("clip", classes, "expected a model with a head that names classes, found none "
                           "in CLIP, OpenAI and OpenCLIP");
  refused("mae", classes, "found none in MAE");
  const EncodersWish odd = {.image_size = 13};
  refused("hf-vit", odd, "--image-size: expected a multiple");
}
END_TEST

typedef struct Taken {
  int calls, count;
  real vectors[8 * 3];
} Taken;

static void take(void *state, int first, int count, const real *vectors) {
  Taken *t = state;
  memcpy(t->vectors + first * 8, vectors, (size_t)(count * 8) * sizeof *vectors);
  t->calls++, t->count += count;
}

/* A file's vector does not depend on how many are encoded with it. */
START_TEST(batches_change_no_bit) {
  char *files[] = {"tests/fixtures/prepare/RGB-97x61.png",
                   "tests/fixtures/prepare/L-50x33.png",
                   "tests/fixtures/prepare/RGBA-64x48.png", "tests/fixtures/none.png"};
  Encoders e;
  open_encoders(&e, "clip", 20);
  Taken at_once = {0}, singly = {0}, broken = {0};
  EmbedTimes times;
  ck_assert(embed_files(&e, files, 3, 16, &times, take, &at_once));
  ck_assert(embed_files(&e, files, 3, 1, &times, take, &singly));
  ck_assert_int_eq(at_once.calls, 1);
  ck_assert_int_eq(singly.calls, 3);
  ck_assert(times.read > 0 && times.encode > 0);
  ck_assert(memcmp(at_once.vectors, singly.vectors, sizeof singly.vectors) == 0);
  ck_assert(!embed_files(&e, files, 4, 2, &times, take, &broken));
  ck_assert_int_eq(broken.count, 2); /* whole batches before it */
  ck_assert(strstr(fail_message(), "none.png: cannot open"));
  encoders_close(&e);
}
END_TEST

TEST_MAIN("encoders", every_family_gives_its_vectors, tokenizers_lie_beside_their_models,
          what_a_model_has_not_is_refused, batches_change_no_bit)
