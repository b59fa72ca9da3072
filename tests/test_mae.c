/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "models/mae.h"

#include "base/error.h"
#include "io/safetensors.h"
#include "models/presets.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "testing.h"
#include "train/optimizer.h"

enum { B = 3, PATCHES = 9, SIDE = 12, CHANNELS = 2, INPUTS = CHANNELS * 4 * 4 };
static const MaeConfig tiny = {
    .encoder = {.image_size = SIDE, .channels = CHANNELS, .patch_size = 4, .width = 12,
                .depth = 2, .heads = 3, .mlp = 20, .position = POSITION_SINCOS,
                .eps = 1e-6},
    .width = 8, .depth = 1, .heads = 2, .mlp = 16};

// A tiny autoencoder
typedef struct Model {
  Params *params;
  Tape *tape;
  Mae mae;
  Tensor *images;
  Masking mask;
} Model;

static Model model_of(MaeConfig config, double ratio) {
  Model m = {.params = params_new(), .tape = tape_new()};
  m.images = random_parameter(m.params, "images", SHAPE(B, CHANNELS, SIDE, SIDE), 1);
  m.mae = mae_declare(m.params, config);
  params_fill(m.params, 2);
  for (int i = 0; i < config.encoder.width; i++) /* LayerNorm bends sharply near zero */
    m.mae.encoder.cls_token->value[i] += (real)sin(i);
  for (int i = 0; i < config.width; i++)
    m.mae.mask_token->value[i] += (real)cos(i);
  tape_reset(m.tape, (RandomKey){0});
  m.mask = masking_random(m.tape, B, PATCHES, ratio, random_key(5, "mask"), NULL);
  return m;
}

static void done(Model *m) {
  tape_free(m->tape), params_free(m->params);
}

// Counts and first losses
START_TEST(published_counts) {
  static const struct {
    const char *name;
    size_t encoder, decoder, fixed;
  } want[] = {{"B/16", 85647360, 26008320, 151296 + 100864},
              {"L/16", 303099904, 26139392, 201728 + 100864},
              {"H/14", 630435840, 26178124, 328960 + 131584}};
  for (int i = 0; i < 3; i++) {
    MaeConfig c = {.width = 512, .depth = 8, .heads = 16, .mlp = 2048};
    ck_assert(vit_preset(&c.encoder, want[i].name));
    c.encoder.classes = 0, c.encoder.position = POSITION_SINCOS;
    Params *params = params_new();
    size_t decoder = 0;
    mae_declare(params, c);
    // Count the decoder's parameters
    for (int k = 0; k < params->count; k++) {
      const Parameter *p = &params->list[k];
      if (p->kind != PARAM_FIXED && (strncmp(p->tensor->name, "decoder", 7) == 0 ||
                                     strcmp(p->tensor->name, "mask_token") == 0))
        decoder += tensor_size(p->tensor);
    }
    ck_assert_uint_eq(decoder, want[i].decoder);
    ck_assert_uint_eq(params_count(params, true), want[i].encoder + want[i].decoder);
    ck_assert_uint_eq(params_count(params, false),
                      want[i].encoder + want[i].decoder + want[i].fixed);
    params_free(params);
  }
}
END_TEST

START_TEST(impossible_decoders) {
  MaeConfig c = tiny;
  ck_assert(mae_check(&c));
  c.heads = 3;
  ck_assert(!mae_check(&c));
  ck_assert_str_eq(fail_message(),
                   "decoder-heads: expected a divisor of decoder-width 8, found 3");
  c.width = 6;
  ck_assert(!mae_check(&c));
  c = tiny;
  c.encoder.heads = 5;
  ck_assert(!mae_check(&c));
}
END_TEST

START_TEST(zero_costs_all_but_one) {
  MaeConfig c = tiny;
  c.normalize = true;
  Model m = model_of(c, 0.75);
  Tensor *targets = mae_targets(m.tape, &m.mae, m.images);
  Tensor *zero = tape_tensor(m.tape, "zero", targets->shape);
  memset(zero->value, 0, tensor_size(zero) * sizeof(real));
  Tensor *error = masked_mse(m.tape, zero, targets, &m.mask);
  ck_assert_double_eq_tol(error->value[0], (INPUTS - 1.0) / INPUTS, 1e-5);
  for (int i = 0; i < B * CHANNELS * SIDE * SIDE; i++) m.images->value[i] = (real)0.3;
  targets = mae_targets(m.tape, &m.mae, m.images);
  error = masked_mse(m.tape, zero, targets, &m.mask);
  ck_assert_double_eq_tol(error->value[0], 0, 1e-6);
  done(&m);
}
END_TEST

