/* Tangled from chapters/05-vit.nw: edit that, not this. */
#include "models/vit.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "nn/patch_dropout.h"
#include "nn/patches.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Check a configuration
bool vit_check(const VitConfig *c) {
  if (c->image_size % c->patch_size != 0)
    return fail("--patch-size: expected a divisor of the image size %d, found %d",
                c->image_size, c->patch_size);
  if (c->width % c->heads != 0)
    return fail("--heads: expected a divisor of --width %d, found %d", c->width,
                c->heads);
  if (c->position == POSITION_SINCOS && c->width % 4 != 0)
    return fail("--width: expected a multiple of 4 for sincos positions, found %d",
                c->width);
  if (c->variant.rotary && c->width / c->heads % 4 != 0)
    return fail("--heads: expected heads of a multiple of 4 channels for rotary "
                "positions, found %d", c->width / c->heads);
  return true;
}

// Declare the model
static void declare_input(Params *params, const char *prefix, Vit *vit) {
  const VitConfig c = vit->config;
  const int side = c.image_size / c.patch_size, extra = vit->tokens - vit->patches;
  const Shape shape = SHAPE(c.width, c.channels, c.patch_size, c.patch_size);
  const Init first = init_normal(sqrt(1.0 / (c.channels * c.patch_size * c.patch_size)));
  const Init zero = init_constant(0), wide = init_normal(sqrt(1.0 / c.width));
  const char *projection = params_name(params, "%spatch_embed.proj", prefix);
  const bool clip = c.style == STYLE_CLIP, plain = c.style == STYLE_VIT;
  if (extra)
    vit->cls_token = params_add(params, params_name(params, "%scls_token", prefix),
                                SHAPE(1, 1, c.width), clip ? wide : zero, PARAM_PLAIN);
  vit->pos_embed =
      position_declare(params, prefix, c.position, side, side, c.width, extra);
  if (!plain && c.position == POSITION_LEARNED)
    params_find(params, vit->pos_embed->name)->init = wide;
  if (clip)
    vit->patch_embed.weight =
        params_add(params, params_name(params, "%s.weight", projection), shape, first,
                   PARAM_DECAYED);
  else vit->patch_embed = params_add_linear(params, projection, shape, first, zero);
  if (clip)
    vit->norm_pre =
        params_add_norm(params, params_name(params, "%snorm_pre", prefix), c.width);
}

Vit vit_declare(Params *params, const char *prefix, VitConfig c) {
  int side = c.image_size / c.patch_size, extra = c.pool == POOL_CLS;
  Vit vit = {.config = c, .patches = side * side, .tokens = side * side + extra};
  Init zero = init_constant(0);
  declare_input(params, prefix, &vit);
  vit.blocks = arena_get(params->arena, (size_t)c.depth * sizeof *vit.blocks);
  for (int i = 0; i < c.depth; i++)
    vit.blocks[i] = block_declare(
        params, params_name(params, "%sblocks.%d", prefix, i),
        (BlockConfig){.width = c.width, .heads = c.heads, .mlp = c.mlp, .eps = c.eps,
                      .gelu = c.gelu, .post_norm = c.post_norm, .dropout = c.dropout,
                      .drop_path = c.depth > 1 ? c.drop_path * i / (c.depth - 1) : 0,
                      .variant = c.variant, .rows = side, .columns = side,
                      .extra = extra, .first = c.first, .number = i,
                      .depth = c.depth});
  if (!c.post_norm)
    vit.norm = params_add_norm(params, params_name(params, "%snorm", prefix), c.width);
  if (c.pool == POOL_MAP)
    vit.map = attention_pool_declare(params, params_name(params, "%sattn_pool", prefix),
                                     (AttentionPoolConfig){c.width, c.heads, c.mlp,
                                                           c.gelu, c.eps});
  if (c.classes)
    vit.head = params_add_linear(params, params_name(params, "%shead", prefix),
                                 SHAPE(c.classes, c.width), zero, zero);
  return vit;
}

// Cut images on the tape
typedef struct PatchSaved {
  int P;
  real *joined; /* scratch of one image, if a gradient is wanted */
} PatchSaved;

static void patch_tokens_backward(const Entry *e) {
  Tensor *x = e->input[0];
  const PatchSaved *saved = e->saved;
  const int *s = x->shape.size;
  size_t n = (size_t)s[1] * s[2] * s[3];
  for (int b = 0; b < s[0]; b++) {
    unpatchify(saved->joined, e->output->grad + b * n, s[1], s[2], s[3], saved->P);
    for (size_t i = 0; i < n; i++) x->grad[b * n + i] += saved->joined[i];
  }
}

Tensor *patch_tokens(Tape *tape, Tensor *images, int patch_size) {
  const int *s = images->shape.size, P = patch_size;
  size_t n = (size_t)s[1] * s[2] * s[3];
  Tensor *y = tape_tensor(tape, "patch_tokens",
                          SHAPE(s[0], s[2] / P * (s[3] / P), s[1] * P * P));
  PatchSaved *saved = tape_memory(tape, sizeof *saved);
  *saved = (PatchSaved){P, images->requires_grad ? tape_memory(tape, n * sizeof(real))
                                              : NULL};
#pragma omp parallel for
  for (int b = 0; b < s[0]; b++)
    patchify(y->value + b * n, images->value + b * n, s[1], s[2], s[3], P);
  tape_record(tape, y, patch_tokens_backward, saved, images, NULL, NULL);
  return y;
}

