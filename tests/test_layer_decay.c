/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "train/optimizer.h"

#include "models/vit.h"
#include "testing.h"

static double rate_of(const Params *params, const char *name) {
  const Parameter *p = params_find(params, name);
  ck_assert_msg(p != NULL, "%s", name);
  return p->lr_scale;
}

static Params *encoder_of(int depth, double decay) {
  Params *params = params_new();
  vit_declare(params, "v.", (VitConfig){.image_size = 8, .channels = 1, .patch_size = 4,
                                        .width = 4, .depth = depth, .heads = 1,
                                        .mlp = 4, .classes = 2, .style = STYLE_CLIP,
                                        .position = POSITION_LEARNED, .eps = 1e-6});
  params_add(params, "other", SHAPE(3), init_constant(1), PARAM_PLAIN);
  layer_decay(params, "v.", depth, decay);
  return params;
}

START_TEST(rates_of_layers) {
  Params *params = encoder_of(12, 0.75);
  ck_assert_double_eq_tol(rate_of(params, "v.patch_embed.proj.weight"), .02375726, 1e-8);
  ck_assert_double_eq_tol(rate_of(params, "v.cls_token"), .02375726, 1e-8);
  ck_assert_double_eq_tol(rate_of(params, "v.pos_embed"), .02375726, 1e-8);
  ck_assert_double_eq_tol(rate_of(params, "v.norm_pre.bias"), .02375726, 1e-8);
  ck_assert_double_eq_tol(rate_of(params, "v.blocks.0.norm1.weight"), .03167635, 1e-8);
  ck_assert_double_eq_tol(rate_of(params, "v.blocks.11.mlp.fc2.bias"), .75, 1e-12);
  ck_assert(rate_of(params, "v.norm.weight") == 1);
  ck_assert(rate_of(params, "v.head.weight") == 1);
  ck_assert(rate_of(params, "other") == 1);
  params_free(params);
  params = encoder_of(40, 0.85);
  ck_assert_double_eq_tol(rate_of(params, "v.cls_token"), .001276956, 1e-9);
  params_free(params);
}
END_TEST

START_TEST(steps_are_shorter) {
  Params *params = encoder_of(2, 0.5);
  params_fill(params, 1);
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, params, 0.999, 0);
  Tensor *early = params_find(params, "v.blocks.0.norm1.weight")->tensor;
  Tensor *late = params_find(params, "v.norm.weight")->tensor;
  early->grad[0] = late->grad[0] = 3;
  adamw_update(&adamw, 0.1);
  ck_assert_double_eq_tol(early->value[0], 1 - 0.1 * 0.25, 1e-6);
  ck_assert_double_eq_tol(late->value[0], 1 - 0.1, 1e-6);
  optimizer_free(&adamw);
  params_free(params);
}
END_TEST

TEST_MAIN("layer decay", rates_of_layers, steps_are_shorter)
