/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "models/presets.h"

#include "base/error.h"
#include "io/safetensors.h"
#include "testing.h"

enum { PAIRS = 4, T = 6, E = 12 };
static const int captions[PAIRS * T] = {4, 7, 10, 10, 10, 10, 1,  2,  3, 4,  5,  10,
                                        10, 10, 10, 10, 10, 10, 8, 8, 9, 10, 10, 10};
static const unsigned char some_positives[] = {1, 0, 1, 0, 0, 1, 0, 0,
                                               0, 0, 1, 0, 0, 1, 0, 1};

static ClipConfig tiny(void) {
  ClipConfig c = {.image = {.image_size = 8, .channels = 3, .patch_size = 4, .width = E,
                            .depth = 2, .heads = 3, .mlp = 20,
                            .position = POSITION_LEARNED},
                  .text = {.vocabulary = 11, .context = T, .width = E, .depth = 2,
                           .heads = 3, .mlp = 20},
                  .embed = E};
  siglip_variant(&c);
  return c;
}

// Published siglips
START_TEST(published_siglips) {
  // List how many parameters they have
  static const struct {
    const char *name;
    size_t vision, all; /* 0: not given */
  } want[] = {{"B/16-224", 92884224, 203155970}, {"B/16-256", 0, 203202050},
              {"B/16-384", 0, 203447810},        {"B/16-512", 0, 203791874},
              {"L/16-256", 0, 652150786},        {"L/16-384", 0, 652478466},
              {"So400m/14-224", 0, 877360306},   {"So400m/14-384", 0, 877960498}};
  for (int i = 0; i < 8; i++) {
    Params *params = params_new();
    ClipConfig c;
    size_t vision = 0;
    ck_assert(siglip_preset(&c, want[i].name) && clip_check(&c));
    clip_declare(params, c);
    for (int k = 0; k < params->count; k++)
      if (strncmp(params->list[k].tensor->name, "visual", 6) == 0)
        vision += tensor_size(params->list[k].tensor);
    if (want[i].vision) ck_assert_uint_eq(vision, want[i].vision);
    ck_assert_uint_eq(params_count(params, true), want[i].all);
    params_free(params);
  }
  ClipConfig c;
  siglip_preset(&c, "B/16-224"); /* open_clip counts 46.44 thousand million, doubled */
  ck_assert_double_eq_tol(2e-9 * clip_macs(&c, 64), 46.44, 0.003 * 46.44);
}
END_TEST

START_TEST(impossible_siglips) {
  ClipConfig c;
  ck_assert(!siglip_preset(&c, "B/16"));
  ck_assert(strstr(fail_message(), "B/16: expected a size such as B/16-224"));
  c = tiny();
  c.embed = 7;
  ck_assert(!clip_check(&c));
  ck_assert(strstr(fail_message(), "embed: expected the image encoder's width 12"));
  c = tiny();
  c.loss = LOSS_HALF, c.chunks = 2;
  ck_assert(!clip_check(&c));
  ck_assert(strstr(fail_message(), "chunks: expected loss sigmoid"));
}
END_TEST

// The whole of siglip
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

START_TEST(gradients_of_siglip) {
  for (int i = 0; i < 3; i++) {
    ClipConfig c = tiny();
    c.loss = i == 1 ? LOSS_SIGMOID_MEAN : LOSS_SIGMOID;
    c.chunks = i == 2 ? 3 : 0;
    Model m = model_of(c);
    if (i) m.positives = some_positives;
    assert_gradients(loss_of, &m, m.params);
    done(&m);
  }
}
END_TEST

static double loss_in(int chunks, PairLoss loss) {
  ClipConfig c = tiny();
  c.chunks = chunks, c.loss = loss;
  Model m = model_of(c);
  const double found = (double)loss_of(m.tape, &m)->value[0];
  done(&m);
  return found;
}

START_TEST(chunks_in_the_model) {
  const double whole = loss_in(0, LOSS_SIGMOID);
  for (int chunks = 1; chunks <= PAIRS; chunks++)
    ck_assert_double_eq_tol(loss_in(chunks, LOSS_SIGMOID), whole, 10 * ROUNDING);
  ck_assert_double_eq_tol(loss_in(0, LOSS_SIGMOID_MEAN), whole / PAIRS, 10 * ROUNDING);
  ck_assert_double_eq_tol(loss_in(2, LOSS_SIGMOID_MEAN), whole / PAIRS, 10 * ROUNDING);
}
END_TEST

