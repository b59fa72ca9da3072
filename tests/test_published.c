/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "models/published.h"

#include "testing.h"

#include "base/error.h"
#include "io/safetensors.h"

enum { B = 2, TEXTS = 3, SIDE = 12, CONTEXT = 6, PATCHES = 9, WIDTH = 16 };

typedef struct Witness {
  Published model;
  Safetensors *expected;
  Tape *tape;
  Tensor *images;
} Witness;

static Witness witness_of(const char *family) {
  Witness w = {.tape = tape_no_grad()};
  real images[B * 3 * SIDE * SIDE];
  const char *folder = text_of("tests/fixtures/published/%s", family);
  ck_assert_msg(published_open(&w.model, folder, 0), "%s", fail_message());
  ck_assert_msg(published_whole(&w.model), "%s", fail_message());
  w.expected = fixture_open(text_of("tests/fixtures/published/%s/expected.safetensors",
                                    family));
  const Shape shape = SHAPE(B, 3, SIDE, SIDE);
  ck_assert(safetensors_take(w.expected, "images", shape, images));
  w.images = tape_input(w.tape, "images", shape, images);
  return w;
}

static void done(Witness *w) {
  published_close(&w->model);
  safetensors_free(w->expected);
  tape_free(w->tape);
}

static void clip_agrees(const char *folder, const char *family, int unused) {
  Witness w = witness_of(folder);
  const Clip *clip = &w.model.clip;
  real numbers[TEXTS * CONTEXT];
  int ids[TEXTS * CONTEXT];
  ck_assert_int_eq(w.model.kind, PUBLISHED_CLIP);
  ck_assert_str_eq(w.model.family, family);
  ck_assert_int_eq(w.model.unused_count, unused);
  ck_assert(safetensors_take(w.expected, "ids", SHAPE(TEXTS, CONTEXT), numbers));
  for (int i = 0; i < TEXTS * CONTEXT; i++) ids[i] = (int)numbers[i];
  Tensor *u = clip_encode_image(w.tape, clip, w.images);
  Tensor *v = clip_encode_text(w.tape, clip, ids, TEXTS, CONTEXT);
  Tensor *logits = clip_logits(w.tape, clip, u, v);
  fixture_agree(w.expected, "u", u, u->value);
  fixture_agree(w.expected, "v", v, v->value);
  fixture_agree(w.expected, "logits", logits, logits->value);
  done(&w);
}

START_TEST(clips_agree) {
  clip_agrees("clip", "CLIP, OpenAI and OpenCLIP", 0);
  clip_agrees("openclip", "CLIP, OpenAI and OpenCLIP", 0);
  clip_agrees("eva02-clip", "EVA02-CLIP, OpenCLIP", 0);
  clip_agrees("eva02-clip-e", "EVA02-CLIP E, OpenCLIP", 0);
  clip_agrees("hf-clip", "CLIP, Hugging Face", 1);
  clip_agrees("hf-siglip", "SigLIP, Hugging Face", 0);
}
END_TEST

static void vit_agrees(const char *folder, const char *family, int classes) {
  Witness w = witness_of(folder);
  ck_assert_int_eq(w.model.kind, PUBLISHED_VIT);
  ck_assert_str_eq(w.model.family, family);
  ck_assert_int_eq(w.model.vit.config.classes, classes);
  ck_assert_int_eq(w.model.unused_count, 0);
  Tensor *features = vit_features(w.tape, &w.model.vit, w.images);
  fixture_agree(w.expected, "features", features, features->value);
  if (classes) {
    Tensor *logits = vit_forward(w.tape, &w.model.vit, w.images);
    fixture_agree(w.expected, "logits", logits, logits->value);
  }
  done(&w);
}

START_TEST(vits_agree) {
  vit_agrees("hf-vit", "ViT, Hugging Face", 5);
  vit_agrees("timm", "ViT, timm", 5);
  vit_agrees("mae-encoder", "MAE's encoder", 0);
}
END_TEST

START_TEST(the_autoencoder_agrees) {
  Witness w = witness_of("mae");
  ck_assert_int_eq(w.model.kind, PUBLISHED_MAE);
  ck_assert_str_eq(w.model.family, "MAE");
  Masking mask = masking_random(w.tape, B, PATCHES, 0, random_key(1, "all"), NULL);
  Tensor *said = mae_decode(w.tape, &w.model.mae,
                            mae_encode(w.tape, &w.model.mae, w.images, &mask), &mask);
  fixture_agree(w.expected, "said", said, said->value);
  ck_assert_int_eq(w.model.unused_count, 0);
  done(&w);
}
END_TEST

/* A copy of a fixture's model, without what lies beside it: its folder. */
static const char *copy_of(const char *family, const char *find, const char *instead) {
  const char *folder = scratch_folder("published-copy");
  size_t count;
  char *bytes = read_file(text_of("tests/fixtures/published/%s/model.safetensors",
                                  family), &count);
  if (find) memcpy(strstr(bytes + 8, find), instead, strlen(instead));
  write_file(scratch_path(folder, "model.safetensors"), bytes, count);
  return free(bytes), folder;
}

