/* Tangled from chapters/04-attention.nw: edit that, not this. */
#include "nn/block.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Declare the parameters of a block
typedef struct BlockInit {
  Init qkv, proj, fc1, fc2, bias;
} BlockInit;

// Eva's initial values
static BlockInit eva_values(const BlockConfig *c) {
  const Init all = init_truncated(0.015);
  const Init end = init_truncated(0.015 / sqrt(2 * (c->number + 1)));
  return (BlockInit){all, end, all, end, init_constant(0)};
}

static BlockInit eva02_values(const BlockConfig *c) {
  const double scale = c->variant.sub_norm ? sqrt(log(2 * c->depth)) : 1;
  const double mlp = sqrt(2.0 / (c->width + c->mlp)), square = sqrt(1.0 / c->width);
  Init qkv = init_normal(square);
  qkv.value_gain = scale;
  return (BlockInit){qkv, init_normal(scale * square), init_normal(scale * mlp),
                     init_normal(scale * mlp), init_constant(0)};
}

static BlockInit initial_values(const BlockConfig *c) {
  const double width = c->width;
  // Begin as EVA does
  if (c->first == INIT_EVA) return eva_values(c);
  if (c->first == INIT_EVA02) return eva02_values(c);
  if (c->first == INIT_VIT) {
    const Init square = init_xavier(c->width, c->width);
    return (BlockInit){square, square, init_xavier(c->width, c->mlp),
                       init_xavier(c->mlp, c->width), init_normal(1e-6)};
  }
  const Init end = init_normal(sqrt(1 / (2 * c->depth * width)));
  return (BlockInit){init_normal(sqrt(1 / width)), end,
                     init_normal(sqrt(1 / (2 * width))), end, init_constant(0)};
}

// Declare the parameters of an MLP
static AttentionVariant attention_variant(const BlockConfig *c) {
  AttentionVariant v = {.no_key_bias = c->variant.no_key_bias,
                        .inner_norm = c->variant.inner_norm, .eps = c->eps};
  if (c->variant.rotary) v.grid = c->grid;
  return v;
}

static void declare_mlp(Params *params, const char *prefix, Block *b,
                        const BlockInit *first) {
  const int width = b->config.width, mlp = b->config.mlp;
  const bool gated = b->config.variant.swiglu;
  const char *in = gated ? "mlp.w2" : "mlp.fc1", *out = gated ? "mlp.w3" : "mlp.fc2";
  if (gated)
    b->gate = params_add_linear(params, prefix, "mlp.w1", SHAPE(mlp, width), first->fc1,
                                first->bias);
  b->fc1 = params_add_linear(params, prefix, in, SHAPE(mlp, width), first->fc1,
                             first->bias);
  if (b->config.variant.sub_norm)
    b->hidden_norm = params_add_norm(params, prefix, "mlp.ffn_ln", mlp);
  b->fc2 = params_add_linear(params, prefix, out, SHAPE(width, mlp), first->fc2,
                             first->bias);
}

Block block_declare(Params *params, const char *prefix, BlockConfig config) {
  const int width = config.width;
  const BlockInit first = initial_values(&config);
  Block block = {.config = config};
  block.norm1 = params_add_norm(params, prefix, "norm1", width);
  block.attn = attention_declare(params, params_name(params, "%s.attn", prefix), width,
                                 config.heads, config.causal, first.qkv, first.proj,
                                 attention_variant(&config));
  block.norm2 = params_add_norm(params, prefix, "norm2", width);
  declare_mlp(params, prefix, &block, &first);
  return block;
}

Block *blocks_declare(Params *params, const char *prefix, const char *name,
                      BlockConfig c) {
  Block *blocks = arena_get(params->arena, (size_t)c.depth * sizeof *blocks);
  const double last = c.drop_path;
  for (c.number = 0; c.number < c.depth; c.number++) {
    c.drop_path = c.depth > 1 ? last * c.number / (c.depth - 1) : 0;
    blocks[c.number] = block_declare(
        params, params_name(params, "%s%s.%d", prefix, name, c.number), c);
  }
  return blocks;
}

