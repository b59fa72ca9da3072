/* Tangled from chapters/04-attention.nw: edit that, not this. */
#include "nn/block.h"

#include <math.h>

#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Declare the parameters of a block
typedef struct FirstValues {
  Init qkv, proj, fc1, fc2, bias;
} FirstValues;

static FirstValues first_values(const BlockConfig *c) {
  const double width = c->width;
  if (c->clip_depth == 0) {
    const Init square = init_xavier(c->width, c->width);
    return (FirstValues){square, square, init_xavier(c->width, c->mlp),
                         init_xavier(c->mlp, c->width), init_normal(1e-6)};
  }
  const Init end = init_normal(sqrt(1 / (2 * c->clip_depth * width)));
  return (FirstValues){init_normal(sqrt(1 / width)), end,
                       init_normal(sqrt(1 / (2 * width))), end, init_constant(0)};
}

Block block_declare(Params *params, const char *prefix, BlockConfig config) {
  int width = config.width, mlp = config.mlp;
  const char *name[] = {params_name(params, "%s.norm1", prefix),
                        params_name(params, "%s.attn", prefix),
                        params_name(params, "%s.norm2", prefix),
                        params_name(params, "%s.mlp.fc1", prefix),
                        params_name(params, "%s.mlp.fc2", prefix)};
  const FirstValues first = first_values(&config);
  Block block = {.config = config};
  block.norm1 = params_add_norm(params, name[0], width);
  block.attn = attention_declare(params, name[1], width, config.heads, config.causal,
                                 first.qkv, first.proj);
  block.norm2 = params_add_norm(params, name[2], width);
  block.fc1 = params_add_linear(params, name[3], SHAPE(mlp, width),
                                first.fc1, first.bias);
  block.fc2 = params_add_linear(params, name[4], SHAPE(width, mlp),
                                first.fc2, first.bias);
  return block;
}

// Run a block
static Tensor *attend(Tape *tape, const Block *block, Tensor *x, const int *at,
                      Tensor **weights) {
  Tensor *y = attention_layer(tape, &block->attn, x, at, weights);
  return dropout(tape, y, block->config.dropout);
}

static Tensor *think(Tape *tape, const Block *block, Tensor *x) {
  const BlockConfig *c = &block->config;
  Tensor *hidden = linear(tape, x, block->fc1.weight, block->fc1.bias);
  hidden = dropout(tape, gelu(tape, hidden, c->gelu), c->dropout);
  Tensor *y = linear(tape, hidden, block->fc2.weight, block->fc2.bias);
  return dropout(tape, y, c->dropout);
}

static Tensor *run(Tape *tape, const Block *b, Tensor *x, const int *at,
                   Tensor **weights) {
  const BlockConfig *c = &b->config;
  if (c->post_norm) {
    Tensor *branch = drop_path(tape, attend(tape, b, x, at, weights), c->drop_path);
    if (at) x = gather_tokens(tape, x, at, 1);
    x = add_in_place(tape, x, branch);
    x = layernorm(tape, x, b->norm1.weight, b->norm1.bias, c->eps);
    branch = drop_path(tape, think(tape, b, x), c->drop_path);
    x = add_in_place(tape, x, branch);
    return layernorm(tape, x, b->norm2.weight, b->norm2.bias, c->eps);
  }
  Tensor *y = layernorm(tape, x, b->norm1.weight, b->norm1.bias, c->eps);
  Tensor *branch = drop_path(tape, attend(tape, b, y, at, weights), c->drop_path);
  if (at) x = gather_tokens(tape, x, at, 1);
  x = add_in_place(tape, x, branch);
  y = layernorm(tape, x, b->norm2.weight, b->norm2.bias, c->eps);
  return add_in_place(tape, x, drop_path(tape, think(tape, b, y), c->drop_path));
}

Tensor *block_forward(Tape *tape, const Block *block, Tensor *x, Tensor **weights) {
  return run(tape, block, x, NULL, weights);
}

Tensor *block_forward_at(Tape *tape, const Block *block, Tensor *x, const int *at) {
  return run(tape, block, x, at, NULL);
}