/* Pictures of another size, for which positions are resized. */
static void larger_agrees(const char *family) {
  enum { LARGER = 20 };
  Witness w = witness_of(family);
  Published m;
  real larger[3 * LARGER * LARGER];
  const Shape shape = SHAPE(1, 3, LARGER, LARGER);
  ck_assert_msg(published_open(&m, text_of("tests/fixtures/published/%s", family),
                               LARGER), "%s", fail_message());
  ck_assert_int_eq(m.preparation.size, LARGER);
  ck_assert(safetensors_take(w.expected, "larger", shape, larger));
  Tensor *u = clip_encode_image(w.tape, &m.clip, tape_input(w.tape, "x", shape, larger));
  fixture_agree(w.expected, "u_larger", u, u->value);
  published_close(&m), done(&w);
}

START_TEST(positions_are_resized) {
  larger_agrees("clip");
  larger_agrees("eva02-clip");
  Published m;
  ck_assert(!published_open(&m, "tests/fixtures/published/clip", 21));
  ck_assert_str_eq(fail_message(), "--image-size: expected a multiple of the patches' 4 "
                                   "pixels, found 21");
  ck_assert(!published_open(&m, "tests/fixtures/published/mae", 20));
  ck_assert(strstr(fail_message(), "--image-size: expected none for an autoencoder"));
}
END_TEST

START_TEST(pixels_beyond_the_last_patch_are_not_shown) {
  Witness w = witness_of("hf-siglip");
  const Preparation *p = &w.model.preparation;
  ck_assert_int_eq(p->size, 14);
  ck_assert_int_eq(p->shown, 12);
  uint8_t *pixels = calloc(14 * 14, 3);
  for (int i = 0; i < 14 * 14 * 3; i++) pixels[i] = (uint8_t)i;
  const Image image = {14, 14, 3, pixels};
  Image shown = prepare_pixels(p, &image);
  ck_assert_int_eq(shown.width, 12);
  ck_assert_int_eq(shown.height, 12);
  for (int i = 0; i < 12 * 12 * 3; i++)
    ck_assert_int_eq(shown.pixels[i], pixels[i / 36 * 42 + i % 36]);
  image_free(&shown), free(pixels), done(&w);
}
END_TEST

START_TEST(a_tensor_that_changes_the_network_is_noticed) {
  Published m;
  const char *folder = copy_of("hf-clip", "vision_model.embeddings.position_ids",
                               "vision_model.embeddings.scale_factor");
  size_t count;
  char *config = read_file("tests/fixtures/published/hf-clip/config.json", &count);
  write_file(scratch_path(folder, "config.json"), config, count);
  ck_assert_msg(published_open(&m, folder, 0), "%s", fail_message());
  ck_assert_int_eq(m.unused_count, 1);
  ck_assert(!published_whole(&m));
  ck_assert(strstr(fail_message(), "found vision_model.embeddings.scale_factor: its "
                                   "authors compute something else"));
  published_close(&m), free(config);
}
END_TEST

START_TEST(what_lies_beside_a_model_is_read) {
  Witness w = witness_of("clip");
  const Preparation *p = &w.model.preparation;
  ck_assert_int_eq(p->size, SIDE);
  ck_assert_int_eq(p->shorter, SIDE);
  ck_assert(p->filter == FILTER_BICUBIC && p->rounded);
  for (int c = 0; c < 3; c++) {
    ck_assert_double_eq((double)p->mean[c], 0.5 / (1 << c));
    ck_assert_double_eq((double)p->std[c], 1 << c);
  }
  ck_assert_int_eq(w.model.clip.config.image.heads, 2);
  ck_assert(w.model.clip.config.text.gelu == GELU_QUICK);
  done(&w);
  w = witness_of("hf-vit");
  ck_assert_int_eq(w.model.preparation.shorter, 0);
  ck_assert(w.model.preparation.filter == FILTER_BILINEAR);
  ck_assert_double_eq((double)w.model.preparation.mean[1], 0.5);
  done(&w);
  w = witness_of("mae");
  ck_assert_int_eq(w.model.preparation.shorter, 14); /* 8/7 of 12 */
  ck_assert_double_eq_tol((double)w.model.preparation.mean[1], 0.456, 1e-7);
  done(&w);
}
END_TEST
static void refused(const char *path, const char *why) {
  Published model;
  ck_assert_msg(!published_open(&model, path, 0), "accepted: %s", path);
  ck_assert_msg(strstr(fail_message(), why), "'%s' lacks '%s'", fail_message(), why);
  ck_assert(model.params == NULL);
}

/* A model of zeros, by names and shapes, in a folder: its path. */
static const char *zeros(const char *const *names, const Shape *shapes, int count) {
  static const real zero[1 << 14];
  const char *folder = scratch_folder("published");
  SafetensorsItem items[8];
  for (int i = 0; i < count; i++) items[i] = (SafetensorsItem){names[i], shapes[i], zero};
  ck_assert(safetensors_write(scratch_path(folder, "model.safetensors"), items, count,
                              NULL));
  return folder;
}