// Run a block
static Tensor *attend(Tape *tape, const Block *b, Tensor *x, AttentionCall call) {
  return dropout(tape, attention_layer(tape, &b->attn, x, call), b->config.dropout);
}

// Gate what is hidden
static Tensor *gated(Tape *tape, const Block *b, Tensor *x, Tensor *hidden) {
  return swiglu(tape, linear(tape, x, b->gate.weight, b->gate.bias), hidden);
}

static Tensor *mlp(Tape *tape, const Block *block, Tensor *x) {
  const BlockConfig *c = &block->config;
  Tensor *hidden = linear(tape, x, block->fc1.weight, block->fc1.bias);
  hidden = c->variant.swiglu ? gated(tape, block, x, hidden)
                             : gelu(tape, hidden, c->gelu);
  // Normalize what is hidden
  if (c->variant.sub_norm)
    hidden = layernorm(tape, hidden, block->hidden_norm.weight, block->hidden_norm.bias,
                       c->eps);
  hidden = dropout(tape, hidden, c->dropout);
  Tensor *y = linear(tape, hidden, block->fc2.weight, block->fc2.bias);
  return dropout(tape, y, c->dropout);
}

// Normalize the branch
static Tensor *run_branch_norm(Tape *tape, const Block *b, Tensor *x,
                               AttentionCall call) {
  const BlockConfig *c = &b->config;
  Tensor *y = attend(tape, b, x, call);
  y = layernorm(tape, y, b->norm1.weight, b->norm1.bias, c->eps);
  if (call.queries) x = gather_rows(tape, x, call.queries, call.query_count);
  x = add(tape, x, drop_path(tape, y, c->drop_path));
  y = layernorm(tape, mlp(tape, b, x), b->norm2.weight, b->norm2.bias, c->eps);
  return add(tape, x, drop_path(tape, y, c->drop_path));
}

static Tensor *run(Tape *tape, const Block *b, Tensor *x, AttentionCall call) {
  const BlockConfig *c = &b->config;
  // Normalize branches at their end
  if (c->variant.branch_norm) return run_branch_norm(tape, b, x, call);
  if (c->post_norm) {
    Tensor *branch = drop_path(tape, attend(tape, b, x, call), c->drop_path);
    if (call.queries) x = gather_rows(tape, x, call.queries, call.query_count);
    x = add_in_place(tape, x, branch);
    x = layernorm(tape, x, b->norm1.weight, b->norm1.bias, c->eps);
    branch = drop_path(tape, mlp(tape, b, x), c->drop_path);
    x = add_in_place(tape, x, branch);
    return layernorm(tape, x, b->norm2.weight, b->norm2.bias, c->eps);
  }
  Tensor *y = layernorm(tape, x, b->norm1.weight, b->norm1.bias, c->eps);
  Tensor *branch = drop_path(tape, attend(tape, b, y, call), c->drop_path);
  if (call.queries) x = gather_rows(tape, x, call.queries, call.query_count);
  x = add_in_place(tape, x, branch);
  y = layernorm(tape, x, b->norm2.weight, b->norm2.bias, c->eps);
  return add_in_place(tape, x, drop_path(tape, mlp(tape, b, y), c->drop_path));
}

Tensor *block_forward_call(Tape *tape, const Block *b, Tensor *x, AttentionCall call) {
  if (tape->recording || call.weights) return run(tape, b, x, call);
  Tensor *y = tape_tensor(tape, "block",
                          call.queries ? SHAPE(call.query_count, b->config.width)
                                       : x->shape);
  const ArenaMark mark = arena_mark(tape->arena);
  const Tensor *result = run(tape, b, x, call);
  assert(shape_equal(result->shape, y->shape));
  memcpy(y->value, result->value, tensor_size(y) * sizeof *y->value);
  arena_release(tape->arena, mark);
  return y;
}

Tensor *block_forward(Tape *tape, const Block *block, Tensor *x, Tensor **weights) {
  return block_forward_call(tape, block, x, (AttentionCall){.weights = weights});
}
