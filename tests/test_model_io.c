/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "base/memory.h"
#include "eval/embed.h"
#include "models/model_io.h"
#include "train/checkpoint.h"

#include "testing.h"
#include "train/optimizer.h"

#include "base/error.h"

enum { E = 6 };
static const ClipConfig tiny = {
    .image = {.image_size = 8, .channels = 3, .patch_size = 4, .width = 8, .depth = 1,
              .heads = 2, .mlp = 12, .position = POSITION_LEARNED, .style = STYLE_CLIP,
              .gelu = GELU_QUICK, .eps = 1e-5},
    .text = {.vocabulary = TOKENIZER_SYMBOLS + 4, .context = 9, .width = 8, .depth = 1,
             .heads = 2, .mlp = 12, .gelu = GELU_TANH, .eps = 1e-4, .causal = true},
    .embed = E};

typedef struct Original {
  Params *params;
  Clip clip;
  Tokenizer *tokenizer;
  char folder[512];
} Original;

static Original save(ClipConfig config, const char *key, const char *value) {
  const char *texts[] = {"red red ring ring"};
  Original o = {.params = params_new()};
  Metadata notes = {0};
  snprintf(o.folder, sizeof o.folder, "%s", scratch_folder("saved"));
  o.clip = clip_declare(o.params, config);
  params_fill(o.params, 3);
  o.tokenizer = tokenizer_train(texts, 1, tiny.text.vocabulary);
  // Note sizes and normalization, and spoil one note
  for (int c = 0; c < 3; c++) {
    metadata_add(&notes, text_of("mean%d", c), "%g", 0.25 * c);
    metadata_add(&notes, text_of("std%d", c), "%g", 0.5);
  }
  clip_metadata(&notes, &config);
  for (int i = 0; key && i < notes.count; i++)
    if (strcmp(notes.list[i].key, key) == 0) {
      if (value) free(notes.list[i].value), notes.list[i].value = text_copy(value);
      else notes.list[i].key[0] = '-';
    }
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, o.params, 0.9, 0);
  ck_assert(checkpoint_save(o.folder, &adamw, (Progress){0}, &notes));
  metadata_free(&notes);
  ck_assert(tokenizer_save(o.tokenizer, scratch_path(o.folder, "merges.txt")));
  optimizer_free(&adamw);
  return o;
}

static void forget(Original *o) {
  tokenizer_free(o->tokenizer);
  params_free(o->params);
}

/* An encoder of another prefix, with a head, gets the values but for the head's. */
static void expect_taken(const LoadedVit *from) {
  Params *params = params_new();
  VitConfig config = from->vit.config;
  config.classes = 3;
  Vit vit = vit_declare(params, "student.", config);
  params_fill(params, 9);
  const real head = vit.head.weight->value[5];
  vit_copy_parameters(from, params, "student.");
  for (int i = 0; i < from->params->count; i++) {
    const Tensor *want = from->params->list[i].tensor;
    const Parameter *own =
        params_find(params, text_of("student.%s", want->name + strlen("visual.")));
    ck_assert_mem_eq(want->value, own->tensor->value, tensor_size(want) * sizeof(real));
  }
  ck_assert(vit.head.weight->value[5] == head);
  params_free(params);
}

START_TEST(what_was_saved_comes_back) {
  Original o = save(tiny, NULL, NULL);
  LoadedClip back;
  LoadedVit encoder, fresh;
  const char *texts[] = {"a red ring", "ring"};
  real want[2 * E], found[2 * E];
  Tape *tape = tape_no_grad();
  ck_assert_msg(clip_open(&back, o.folder), "%s", fail_message());
  embed_texts(&o.clip, tape, o.tokenizer, texts, 2, want);
  embed_texts(&back.clip, tape, back.tokenizer, texts, 2, found);
  ck_assert_mem_eq(want, found, sizeof want);
  ck_assert_double_eq_tol(back.mean[2], 0.5, 1e-7);
  ck_assert_double_eq_tol(back.std[1], 0.5, 1e-7);
  // Open the encoder alone, trained and not
  ck_assert_msg(vit_open(&encoder, o.folder, true, 1), "%s", fail_message());
  ck_assert(vit_open(&fresh, o.folder, false, 1));
  const Tensor *w = o.clip.visual.blocks[0].fc1.weight;
  const size_t bytes = tensor_size(w) * sizeof(real);
  ck_assert_mem_eq(w->value, encoder.vit.blocks[0].fc1.weight->value, bytes);
  ck_assert_mem_ne(w->value, fresh.vit.blocks[0].fc1.weight->value, bytes);
  ck_assert_ptr_null(params_find(encoder.params, "logit_scale"));
  expect_taken(&encoder);
  clip_close(&back);
  vit_close(&encoder);
  vit_close(&fresh);
  tape_free(tape);
  forget(&o);
}
END_TEST

START_TEST(bad_notes_are_refused) {
  static const struct {
    const char *key, *value, *text;
  } bad[] = {
      // Notes that are missing, no number or out of bounds
      {"image.width", NULL, "expected metadata image.width, found none"},
      {"image.width", "", "metadata image.width: expected a number from 1 to 65536"},
      {"image.width", "8x", "found '8x'"},
      {"image.width", "8.5", "expected an integer, found 8.5"},
      {"image.post_norm", "0.5", "image.post_norm: expected an integer"},
      {"text.causal", "0.5", "text.causal: expected an integer, found 0.5"},
      {"image.depth", "1000000", "expected a number from 1 to 1000"},
      {"image.depth", "2", "tensor visual.blocks.1"},
      {"image.channels", "4", "expected a number from 1 to 3, found '4'"},
      {"image.patch", "3", "sizes of an image encoder that fit together"},
      {"image.size", "4096", "tensor visual.pos_embed"},
      {"image.eps", "nan", "expected a number from 0 to 1, found 'nan'"},
      {"std1", "0", "metadata std1: expected a number from 1e-06"},
      {"mean0", NULL, "expected metadata mean0"},
      {"text.heads", "3", "sizes of a text encoder that fit together"},
      {"text.vocabulary", "1000000", "tensor text.token_embedding.weight"},
      {"embed", "7", "tensor visual_projection.weight"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    // Expect a run with this note to be refused
    Original o = save(tiny, bad[i].key, bad[i].value);
    LoadedClip back;
    ck_assert_msg(!clip_open(&back, o.folder), "%s", bad[i].text);
    ck_assert_msg(strstr(fail_message(), bad[i].text), "%s: %s", bad[i].text, fail_message());
    ck_assert(strstr(fail_message(), "model.safetensors"));
    forget(&o);
  }
}
END_TEST

START_TEST(merges_must_be_as_many_as_the_table_has) {
  ClipConfig small = tiny;
  small.text.vocabulary = TOKENIZER_SYMBOLS + 2;
  Original o = save(small, NULL, NULL);
  LoadedClip back;
  ck_assert(!clip_open(&back, o.folder));
  ck_assert(strstr(fail_message(), "merges.txt: expected 514 tokens, found 516"));
  forget(&o);
}
END_TEST

TEST_MAIN("model_io", what_was_saved_comes_back, bad_notes_are_refused,
          merges_must_be_as_many_as_the_table_has)
