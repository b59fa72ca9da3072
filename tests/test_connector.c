/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "nn/connector.h"

#include "base/error.h"
#include "tensor/info_nce.h"
#include "tensor/layers.h"
#include "testing.h"

enum { B = 2, SIDE = 4, N = SIDE * SIDE, FROM = 6, TO = 5 };

typedef struct Model {
  Params *params;
  Tape *tape;
  Tensor *x;
  Connector connector;
} Model;

static Model model_of(ConnectorKind kind) {
  Model m = {.params = params_new(), .tape = tape_new()};
  const Shape tokens = SHAPE(B, N, FROM), pooled = SHAPE(B, FROM);
  m.x = random_parameter(m.params, "x", kind == CONNECTOR_POOLED ? pooled : tokens, 1);
  m.connector = connector_declare(m.params, "connector.",
                                  (ConnectorConfig){kind, SIDE, FROM, TO, 3, 2});
  params_fill(m.params, 3);
  for (size_t i = 0; i < m.params->size; i++)
    m.params->value[i] += (real)(0.1 * sin((double)i));
  return m;
}

static void done(Model *m) { tape_free(m->tape), params_free(m->params); }

static Tensor *run(Tape *tape, void *state) {
  const Model *m = state;
  return weighted_sum(tape, connector_forward(tape, &m->connector, m->x, NULL));
}

START_TEST(tokens_and_gradients) {
  static const int tokens[] = {N, N, N / 4, 3, 1};
  for (int kind = CONNECTOR_LINEAR; kind < CONNECTOR_NONE; kind++) {
    Model m = model_of((ConnectorKind)kind);
    const Tensor *y = connector_forward(m.tape, &m.connector, m.x, NULL);
    ck_assert(shape_equal(y->shape, SHAPE(B, tokens[kind], TO)));
    ck_assert_int_eq(connector_tokens(&m.connector.config), tokens[kind]);
    tape_reset(m.tape, (RandomKey){0});
    assert_gradients(run, &m, m.params);
    done(&m);
  }
  ck_assert_int_eq(connector_tokens(&(ConnectorConfig){.kind = CONNECTOR_NONE}), 0);
}
END_TEST

/* With weights that copy the first TO numbers of four joined tokens. */
START_TEST(shuffle_joins_neighbours) {
  Model m = model_of(CONNECTOR_SHUFFLE);
  real joined[4 * FROM];
  for (int i = 0; i < B * N * FROM; i++)
    m.x->value[i] = (real)(i / FROM % N * 10 + i % FROM);
  for (int square = 0; square < 4; square++) {
    const int corner = square / 2 * 8 + square % 2 * 2; /* 0, 2, 8, 10 */
    const int order[] = {corner, corner + 1, corner + 4, corner + 5};
    for (int i = 0; i < 4 * FROM; i++)
      joined[i] = m.x->value[order[i / FROM] * FROM + i % FROM];
    tape_reset(m.tape, (RandomKey){0});
    Tensor *x = tape_input(m.tape, "joined", SHAPE(1, 4 * FROM), joined);
    const Connector *c = &m.connector;
    x = layernorm(m.tape, x, c->norm.weight, c->norm.bias, 1e-6);
    x = gelu(m.tape, linear(m.tape, x, c->fc1.weight, c->fc1.bias), GELU_ERF);
    x = linear(m.tape, x, c->fc2.weight, c->fc2.bias);
    const Tensor *y = connector_forward(m.tape, c, m.x, NULL);
    ck_assert_double_lt(relative_error(y->value + square * TO, x->value, TO), ROUNDING);
  }
  done(&m);
}
END_TEST

START_TEST(each_query_attends_by_itself) {
  Model m = model_of(CONNECTOR_QUERIES);
  Tensor *weights, *alone;
  AttentionPool *pool = &m.connector.pool;
  const Tensor *y = attention_pool_forward(m.tape, pool, m.x, &weights);
  ck_assert(shape_equal(y->shape, SHAPE(B, 3, FROM)));
  for (int k = 0; k < 3; k++) {
    AttentionPool one = *pool;
    Tensor probe = *pool->probe;
    probe.shape = SHAPE(1, 1, FROM);
    probe.value += k * FROM;
    one.probe = &probe;
    const Tensor *z = attention_pool_forward(m.tape, &one, m.x, &alone);
    for (int b = 0; b < B; b++) {
      ck_assert_mem_eq(z->value + b * FROM, y->value + (b * 3 + k) * FROM,
                       FROM * sizeof(real));
      ck_assert_mem_eq(alone->value + b * 2 * N, weights->value + (b * 3 + k) * 2 * N,
                       2 * N * sizeof(real));
    }
  }
  done(&m);
}
END_TEST

START_TEST(impossible_connectors) {
  ck_assert(!connector_check(&(ConnectorConfig){CONNECTOR_SHUFFLE, 7, 6, 5, 1, 1}));
  ck_assert(strstr(fail_message(), "--connector: expected an even number of patches on "
                                   "a side for shuffle, which joins 2 x 2 of them, "
                                   "found 7"));
  ck_assert(!connector_check(&(ConnectorConfig){CONNECTOR_QUERIES, 4, 6, 5, 1, 4}));
  ck_assert(strstr(fail_message(), "--heads: expected a divisor of the encoder's width"));
  ck_assert(!connector_check(&(ConnectorConfig){CONNECTOR_QUERIES, 4, 6, 5, 0, 2}));
  ck_assert(strstr(fail_message(), "--queries: expected at least 1, found 0"));
  ck_assert(connector_check(&(ConnectorConfig){CONNECTOR_LINEAR, 7, 6, 5, 1, 4}));
}
END_TEST

/* The operations on tokens that connectors and language model are made of. */
static Tensor *tokens_moved(Tape *tape, void *state) {
  const Model *m = state;
  static const int rows[] = {5, 0, 5, 3};
  Tensor *half = scale_by(tape, m->x, 0.5);
  Tensor *both = concat_tokens(tape, half, m->x);
  Tensor *some = gather_rows(tape, both, rows, 4);
  return weighted_sum(tape, reshape(tape, some, SHAPE(2, 2 * FROM)));
}

START_TEST(tokens_are_joined_and_chosen) {
  Model m = model_of(CONNECTOR_LINEAR);
  Tensor *half = scale_by(m.tape, m.x, 0.5), *both = concat_tokens(m.tape, half, m.x);
  ck_assert(shape_equal(both->shape, SHAPE(B, 2 * N, FROM)));
  for (int b = 0; b < B; b++)
    for (int i = 0; i < N * FROM; i++) {
      const real x = m.x->value[b * N * FROM + i];
      ck_assert(both->value[2 * b * N * FROM + i] == x / 2);
      ck_assert(both->value[(2 * b + 1) * N * FROM + i] == x);
    }
  tape_reset(m.tape, (RandomKey){0});
  assert_gradients(tokens_moved, &m, m.params);
  done(&m);
}
END_TEST

TEST_MAIN("connector", tokens_and_gradients, shuffle_joins_neighbours,
          each_query_attends_by_itself, impossible_connectors,
          tokens_are_joined_and_chosen)
