/* Tangled from chapters/09-mae.nw: edit that, not this. */
#include "models/mae.h"

#include <assert.h>

#include "base/error.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Declare encoder and decoder
bool mae_check(const MaeConfig *c) {
  assert(c->encoder.pool == POOL_CLS && c->encoder.position == POSITION_SINCOS);
  if (!vit_check(&c->encoder)) return false;
  if (c->width % 4 != 0)
    return fail("decoder-width: expected a multiple of 4, found %d", c->width);
  if (c->width % c->heads != 0)
    return fail("decoder-heads: expected a divisor of decoder-width %d, found %d",
                c->width, c->heads);
  return true;
}

/* The encoder is a ViT with other initial values. */
static Vit declare_encoder(Params *params, VitConfig c) {
  const int inputs = c.channels * c.patch_size * c.patch_size;
  Vit vit = vit_declare(params, "", c);
  params_find(params, "cls_token")->init = init_normal(0.02);
  params_find(params, "patch_embed.proj.weight")->init = init_xavier(inputs, c.width);
  return vit;
}

Mae mae_declare(Params *params, MaeConfig c) {
  const VitConfig *e = &c.encoder;
  assert(!e->variant.rotary); /* visible patches do not come in order */
  const int side = e->image_size / e->patch_size;
  const int outputs = e->channels * e->patch_size * e->patch_size;
  const Init zero = init_constant(0);
  Mae mae = {.config = c, .encoder = declare_encoder(params, c.encoder)};
  mae.mask_token = params_add(params, "mask_token", SHAPE(1, 1, c.width),
                              init_normal(0.02), PARAM_PLAIN);
  mae.embed = params_add_linear(params, "", "decoder_embed", SHAPE(c.width, e->width),
                                init_xavier(e->width, c.width), zero);
  mae.positions = position_declare(params, "decoder_", POSITION_SINCOS, side, side,
                                   c.width, 1);
  mae.blocks = blocks_declare(
      params, "", "decoder_blocks",
      (BlockConfig){.width = c.width, .heads = c.heads, .mlp = c.mlp, .eps = e->eps,
                    .gelu = e->gelu, .depth = c.depth});
  mae.norm = params_add_norm(params, "", "decoder_norm", c.width);
  mae.predict = params_add_linear(params, "", "decoder_pred", SHAPE(outputs, c.width),
                                  init_xavier(c.width, outputs), zero);
  return mae;
}

// Encode what is visible
Tensor *mae_encode(Tape *tape, const Mae *mae, Tensor *images, const Masking *mask) {
  const Vit *vit = &mae->encoder;
  const int B = mask->images, K = mask->kept;
  int *positions = tape_memory(tape, (size_t)B * K * sizeof *positions);
  for (int i = 0; i < B * K; i++) positions[i] = 1 + mask->keep[i];
  Tensor *x = patch_tokens(tape, images, vit->config.patch_size);
  x = gather_tokens(tape, x, mask->keep, K);
  x = linear(tape, x, vit->patch_embed.weight, vit->patch_embed.bias);
  x = add(tape, x, embedding(tape, vit->pos_embed, positions, B, K));
  x = prepend_token(tape, vit->cls_token, x);
  return vit_encode(tape, vit, x, NULL);
}

// Decode everything
Tensor *mae_decode(Tape *tape, const Mae *mae, Tensor *encoded, const Masking *mask) {
  const int B = mask->images, N = mask->patches;
  const double eps = mae->config.encoder.eps;
  int *from = tape_memory(tape, (size_t)B * (N + 1) * sizeof *from);
  int *patches = tape_memory(tape, (size_t)B * N * sizeof *patches);
  for (int i = 0; i < B * (N + 1); i++) {
    const int b = i / (N + 1), t = i % (N + 1);
    const int place = t ? mask->restore[b * N + t - 1] : 0;
    from[i] = t && place >= 0 ? place + 1 : place; /* CLS stays in front */
  }
  for (int i = 0; i < B * N; i++) patches[i] = i % N + 1;
  Tensor *x = linear(tape, encoded, mae->embed.weight, mae->embed.bias);
  x = scatter_tokens(tape, x, mae->mask_token, from, N + 1);
  x = add_to_each(tape, x, mae->positions);
  for (int i = 0; i < mae->config.depth; i++)
    x = block_forward(tape, &mae->blocks[i], x, NULL);
  x = layernorm(tape, x, mae->norm.weight, mae->norm.bias, eps);
  x = gather_tokens(tape, x, patches, N);
  return linear(tape, x, mae->predict.weight, mae->predict.bias);
}

Tensor *mae_targets(Tape *tape, const Mae *mae, Tensor *images) {
  const MaeConfig *c = &mae->config;
  return patch_targets(tape, images, c->encoder.patch_size, c->normalize);
}

Tensor *mae_loss(Tape *tape, const Mae *mae, Tensor *images, const Masking *mask) {
  Tensor *predicted = mae_decode(tape, mae, mae_encode(tape, mae, images, mask), mask);
  return masked_mse(tape, predicted, mae_targets(tape, mae, images), mask);
}
