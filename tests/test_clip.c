/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "eval/embed.h"
#include "models/clip.h"

#include "base/error.h"
#include "io/safetensors.h"
#include "models/presets.h"
#include "tensor/arithmetic.h"
#include "tensor/losses.h"
#include "testing.h"

enum { PAIRS = 4, T = 6, E = 7 };
static const int captions[PAIRS * T] = {9, 4, 7, 10, 0, 0, 9, 1, 2, 3, 4, 10,
                                        9, 10, 0, 0, 0, 0, 9, 8, 8, 10, 0, 0};
static const ClipConfig tiny = {
    .image = {.image_size = 8, .channels = 3, .patch_size = 4, .width = 12, .depth = 2,
              .heads = 3, .mlp = 20, .position = POSITION_LEARNED, .style = STYLE_CLIP,
              .gelu = GELU_QUICK, .eps = 1e-5},
    .text = {.vocabulary = 11, .context = 7, .width = 12, .depth = 2, .heads = 3,
             .mlp = 20, .gelu = GELU_QUICK, .eps = 1e-5, .causal = true},
    .embed = E};

// Published clips
START_TEST(published_clips) {
  static const struct {
    const char *name;
    size_t vision, text, all;
  } want[] = {{"ViT-B/32", 87849216, 63428096, 151277313},
              {"ViT-B/16", 86192640, 63428096, 149620737},
              {"ViT-L/14", 303966208, 123650304, 427616513},
              {"ViT-L/14@336", 304293888, 123650304, 427944193}};
  for (int i = 0; i < 4; i++) {
    Params *params = params_new();
    ClipConfig c;
    size_t vision = 0;
    ck_assert(clip_preset(&c, want[i].name));
    clip_declare(params, c);
    for (int k = 0; k < params->count; k++)
      if (strncmp(params->list[k].tensor->name, "visual", 6) == 0)
        vision += tensor_size(params->list[k].tensor);
    ck_assert_uint_eq(vision, want[i].vision);
    ck_assert_uint_eq(params_count(params, true) - vision - 1, want[i].text);
    ck_assert_uint_eq(params_count(params, true), want[i].all);
    params_free(params);
  }
}
END_TEST

START_TEST(unknown_names_are_refused) {
  ClipConfig c;
  ck_assert(!clip_preset(&c, "ViT-B/8"));
  ck_assert(strstr(fail_message(), "ViT-B/8: expected ViT-B/32"));
}
END_TEST

START_TEST(impossible_sizes) {
  ClipConfig c = tiny;
  ck_assert(clip_check(&c));
  c.text.heads = 5;
  ck_assert(!clip_check(&c));
  ck_assert(strstr(fail_message(), "text-heads: "));
  c = tiny;
  c.image.heads = 5;
  ck_assert(!clip_check(&c));
  ck_assert(strstr(fail_message(), "heads: "));
}
END_TEST

// The whole chain
// A small model of pairs
typedef struct Model {
  Params *params;
  Tape *tape;
  Clip clip;
  Tensor *images;
  const unsigned char *positives; /* or NULL */
} Model;

static Model model_of(ClipConfig config) {
  Model m = {.params = params_new(), .tape = tape_new()};
  m.images = random_parameter(m.params, "images", SHAPE(PAIRS, 3, 8, 8), 1);
  m.clip = clip_declare(m.params, config);
  params_fill(m.params, 2);
  for (size_t i = 0; i < m.params->size; i++) /* LayerNorm bends sharply near zero */
    m.params->value[i] += (real)(0.2 * sin((double)i));
  m.clip.logit_scale->value[0] = (real)1.3;
  if (m.clip.logit_bias) m.clip.logit_bias->value[0] = -2;
  return m;
}

static void done(Model *m) {
  tape_free(m->tape), params_free(m->params);
}

static Tensor *loss_of(Tape *tape, void *state) {
  const Model *m = state;
  Tensor *u = clip_encode_image(tape, &m->clip, m->images);
  Tensor *v = clip_encode_text(tape, &m->clip, captions, PAIRS, T);
  return clip_loss(tape, &m->clip, u, v, m->positives, NULL);
}

START_TEST(gradients_of_clip) {
  for (int f = 0; f < 2; f++) {
    ClipConfig c = tiny;
    c.loss = (PairLoss)f;
    Model m = model_of(c);
    assert_gradients(loss_of, &m, m.params);
    done(&m);
  }
}
END_TEST

START_TEST(the_scale_is_clamped) {
  Model m = model_of(tiny);
  real *s = m.clip.logit_scale->value;
  *s = 5;
  clip_clamp(&m.clip);
  ck_assert_double_eq_tol(*s, 4.605170186, 1e-6);
  *s = -1;
  clip_clamp(&m.clip);
  ck_assert_double_eq(*s, 0);
  *s = 3;
  clip_clamp(&m.clip);
  ck_assert_double_eq(*s, 3);
  ck_assert(params_find(m.params, "logit_scale")->kind == PARAM_PLAIN);
  done(&m);
}
END_TEST

START_TEST(seeing_and_reading_give_unit_vectors) {
  const char *texts[] = {"", "a red circle", "a"};
  ClipConfig c = tiny;
  c.text.vocabulary = TOKENIZER_SYMBOLS + 2;
  Model m = model_of(c);
  Tokenizer *t = tokenizer_train(texts, 3, c.text.vocabulary);
  uint8_t pixels[2 * 8 * 8 * 3] = {0};
  Dataset data = {.count = 2, .channels = 3, .height = 8, .width = 8, .pixels = pixels,
                  .std = {1, 1, 1}}; /* no labels: nobody asked for any */
  real v[3 * E], u[2 * E];
  pixels[200] = 255;
  m.tape->recording = false;
  embed_texts(&m.clip, m.tape, t, texts, 3, v);
  embed_images(&m.clip, m.tape, &data, u);
  // Expect five vectors of length one
  for (int i = 0; i < 5; i++) {
    double squares = 0;
    for (int k = 0; k < E; k++)
      squares += pow((double)(i < 3 ? v + i * E : u + (i - 3) * E)[k], 2);
    ck_assert_double_eq_tol(squares, 1, 1e-5);
  }
  ck_assert_mem_ne(u, u + E, E * sizeof *u);
  ck_assert_mem_ne(v, v + E, E * sizeof *v);
  tokenizer_free(t);
  done(&m);
}
END_TEST

// Clip against PyTorch
START_TEST(the_witness_agrees) {
  Model m = model_of(tiny);
  Safetensors *file = fixture_open("tests/fixtures/clip.safetensors");
  fixture_load_parameters(file, m.params);
  params_clear_grad(m.params);
  Tensor *u = clip_encode_image(m.tape, &m.clip, m.images);
  Tensor *v = clip_encode_text(m.tape, &m.clip, captions, PAIRS, T);
  Tensor *loss = clip_loss(m.tape, &m.clip, u, v, NULL, NULL);
  fixture_agree(file, "u", u, u->value);
  fixture_agree(file, "v", v, v->value);
  fixture_agree(file, "loss", &(Tensor){.shape = SHAPE(1)}, loss->value);
  tape_backward(m.tape, loss);
  fixture_agree_gradients(file, m.params);
  safetensors_free(file);
  done(&m);
}
END_TEST

TEST_MAIN("clip", published_clips, unknown_names_are_refused, impossible_sizes,
          gradients_of_clip, the_scale_is_clamped, the_witness_agrees,
          seeing_and_reading_give_unit_vectors)
