/* Tangled from chapters/05-vit.nw: edit that, not this. */
#include "models/vit.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "nn/masking.h"
#include "nn/patches.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Check a configuration
bool vit_check(const VitConfig *c) {
  if (c->image_size % c->patch_size != 0)
    return fail("patch-size: expected a divisor of the image size %d, found %d",
                c->image_size, c->patch_size);
  if (c->width % c->heads != 0)
    return fail("heads: expected a divisor of width %d, found %d", c->width,
                c->heads);
  if (c->position == POSITION_SINCOS && c->width % 4 != 0)
    return fail("width: expected a multiple of 4 for sincos positions, found %d",
                c->width);
  if (c->variant.rotary && c->width / c->heads % 4 != 0)
    return fail("heads: expected heads of a multiple of 4 channels for rotary "
                "positions, found %d", c->width / c->heads);
  return true;
}

// Declare the model
static void declare_input(Params *params, const char *prefix, Vit *vit) {
  const VitConfig c = vit->config;
  const int side = c.image_size / c.patch_size, extra = vit->tokens - vit->patches;
  const Shape shape = SHAPE(c.width, c.channels, c.patch_size, c.patch_size);
  const Init first = init_normal(sqrt(1.0 / (c.channels * c.patch_size * c.patch_size)));
  const Init zero = init_constant(0);
  if (extra)
    vit->cls_token = params_add(params, params_name(params, "%scls_token", prefix),
                                SHAPE(1, 1, c.width), zero, PARAM_PLAIN);
  vit->pos_embed =
      position_declare(params, prefix, c.position, side, side, c.width, extra);
  // Begin the input as CLIP and SigLIP do
  const Init wide = init_normal(sqrt(1.0 / c.width));
  if (c.style != STYLE_VIT && c.position == POSITION_LEARNED)
    params_find(params, vit->pos_embed->name)->init = wide;
  if (c.style == STYLE_CLIP && extra)
    params_find(params, vit->cls_token->name)->init = wide;
  // Project patches as CLIP does
  if (c.style == STYLE_CLIP) {
    vit->patch_embed.weight =
        params_add(params, params_name(params, "%spatch_embed.proj.weight", prefix),
                   shape, first, PARAM_DECAYED);
    vit->norm_pre = params_add_norm(params, prefix, "norm_pre", c.width);
    return;
  }
  vit->patch_embed = params_add_linear(params, prefix, "patch_embed.proj", shape,
                                       first, zero);
}

Vit vit_declare(Params *params, const char *prefix, VitConfig c) {
  int side = c.image_size / c.patch_size, extra = c.pool == POOL_CLS;
  const double step = c.rotary_side ? (double)c.rotary_side / side : 1;
  Vit vit = {.config = c, .patches = side * side, .tokens = side * side + extra};
  Init zero = init_constant(0);
  declare_input(params, prefix, &vit);
  vit.blocks = blocks_declare(
      params, prefix, "blocks",
      (BlockConfig){.width = c.width, .heads = c.heads, .mlp = c.mlp, .eps = c.eps,
                    .gelu = c.gelu, .post_norm = c.post_norm, .dropout = c.dropout,
                    .drop_path = c.drop_path, .variant = c.variant,
                    .grid = {side, side, extra, step}, .first = c.first,
                    .depth = c.depth});
  if (!c.post_norm) vit.norm = params_add_norm(params, prefix, "norm", c.width);
  // Declare SigLIP's pooling
  if (c.pool == POOL_MAP)
    vit.map = attention_pool_declare(params, params_name(params, "%sattn_pool", prefix),
                                     (AttentionPoolConfig){c.width, c.heads, c.mlp,
                                                           c.gelu, c.eps, 1});
  if (c.classes)
    vit.head = params_add_linear(params, prefix, "head", SHAPE(c.classes, c.width), zero,
                                 zero);
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
  *saved = (PatchSaved){.P = P};
  if (images->requires_grad) saved->joined = tape_memory(tape, n * sizeof(real));
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
  // Pool as SigLIP does
  if (vit->config.pool == POOL_MAP) return attention_pool_forward(tape, &vit->map, x, NULL);
  return vit->config.pool == POOL_CLS ? take_token(tape, x, 0)
                                      : mean_tokens(tape, x, 0);
}

Tensor *vit_classify(Tape *tape, const Vit *vit, Tensor *pooled) {
  assert(vit->config.classes > 0);
  return linear(tape, pooled, vit->head.weight, vit->head.bias);
}

/* Let only the first token of each image of x[B][T][C] attend. */
static void ask_for_cls(Tape *tape, const Tensor *x, AttentionCall *call) {
  const int B = call->query_count = x->shape.size[0], T = x->shape.size[1];
  int *cls = tape_memory(tape, (size_t)B * sizeof *cls);
  for (int b = 0; b < B; b++) cls[b] = b * T;
  call->queries = cls;
}

Tensor *vit_features(Tape *tape, const Vit *vit, Tensor *images) {
  int *positions, last = vit->config.depth - 1;
  Tensor *x = vit_embed(tape, vit, images);
  x = patch_dropout(tape, x, vit->config.patch_dropout, vit->tokens - vit->patches,
                    &positions);
  AttentionCall call = {.positions = positions};
  for (int i = 0; i < last; i++) x = block_forward_call(tape, &vit->blocks[i], x, call);
  const bool alone = vit->config.pool == POOL_CLS;
  if (alone) ask_for_cls(tape, x, &call);
  x = final_norm(tape, vit, block_forward_call(tape, &vit->blocks[last], x, call));
  return alone ? x : vit_pool(tape, vit, x);
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

Tensor *vit_drop_cls(Tape *tape, const Vit *vit, Tensor *x) {
  const int B = x->shape.size[0], N = vit->patches, extra = vit->tokens - N;
  if (!extra) return x;
  int *patches = tape_memory(tape, (size_t)B * N * sizeof *patches);
  for (int i = 0; i < B * N; i++) patches[i] = extra + i % N;
  return gather_tokens(tape, x, patches, N);
}

Tensor *vit_patch_tokens(Tape *tape, const Vit *vit, Tensor *images, bool penultimate) {
  Tensor *x = vit_embed(tape, vit, images);
  for (int i = 0; i < vit->config.depth - penultimate; i++)
    x = block_forward(tape, &vit->blocks[i], x, NULL);
  if (!penultimate) x = final_norm(tape, vit, x);
  return vit_drop_cls(tape, vit, x);
}