START_TEST(files_that_are_no_model_are_refused) {
  const char *empty = scratch_folder("published-empty");
  refused(empty, "expected model.safetensors, its index, or open_clip_model.safetensors");
  refused("tests/fixtures/none.safetensors", "none.safetensors: cannot open");
  refused("tests/fixtures/text.safetensors", "expected the tensors of CLIP, SigLIP, ViT");
  static const char *const names[] = {"head.weight", "patch_embed.proj.weight",
                                      "pos_embed", "blocks.0.mlp.fc1.weight",
                                      "blocks.0.norm1.weight"};
  Shape shapes[] = {SHAPE(5, 16), SHAPE(16, 3, 4, 4), SHAPE(1, 10, 16), SHAPE(32, 16),
                    SHAPE(16)};
  refused(zeros(names, shapes, 1), "expected the tensors of an image encoder, patch_emb");
  refused(zeros(names, shapes, 5), "expected tensors cls_token, patch_embed.proj.bias, "
                                   "blocks.0.norm1.bias, blocks.0.attn.qkv.weight, "
                                   "blocks.0.attn.qkv.bias, blocks.0.attn.proj.weight "
                                   "and 9 more, found none of these");
  refused(copy_of("timm", "\"norm.bias\"", "\"Norm.bias\""),
          "expected a tensor norm.bias, found none");
  shapes[2] = SHAPE(1, 9, 16);
  refused(zeros(names, shapes, 5), "expected pos_embed of a square grid of patches and "
                                   "CLS, found 9 rows");
  shapes[2] = SHAPE(1, 10, 16), shapes[1] = SHAPE(16, 4, 4, 4);
  refused(zeros(names, shapes, 5), "expected the tensors of an image encoder");
  const char *folder = zeros(names, shapes, 5);
  write_file(scratch_path(folder, "config.json"), "{", 1);
  refused(folder, "config.json: expected a configuration in JSON");
}
END_TEST

START_TEST(a_tensor_of_another_shape_is_named) {
  const char *folder = scratch_folder("published-shape");
  char *bytes, *at;
  size_t count;
  bytes = read_file("tests/fixtures/published/timm/model.safetensors", &count);
  at = strstr(bytes + 8, "\"blocks.1.mlp.fc2.weight\":{");
  ck_assert(at != NULL);
  memcpy(strstr(at, "[16,32]"), "[32,16]", 7);
  write_file(scratch_path(folder, "model.safetensors"), bytes, count);
  free(bytes);
  refused(folder, "tensor blocks.1.mlp.fc2.weight: expected shape [16,32,1,1] of rank 2, "
                  "found [32,16]");
  bytes = read_file("tests/fixtures/published/timm/model.safetensors", &count);
  at = strstr(strstr(bytes + 8, "\"cls_token\":{"), "[1,1,16]");
  memcpy(at, "[0,1,16]", 8);
  write_file(scratch_path(folder, "model.safetensors"), bytes, count);
  free(bytes);
  refused(folder, "tensor cls_token: expected type, shape and a place of that size");
}
END_TEST

START_TEST(configurations_that_cannot_be_are_refused) {
  static const struct {
    const char *family, *file, *text, *why;
  } bad[] = {
      {"hf-vit", "config.json", "{\"num_attention_heads\": 3}", "width 16 with 3 heads"},
      {"hf-vit", "config.json", "{\"num_attention_heads\": -2}", "16 with -1 heads"},
      {"hf-vit", "config.json", "{\"num_attention_heads\": 1e300}", "with -1 heads"},
      {"hf-clip", "config.json", "{\"text_config\": {\"num_attention_heads\": 5}}",
       "expected sizes of a text encoder that fit together, found width 16 with 5 heads"},
      {"openclip", "open_clip_config.json",
       "{\"model_cfg\": {\"vision_cfg\": {\"head_width\": 17}}}", "with -1 heads"},
      {"hf-vit", "preprocessor_config.json", "{\"image_std\": [1, 0, 1]}",
       "expected image_std of the configuration beside it to be three numbers above 0"},
      {"hf-vit", "preprocessor_config.json", "{\"image_mean\": [1, 2]}", "image_mean"},
      {"hf-vit", "config.json", "{\"image_size\": 16}",
       "expected image_size of the configuration beside it to be what the table of "
       "positions is for, 12, found 16"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    const char *folder = copy_of(bad[i].family, NULL, NULL);
    write_file(scratch_path(folder, bad[i].file), bad[i].text, strlen(bad[i].text));
    refused(folder, bad[i].why);
    ck_assert(strstr(fail_message(), "model.safetensors: expected"));
  }
  refused(copy_of("clip", "\"visual.proj\"", "\"visual.prox\""),
          "expected sizes of two encoders that fit together, found projections to 0");
}
END_TEST

TEST_MAIN("published", clips_agree, vits_agree, the_autoencoder_agrees,
          positions_are_resized, pixels_beyond_the_last_patch_are_not_shown,
          a_tensor_that_changes_the_network_is_noticed,
          configurations_that_cannot_be_are_refused,
          what_lies_beside_a_model_is_read, files_that_are_no_model_are_refused,
          a_tensor_of_another_shape_is_named)