// The forward pass
Tensor *vit_patch_embed(Tape *tape, const Vit *vit, Tensor *images) {
  Tensor *x = patch_tokens(tape, images, vit->config.patch_size);
  return linear(tape, x, vit->patch_embed.weight, vit->patch_embed.bias);
}

Tensor *vit_add_positions(Tape *tape, const Vit *vit, Tensor *x) {
  if (vit->cls_token) x = prepend_token(tape, vit->cls_token, x);
  if (vit->pos_embed) x = add_to_each(tape, x, vit->pos_embed);
  if (vit->norm_pre.weight)
    x = layernorm(tape, x, vit->norm_pre.weight, vit->norm_pre.bias, vit->config.eps);
  return dropout(tape, x, vit->config.dropout);
}

Tensor *vit_embed(Tape *tape, const Vit *vit, Tensor *images) {
  return vit_add_positions(tape, vit, vit_patch_embed(tape, vit, images));
}

static Tensor *final_norm(Tape *tape, const Vit *vit, Tensor *x) {
  if (vit->config.post_norm) return x;
  return layernorm(tape, x, vit->norm.weight, vit->norm.bias, vit->config.eps);
}

Tensor *vit_encode(Tape *tape, const Vit *vit, Tensor *x, Tensor **weights) {
  for (int i = 0; i < vit->config.depth; i++)
    x = block_forward(tape, &vit->blocks[i], x, weights ? &weights[i] : NULL);
  return final_norm(tape, vit, x);
}

Tensor *vit_pool(Tape *tape, const Vit *vit, Tensor *x) {
  if (vit->config.pool == POOL_MAP) return attention_pool_forward(tape, &vit->map, x,
                                                                  NULL);
  return vit->config.pool == POOL_CLS ? take_token(tape, x, 0)
                                      : mean_tokens(tape, x, 0);
}

Tensor *vit_classify(Tape *tape, const Vit *vit, Tensor *pooled) {
  assert(vit->config.classes > 0);
  return linear(tape, pooled, vit->head.weight, vit->head.bias);
}

Tensor *vit_features(Tape *tape, const Vit *vit, Tensor *images) {
  int *positions, last = vit->config.depth - 1;
  Tensor *x = vit_embed(tape, vit, images);
  x = patch_dropout(tape, x, vit->config.patch_dropout, vit->tokens - vit->patches,
                    &positions);
  const size_t count = (size_t)x->shape.size[0];
  for (int i = 0; i < last; i++)
    x = block_forward_placed(tape, &vit->blocks[i], x, NULL, positions);
  if (vit->config.pool != POOL_CLS) {
    x = block_forward_placed(tape, &vit->blocks[last], x, NULL, positions);
    return vit_pool(tape, vit, final_norm(tape, vit, x));
  }
  int *cls = tape_memory(tape, count * sizeof *cls);
  memset(cls, 0, count * sizeof *cls);
  x = block_forward_placed(tape, &vit->blocks[last], x, cls, positions);
  return vit_pool(tape, vit, final_norm(tape, vit, x));
}

Tensor *vit_forward(Tape *tape, const Vit *vit, Tensor *images) {
  return vit_classify(tape, vit, vit_features(tape, vit, images));
}

// Count the work
int vit_micro_batch(const Vit *vit) { return 1023 / vit->tokens + 1; }

double vit_macs(const VitConfig *c) {
  double side = c->image_size / c->patch_size, N = side * side;
  double T = N + (c->pool == POOL_CLS), D = c->width, M = c->mlp;
  double block = T * (4 * D * D + (c->variant.swiglu ? 3 : 2) * D * M) + 2 * T * T * D;
  double embed = N * c->channels * c->patch_size * c->patch_size * D;
  double map = c->pool == POOL_MAP ? attention_pool_macs(c->width, c->mlp, N) : 0;
  return embed + c->depth * block + map + D * c->classes;
}

// The published configurations
static const struct {
  const char *name;
  int width, depth, mlp, heads;
} published[] = {
    {"Ti", 192, 12, 768, 3},     {"S", 384, 12, 1536, 6},
    {"B", 768, 12, 3072, 12},    {"L", 1024, 24, 4096, 16},
    {"H", 1280, 32, 5120, 16},   {"g", 1408, 40, 6144, 16},
    {"G", 1664, 48, 8192, 16},   {"e", 1792, 56, 15360, 16},
};

bool vit_preset(VitConfig *config, const char *name) {
  char size[8], digits[4] = "";
  int end = 0, read = sscanf(name, "%7[A-Za-z]/%3[0-9]%n", size, digits, &end);
  int patch = digits[0] == '0' ? 0 : atoi(digits);
  if (read != 2 || name[end] ||
      (patch != 8 && patch != 14 && patch != 16 && patch != 32))
    return fail("%s: expected a name such as B/16, patch size 8, 14, 16 or 32", name);
  for (size_t i = 0; i < sizeof published / sizeof *published; i++)
    if (strcmp(size, published[i].name) == 0) {
      *config = (VitConfig){
          .image_size = 224, .channels = 3, .patch_size = patch,
          .width = published[i].width, .depth = published[i].depth,
          .heads = published[i].heads, .mlp = published[i].mlp, .classes = 1000,
          .position = POSITION_LEARNED, .gelu = GELU_TANH, .eps = 1e-6};
      return true;
    }
  return fail("%s: expected one of Ti, S, B, L, H, g, G, e before the slash", name);
}