START_TEST(normalized_by_hand) {
  static const double want[] = {-1.161894655, -.387298218, .387298218, 1.161894655};
  Params *params = params_new();
  MaeConfig c = tiny;
  c.encoder.image_size = c.encoder.patch_size = 2, c.encoder.channels = 1;
  c.normalize = true;
  Mae mae = mae_declare(params, c);
  Tape *tape = tape_new();
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, 1, 2, 2));
  for (int i = 0; i < 4; i++) image->value[i] = (real)(i + 1);
  Tensor *t = mae_targets(tape, &mae, image);
  for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(t->value[i], want[i], 2e-6);
  tape_free(tape), params_free(params);
}
END_TEST

// What is seen and what is not
START_TEST(hidden_pixels_do_not_reach_the_encoder) {
  Model m = model_of(tiny, 0.6);
  Tensor *encoded = mae_encode(m.tape, &m.mae, m.images, &m.mask);
  ck_assert(shape_equal(encoded->shape, SHAPE(B, 1 + m.mask.kept, 12)));
  params_clear_grad(m.params);
  tape_backward(m.tape, weighted_sum(m.tape, encoded));
  for (int i = 0; i < B * CHANNELS * SIDE * SIDE; i++) {
    const int b = i / (CHANNELS * SIDE * SIDE), row = i / SIDE % SIDE, column = i % SIDE;
    const int patch = row / 4 * 3 + column / 4;
    const bool hidden = m.mask.restore[b * PATCHES + patch] < 0;
    ck_assert(hidden == (m.images->grad[i] == 0));
  }
  done(&m);
}
END_TEST

START_TEST(only_hidden_patches_count) {
  Model m = model_of(tiny, 0.6);
  Tensor *targets = mae_targets(m.tape, &m.mae, m.images);
  Params *other = params_new();
  Tensor *predicted = random_parameter(other, "said", targets->shape, 1);
  double want = 0;
  params_fill(other, 1);
  Tensor *loss = masked_mse(m.tape, predicted, targets, &m.mask);
  tape_backward(m.tape, loss);
  for (int r = 0; r < B * PATCHES; r++) {
    const bool hidden = m.mask.restore[r] < 0;
    for (int i = r * INPUTS; i < (r + 1) * INPUTS; i++) {
      ck_assert(hidden == (predicted->grad[i] != 0));
      if (hidden) want += pow((double)(predicted->value[i] - targets->value[i]), 2);
    }
  }
  want /= (double)INPUTS * B * (PATCHES - m.mask.kept);
  ck_assert_double_eq_tol(loss->value[0], want, 1e-5);
  params_free(other);
  done(&m);
}
END_TEST

START_TEST(nothing_hidden_is_a_plain_vit) {
  Model m = model_of(tiny, 0);
  Tensor *found = mae_encode(m.tape, &m.mae, m.images, &m.mask);
  Tensor *want = vit_encode(m.tape, &m.mae.encoder,
                            vit_embed(m.tape, &m.mae.encoder, m.images), NULL);
  int order[B * (PATCHES + 1)];
  for (int i = 0; i < B * (PATCHES + 1); i++) {
    const int b = i / (PATCHES + 1), t = i % (PATCHES + 1);
    order[i] = t ? 1 + m.mask.restore[b * PATCHES + t - 1] : 0;
  }
  Tensor *back = gather_tokens(m.tape, found, order, PATCHES + 1);
  ck_assert_double_lt(relative_error(back->value, want->value, tensor_size(want)),
                      10 * ROUNDING);
  done(&m);
}
END_TEST

START_TEST(gaps_differ_by_position_only) {
  Model m = model_of(tiny, 0.6);
  for (int with = 1; with >= 0; with--) {
    if (!with)
      memset(m.mae.positions->value, 0, tensor_size(m.mae.positions) * sizeof(real));
    Tensor *predicted = mae_decode(m.tape, &m.mae,
                                   mae_encode(m.tape, &m.mae, m.images, &m.mask),
                                   &m.mask);
    const real *first = NULL;
    for (int t = 0; t < PATCHES; t++) {
      const real *patch = predicted->value + t * INPUTS;
      if (m.mask.restore[t] >= 0) continue;
      if (first && with) ck_assert_mem_ne(first, patch, INPUTS * sizeof(real));
      if (first && !with)
        ck_assert_double_lt(relative_error(patch, first, INPUTS), 10 * ROUNDING);
      first = patch;
    }
  }
  done(&m);
}
END_TEST

