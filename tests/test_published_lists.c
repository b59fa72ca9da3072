/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "models/published.h"

#include <unistd.h>

#include "testing.h"

#include "base/error.h"

typedef struct Listed {
  char *header;
  size_t length, room, data;
} Listed;

static void list(Listed *l, const char *dtype, const char *name, int rank, int a, int b,
                 int c, int d) {
  const int size[] = {a, b, c, d};
  size_t bytes = strcmp(dtype, "F16") == 0 ? 2 : 4;
  char shape[60] = "";
  for (int i = 0; i < rank; i++) {
    const size_t at = strlen(shape);
    snprintf(shape + at, sizeof shape - at, "%s%d", i ? "," : "", size[i]);
    bytes *= (size_t)size[i];
  }
  if (l->length + 400 > l->room)
    l->header = realloc(l->header, l->room = 2 * l->room + 400);
  l->length += (size_t)snprintf(
      l->header + l->length, l->room - l->length,
      "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
      l->length ? "," : "{", name, dtype, shape, l->data, l->data + bytes);
  l->data += bytes;
}

static void list_norm(Listed *l, const char *name, int width) {
  list(l, "F32", text_of("%s.weight", name), 1, width, 0, 0, 0);
  list(l, "F32", text_of("%s.bias", name), 1, width, 0, 0, 0);
}

static void list_tower(Listed *l, const char *prefix, int layers, int width) {
  for (int i = 0; i < layers; i++) {
    const char *b = text_of("%stransformer.resblocks.%d.", prefix, i);
    char block[100];
    snprintf(block, sizeof block, "%s", b);
    list(l, "F16", text_of("%sattn.in_proj_weight", block), 2, 3 * width, width, 0, 0);
    list(l, "F16", text_of("%sattn.in_proj_bias", block), 1, 3 * width, 0, 0, 0);
    list(l, "F16", text_of("%sattn.out_proj.weight", block), 2, width, width, 0, 0);
    list(l, "F16", text_of("%sattn.out_proj.bias", block), 1, width, 0, 0, 0);
    list_norm(l, text_of("%sln_1", block), width);
    list(l, "F16", text_of("%smlp.c_fc.weight", block), 2, 4 * width, width, 0, 0);
    list(l, "F16", text_of("%smlp.c_fc.bias", block), 1, 4 * width, 0, 0, 0);
    list(l, "F16", text_of("%smlp.c_proj.weight", block), 2, width, 4 * width, 0, 0);
    list(l, "F16", text_of("%smlp.c_proj.bias", block), 1, width, 0, 0, 0);
    list_norm(l, text_of("%sln_2", block), width);
  }
}

static const char *write_clip(int size, int patch, int width, int layers, int text,
                              int embed) {
  Listed l = {0};
  const int tokens = (size / patch) * (size / patch) + 1;
  list(&l, "F32", "logit_scale", 0, 0, 0, 0, 0);
  list(&l, "F32", "positional_embedding", 2, 77, text, 0, 0);
  list(&l, "F16", "text_projection", 2, text, embed, 0, 0);
  list(&l, "F32", "visual.class_embedding", 1, width, 0, 0, 0);
  list(&l, "F32", "visual.positional_embedding", 2, tokens, width, 0, 0);
  list(&l, "F16", "visual.proj", 2, width, embed, 0, 0);
  list(&l, "F16", "visual.conv1.weight", 4, width, 3, patch, patch);
  list_norm(&l, "visual.ln_pre", width), list_norm(&l, "visual.ln_post", width);
  list_tower(&l, "visual.", layers, width);
  list_tower(&l, "", 12, text);
  list(&l, "F32", "token_embedding.weight", 2, 49408, text, 0, 0);
  list_norm(&l, "ln_final", text);
  const char *path = scratch_path(scratch_folder("published-list"), "model.safetensors");
  FILE *file = fopen(path, "wb");
  ck_assert(file != NULL);
  const size_t length = l.length + 1;
  for (int i = 0; i < 8; i++) fputc((int)(length >> (8 * i) & 255), file);
  fprintf(file, "%s}", l.header);
  fclose(file), free(l.header);
  ck_assert_int_eq(truncate(path, (off_t)(8 + length + l.data)), 0);
  return path;
}

START_TEST(the_lists_of_published_clips_are_whole) {
  static const struct {
    int size, patch, width, layers, text, embed, heads;
    size_t parameters;
  } published[] = {{224, 32, 768, 12, 512, 512, 12, 151277313},
                   {224, 16, 768, 12, 512, 512, 12, 149620737}};
  for (int i = 0; i < 2; i++) {
    Published m;
    ck_assert_msg(published_open(&m, write_clip(published[i].size, published[i].patch,
                                                published[i].width, published[i].layers,
                                                published[i].text, published[i].embed)),
                  "%s", fail_message());
    ck_assert_uint_eq(params_count(m.params, false), published[i].parameters);
    ck_assert_uint_eq(m.numbers, published[i].parameters);
    ck_assert_int_eq(m.unused_count, 0);
    ck_assert_int_eq(m.clip.config.image.heads, published[i].heads);
    ck_assert_int_eq(m.clip.config.text.heads, published[i].text / 64);
    ck_assert_int_eq(m.preparation.size, published[i].size);
    Tape *tape = tape_no_grad();
    const int S = published[i].size;
    if (i == 0) {
      Tensor *x = tape_tensor(tape, "grey", SHAPE(1, 3, S, S));
      Tensor *features = vit_features(tape, &m.clip.visual, x);
      for (int k = 0; k < 768; k++) ck_assert(features->value[k] == 0);
    }
    tape_free(tape);
    published_close(&m);
  }
}
END_TEST

TEST_MAIN("published lists", the_lists_of_published_clips_are_whole)
