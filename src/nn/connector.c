/* Tangled from chapters/13-language.nw: edit that, not this. */
#include "nn/connector.h"

#include <assert.h>

#include "base/error.h"
#include "tensor/layers.h"

// Declare a connector
bool connector_check(const ConnectorConfig *c) {
  if (c->kind == CONNECTOR_SHUFFLE && c->side % 2)
    return fail("--connector: expected an even number of patches on a side for shuffle, "
                "which joins 2 x 2 of them, found %d", c->side);
  if (c->kind == CONNECTOR_QUERIES && c->queries < 1)
    return fail("--queries: expected at least 1, found %d", c->queries);
  if (c->kind == CONNECTOR_QUERIES && c->from % c->heads)
    return fail("--heads: expected a divisor of the encoder's width %d for queries, "
                "found %d", c->from, c->heads);
  return true;
}

int connector_tokens(const ConnectorConfig *c) {
  switch (c->kind) {
  case CONNECTOR_NONE: return 0;
  case CONNECTOR_POOLED: return 1;
  case CONNECTOR_QUERIES: return c->queries;
  case CONNECTOR_SHUFFLE: return c->side * c->side / 4;
  default: return c->side * c->side;
  }
}

Connector connector_declare(Params *params, const char *prefix, ConnectorConfig c) {
  Connector connector = {.config = c};
  const bool two = c.kind == CONNECTOR_MLP || c.kind == CONNECTOR_SHUFFLE;
  const int from = c.kind == CONNECTOR_SHUFFLE ? 4 * c.from : c.from;
  const Init zero = init_constant(0);
  if (c.kind == CONNECTOR_NONE) return connector;
  if (c.kind == CONNECTOR_SHUFFLE)
    connector.norm = params_add_norm(params, prefix, "norm", from);
  if (c.kind == CONNECTOR_QUERIES)
    connector.pool = attention_pool_declare(
        params, params_name(params, "%spool", prefix),
        (AttentionPoolConfig){.width = c.from, .heads = c.heads, .mlp = 4 * c.from,
                              .gelu = GELU_ERF, .eps = 1e-6, .queries = c.queries});
  connector.fc1 = params_add_linear(params, prefix, "fc1", SHAPE(c.to, from),
                                    init_xavier(from, c.to), zero);
  if (two)
    connector.fc2 = params_add_linear(params, prefix, "fc2", SHAPE(c.to, c.to),
                                      init_xavier(c.to, c.to), zero);
  return connector;
}

/* x[B][side side][C] to [B][side side / 4][4C]: of each square of 2 x 2 the upper left
   token, the upper right, the lower left, the lower right. */
static Tensor *pixel_shuffle(Tape *tape, Tensor *x, int side) {
  const int B = x->shape.size[0], N = side * side, C = tensor_last(x);
  int *order = tape_memory(tape, (size_t)B * N * sizeof *order);
  assert(x->shape.size[1] == N && side % 2 == 0);
  for (int i = 0; i < B * N; i++) {
    const int square = i % N / 4, corner = i % 4, across = side / 2;
    const int row = square / across * 2 + corner / 2;
    order[i] = row * side + square % across * 2 + corner % 2;
  }
  x = gather_tokens(tape, x, order, N);
  return reshape(tape, x, SHAPE(B, N / 4, 4 * C));
}

Tensor *connector_forward(Tape *tape, const Connector *connector, Tensor *x,
                          Tensor **weights) {
  const ConnectorConfig *c = &connector->config;
  const Affine *fc1 = &connector->fc1, *fc2 = &connector->fc2;
  const int B = x->shape.size[0];
  if (weights) *weights = NULL;
  if (c->kind == CONNECTOR_QUERIES)
    x = attention_pool_forward(tape, &connector->pool, x, weights);
  if (c->kind == CONNECTOR_SHUFFLE) {
    x = pixel_shuffle(tape, x, c->side);
    x = layernorm(tape, x, connector->norm.weight, connector->norm.bias, 1e-6);
  }
  x = linear(tape, x, fc1->weight, fc1->bias);
  if (fc2->weight) x = linear(tape, gelu(tape, x, GELU_ERF), fc2->weight, fc2->bias);
  return x->shape.rank == 3 ? x : reshape(tape, x, SHAPE(B, 1, c->to));
}