// Derivatives of the autoencoder
static Tensor *loss_of(Tape *tape, void *state) {
  Model *m = state;
  Masking mask = masking_random(tape, B, PATCHES, 0.6, random_key(5, "mask"), NULL);
  return mae_loss(tape, &m->mae, m->images, &mask);
}

START_TEST(gradients_of_the_autoencoder) {
  for (int depth = 1; depth < 3; depth++) {
    MaeConfig c = tiny;
    c.depth = depth;
    Model m = model_of(c, 0.6);
    m.images->requires_grad = false; /* targets are made of them, without a gradient */
    params_find(m.params, "images")->kind = PARAM_FIXED;
    assert_gradients(loss_of, &m, m.params);
    done(&m);
  }
}
END_TEST

START_TEST(pictures_can_be_learnt) {
  MaeConfig c = tiny;
  c.width = 32, c.mlp = 64;
  Model m = model_of(c, 0.6);
  double first = 0, last = 0;
  params_find(m.params, "images")->kind = PARAM_FIXED;
  m.images->requires_grad = false;
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, m.params, 0.95, 0);
  for (int step = 0; step < 600; step++) {
    tape_reset(m.tape, (RandomKey){0});
    params_clear_grad(m.params);
    Tensor *loss = loss_of(m.tape, &m);
    last = (double)loss->value[0];
    if (step == 0) first = last;
    tape_backward(m.tape, loss);
    adamw_update(&adamw, 0.01);
  }
  ck_assert_double_gt(first, 0.5);
  ck_assert_double_lt(last, 0.01);
  optimizer_free(&adamw);
  done(&m);
}
END_TEST
/* The file's masks, hiding 5 of 9 patches, in place of the model's own. */
static void take_masks(const Safetensors *file, Masking *mask) {
  enum { KEPT = 4 };
  real keep[B * KEPT];
  ck_assert_int_eq(mask->kept, KEPT);
  ck_assert_msg(safetensors_check(file, "keep", SHAPE(B, KEPT)), "%s", fail_message());
  safetensors_get(file, "keep", keep);
  for (int i = 0; i < B * PATCHES; i++) mask->restore[i] = -1;
  for (int i = 0; i < B * KEPT; i++) {
    mask->keep[i] = (int)keep[i];
    mask->restore[i / KEPT * PATCHES + mask->keep[i]] = i % KEPT;
  }
}

START_TEST(the_witness_agrees) {
  MaeConfig c = tiny;
  c.normalize = true;
  Model m = model_of(c, 0.5);
  Safetensors *file = fixture_open("tests/fixtures/mae.safetensors");
  fixture_load_parameters(file, m.params);
  take_masks(file, &m.mask);
  params_clear_grad(m.params);
  Tensor *predicted = mae_decode(m.tape, &m.mae,
                                 mae_encode(m.tape, &m.mae, m.images, &m.mask), &m.mask);
  Tensor *targets = mae_targets(m.tape, &m.mae, m.images);
  Tensor *loss = masked_mse(m.tape, predicted, targets, &m.mask);
  fixture_agree(file, "said", predicted, predicted->value);
  fixture_agree(file, "targets", targets, targets->value);
  fixture_agree(file, "loss", &(Tensor){.shape = SHAPE(1)}, loss->value);
  tape_backward(m.tape, loss);
  // Compare all gradients with PyTorch's
  for (int i = 0; i < m.params->count; i++) {
    const Parameter *p = &m.params->list[i];
    if (p->kind == PARAM_FIXED || p->tensor == m.images) continue;
    fixture_agree(file, params_name(m.params, "grad.%s", p->tensor->name), p->tensor,
          p->tensor->grad);
  }
  safetensors_free(file);
  done(&m);
}
END_TEST

TEST_MAIN("mae", published_counts, impossible_decoders, zero_costs_all_but_one,
          normalized_by_hand, only_hidden_patches_count,
          hidden_pixels_do_not_reach_the_encoder, nothing_hidden_is_a_plain_vit,
          gaps_differ_by_position_only, gradients_of_the_autoencoder,
          pictures_can_be_learnt, the_witness_agrees)
