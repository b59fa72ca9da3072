/* Tangled from chapters/04-attention.nw: edit that, not this. */
#include "nn/block.h"

#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Declare the parameters of a block
Block block_declare(Params *params, const char *prefix, BlockConfig config) {
  int width = config.width, mlp = config.mlp;
  const char *name[] = {params_name(params, "%s.norm1", prefix),
                        params_name(params, "%s.attn", prefix),
                        params_name(params, "%s.norm2", prefix),
                        params_name(params, "%s.mlp.fc1", prefix),
                        params_name(params, "%s.mlp.fc2", prefix)};
  Init tiny = init_normal(1e-6);
  Block block = {.config = config};
  block.norm1 = params_add_norm(params, name[0], width);
  block.attn = attention_declare(params, name[1], width, config.heads, config.causal);
  block.norm2 = params_add_norm(params, name[2], width);
  block.fc1 = params_add_linear(params, name[3], SHAPE(mlp, width),
                                init_xavier(width, mlp), tiny);
  block.fc2 = params_add_linear(params, name[4], SHAPE(width, mlp),
                                init_xavier(mlp, width), tiny);
  return block;
}

// Run a block
static Tensor *attend(Tape *tape, const Block *block, Tensor *x, Tensor **weights) {
  Tensor *y = attention_layer(tape, &block->attn, x, weights);
  return dropout(tape, y, block->config.dropout);
}

static Tensor *think(Tape *tape, const Block *block, Tensor *x) {
  const BlockConfig *c = &block->config;
  Tensor *hidden = linear(tape, x, block->fc1.weight, block->fc1.bias);
  hidden = dropout(tape, gelu(tape, hidden, c->gelu), c->dropout);
  Tensor *y = linear(tape, hidden, block->fc2.weight, block->fc2.bias);
  return dropout(tape, y, c->dropout);
}

Tensor *block_forward(Tape *tape, const Block *b, Tensor *x, Tensor **weights) {
  const BlockConfig *c = &b->config;
  if (c->post_norm) {
    Tensor *branch = drop_path(tape, attend(tape, b, x, weights), c->drop_path);
    x = add_in_place(tape, x, branch);
    x = layernorm(tape, x, b->norm1.weight, b->norm1.bias, c->eps);
    branch = drop_path(tape, think(tape, b, x), c->drop_path);
    x = add_in_place(tape, x, branch);
    return layernorm(tape, x, b->norm2.weight, b->norm2.bias, c->eps);
  }
  Tensor *y = layernorm(tape, x, b->norm1.weight, b->norm1.bias, c->eps);
  Tensor *branch = drop_path(tape, attend(tape, b, y, weights), c->drop_path);
  x = add_in_place(tape, x, branch);
  y = layernorm(tape, x, b->norm2.weight, b->norm2.bias, c->eps);
  return add_in_place(tape, x, drop_path(tape, think(tape, b, y), c->drop_path));
}