START_TEST(a_siglip_begins_at_ten) {
  Params *params = params_new();
  Clip clip = clip_declare(params, tiny());
  params_fill(params, 1);
  ck_assert_double_eq_tol((double)clip.logit_scale->value[0], log(10), 1e-6);
  ck_assert_double_eq((double)clip.logit_bias->value[0], -10);
  ck_assert(params_find(params, "logit_bias")->kind == PARAM_PLAIN);
  ck_assert_ptr_null(params_find(params, "visual_projection.weight"));
  ck_assert_ptr_null(params_find(params, "visual.cls_token"));
  params_free(params);
}
END_TEST

// How siglip reads
START_TEST(every_place_is_seen) {
  Model m = model_of(tiny());
  real before[E];
  int ids[T];
  memcpy(ids, captions, sizeof ids);
  memcpy(before, clip_encode_text(m.tape, &m.clip, ids, 1, T)->value, sizeof before);
  for (int t = 0; t < T; t++) {
    ids[t] = (captions[t] + 1) % 11; /* another token */
    Tensor *v = clip_encode_text(m.tape, &m.clip, ids, 1, T);
    ck_assert_double_gt(relative_error(v->value, before, E), 1e-4);
    ids[t] = captions[t];
  }
  Tensor *less =
      clip_encode_text(m.tape, &m.clip, ids, 1, T - 1); /* padding is seen too */
  ck_assert_double_gt(relative_error(less->value, before, E), 1e-4);
  done(&m);
}
END_TEST

START_TEST(texts_are_filled_with_ends) {
  const char *texts[] = {"ab", "a b"};
  Tokenizer *t = tokenizer_train(texts, 2, TOKENIZER_SYMBOLS + 3);
  const int end = tokenizer_size(t) - 1;
  TextConfig c = {.context = 5, .style = TEXT_SIGLIP};
  int ids[5], plain[7];
  ck_assert_int_eq(text_tokens(&c, t, "ab", ids), 5);
  ck_assert_int_eq(tokenizer_encode(t, "ab", 2, plain, 7), 4 - (plain[2] == end));
  for (int i = 0; i < 5; i++)
    ck_assert_int_eq(ids[i], i + 1 < 7 && plain[i + 1] ? plain[i + 1] : end);
  text_tokens(&c, t, "b b b b b b b b b", ids); /* too long: the last is still an end */
  for (int i = 0; i < 4; i++) ck_assert_int_ne(ids[i], end);
  ck_assert_int_eq(ids[4], end);
  text_tokens(&c, t, "", ids);
  for (int i = 0; i < 5; i++) ck_assert_int_eq(ids[i], end);
  c.style = TEXT_CLIP;
  ck_assert_int_eq(text_tokens(&c, t, "", ids), 2);
  ck_assert_int_eq(ids[0], end - 1);
  tokenizer_free(t);
}
END_TEST

// Siglip against PyTorch
START_TEST(the_witness_agrees) {
  Model m = model_of(tiny());
  Safetensors *file = fixture_open("tests/fixtures/siglip.safetensors");
  fixture_load_parameters(file, m.params);
  params_clear_grad(m.params);
  Tensor *u = clip_encode_image(m.tape, &m.clip, m.images);
  Tensor *v = clip_encode_text(m.tape, &m.clip, captions, PAIRS, T);
  Tensor *loss = clip_loss(m.tape, &m.clip, u, v, NULL, NULL);
  const Tensor one = {.shape = SHAPE(1)};
  fixture_agree(file, "u", u, u->value);
  fixture_agree(file, "v", v, v->value);
  fixture_agree(file, "loss", &one, loss->value);
  // Hold two more forms of the loss against the file
  Tensor *positives = clip_loss(m.tape, &m.clip, u, v, some_positives, NULL);
  fixture_agree(file, "loss_truth", &one, positives->value);
  m.clip.config.loss = LOSS_SIGMOID_MEAN;
  Tensor *mean = clip_loss(m.tape, &m.clip, u, v, NULL, NULL);
  fixture_agree(file, "loss_mean", &one, mean->value);
  tape_backward(m.tape, loss);
  fixture_agree_gradients(file, m.params);
  safetensors_free(file);
  done(&m);
}
END_TEST

TEST_MAIN("siglip", published_siglips, impossible_siglips, gradients_of_siglip,
          chunks_in_the_model, a_siglip_begins_at_ten, every_place_is_seen,
          texts_are_filled_with_ends, the_witness_agrees)
