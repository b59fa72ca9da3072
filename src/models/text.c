/* Tangled from chapters/07-text.nw: edit that, not this. */
#include "models/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"

// Check a text encoder
bool text_check(const TextConfig *c) {
  if (c->width % c->heads != 0)
    return fail("text-heads: expected a divisor of text-width %d, found %d",
                c->width, c->heads);
  return true;
}

double text_macs(const TextConfig *c, int tokens) {
  double T = tokens, W = c->width, M = c->mlp;
  return c->depth * (T * (4 * W * W + 2 * W * M) + 2 * T * T * W);
}

// Declare a text encoder
Text text_declare(Params *params, const char *prefix, TextConfig c) {
  Text text = {.config = c};
  const bool siglip = c.style == TEXT_SIGLIP;
  const Init wide = init_normal(sqrt(1.0 / c.width));
  assert(c.depth > 0 && c.context >= 2);
  text.token_embedding =
      params_add(params, params_name(params, "%stoken_embedding.weight", prefix),
                 SHAPE(c.vocabulary, c.width), siglip ? wide : init_normal(0.02),
                 PARAM_DECAYED);
  text.positional_embedding =
      params_add(params, params_name(params, "%spositional_embedding", prefix),
                 SHAPE(c.context, c.width), siglip ? wide : init_normal(0.01),
                 PARAM_PLAIN);
  // Declare the blocks of the text encoder
  text.blocks = blocks_declare(
      params, prefix, "blocks",
      (BlockConfig){.width = c.width, .heads = c.heads, .mlp = c.mlp, .eps = c.eps,
                    .gelu = c.gelu, .causal = c.causal, .depth = c.depth,
                    .first = siglip ? INIT_VIT : INIT_CLIP, .dropout = c.dropout,
                    .drop_path = c.drop_path});
  text.norm = params_add_norm(params, prefix, "ln_final", c.width);
  return text;
}

// Tokens as an encoder wants them
// Is a text too long
int text_tokens(const TextConfig *c, const Tokenizer *tokenizer, const char *text,
                int *ids) {
  if (c->style == TEXT_CLIP)
    return tokenizer_encode(tokenizer, text, strlen(text), ids, c->context);
  int *all = allocate((size_t)c->context + 1, sizeof *all); /* with a start */
  const int n = tokenizer_encode(tokenizer, text, strlen(text), all, c->context + 1);
  for (int t = 0; t < c->context; t++)
    ids[t] = t + 1 < n ? all[t + 1] : tokenizer_end(tokenizer);
  free(all);
  return c->context;
}

bool text_truncated(const TextConfig *c, const Tokenizer *tokenizer, const char *text) {
  const int room =
      c->context + (c->style == TEXT_CLIP ? 1 : 2); /* one more than there is */
  int *all = allocate((size_t)room, sizeof *all);
  const int n = tokenizer_encode(tokenizer, text, strlen(text), all, room);
  free(all);
  return n == room;
}

// Run a text encoder
Tensor *text_add_positions(Tape *tape, const Text *text, Tensor *x, int first) {
  const int T = x->shape.size[1];
  int *positions = tape_memory(tape, (size_t)T * sizeof *positions);
  assert(T >= 1 && first + T <= text->config.context);
  for (int t = 0; t < T; t++) positions[t] = first + t;
  x = add_to_each(tape, x, embedding(tape, text->positional_embedding, positions, 1, T));
  return dropout(tape, x, text->config.dropout);
}

static Tensor *embed(Tape *tape, const Text *text, const int *ids, int B, int T) {
  return text_add_positions(tape, text, embedding(tape, text->token_embedding, ids, B, T),
                            0);
}

Tensor *text_norm(Tape *tape, const Text *text, Tensor *x) {
  return layernorm(tape, x, text->norm.weight, text->norm.bias, text->config.eps);
}

Tensor *text_encode(Tape *tape, const Text *text, const int *ids, int B, int T,
                    Tensor **weights) {
  Tensor *x = embed(tape, text, ids, B, T);
  for (int i = 0; i < text->config.depth; i++)
    x = block_forward(tape, &text->blocks[i], x, weights ? &weights[i] : NULL);
  return text_norm(tape, text, x);
}

Tensor *text_forward(Tape *tape, const Text *text, const int *ids, int B, int T) {
  int last = text->config.depth - 1;
  int *end = tape_memory(tape, (size_t)B * sizeof *end);
  for (int b = 0; b < B; b++) {
    const int *row = ids + b * T;
    int at = text->config.style == TEXT_SIGLIP ? T - 1 : 0;
    for (int t = 1; t < T && text->config.style == TEXT_CLIP; t++)
      if (row[t] > row[at]) at = t;
    end[b] = b * T + at;
  }
  Tensor *x = embed(tape, text, ids, B, T);
  for (int i = 0; i < last; i++) x = block_forward(tape, &text->blocks[i], x, NULL);
  x = block_forward_call(tape, &text->blocks[last], x,
                         (AttentionCall){.queries = end, .query_count = B});
  return text_norm(tape, text, x);
}
