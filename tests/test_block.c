/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "nn/block.h"

#include "tensor/layers.h"
#include "testing.h"

static const BlockConfig base = {.width = 8, .heads = 2, .mlp = 20, .eps = 1e-6};

typedef struct Fixture {
  Params *params;
  Tensor *x;
  Block block;
  bool training;
} Fixture;

static Fixture fixture(BlockConfig config) {
  Fixture f = {.params = params_new()};
  f.x = random_parameter(f.params, "x", SHAPE(3, 4, 8), 1);
  f.block = block_declare(f.params, "blocks.0", config);
  params_fill(f.params, 6);
  return f;
}

static void clear(Tensor *t) { memset(t->value, 0, tensor_size(t) * sizeof(real)); }

START_TEST(with_zero_projections_the_block_is_the_identity) {
  Fixture f = fixture(base);
  Tape *tape = tape_new();
  clear(f.block.attn.proj.weight);
  clear(f.block.attn.proj.bias);
  clear(f.block.fc2.weight);
  clear(f.block.fc2.bias);
  Tensor *y = block_forward(tape, &f.block, f.x, NULL);
  ck_assert_mem_eq(y->value, f.x->value, 96 * sizeof(real));
  tape_free(tape);
  params_free(f.params);
}
END_TEST

START_TEST(post_norm_gives_normalized_rows) {
  BlockConfig config = base;
  config.post_norm = true;
  Fixture f = fixture(config);
  Tape *tape = tape_new();
  Tensor *y = block_forward(tape, &f.block, f.x, NULL);
  for (int r = 0; r < 12; r++) {
    double sum = 0, squares = 0;
    for (int c = 0; c < 8; c++) {
      double v = (double)y->value[8 * r + c];
      sum += v, squares += v * v;
    }
    ck_assert_double_eq_tol(sum, 0, 1e-5);
    ck_assert_double_eq_tol(squares / 8, 1, 1e-4);
  }
  tape_free(tape);
  params_free(f.params);
}
END_TEST

START_TEST(dropping_every_path_leaves_the_input) {
  BlockConfig config = base;
  config.drop_path = 0.999999;
  Fixture f = fixture(config);
  Tape *tape = tape_new();
  tape->training = true;
  Tensor *y = block_forward(tape, &f.block, f.x, NULL);
  ck_assert_mem_eq(y->value, f.x->value, 96 * sizeof(real));
  tape_free(tape);
  params_free(f.params);
}
END_TEST

static Tensor *block_loss(Tape *tape, void *state) {
  Fixture *f = state;
  tape->training = f->training;
  return weighted_sum(tape, block_forward(tape, &f->block, f->x, NULL));
}

/* Two tokens of the first image, none of the second, one of the third. */
enum { QUERIES = 3 };
static const int queries[QUERIES] = {2, 0, 11};

static Tensor *loss_at(Tape *tape, void *state) {
  Fixture *f = state;
  const AttentionCall call = {.queries = queries, .query_count = QUERIES};
  return weighted_sum(tape, block_forward_call(tape, &f->block, f->x, call));
}

START_TEST(gradients_of_the_block) {
  for (int variant = 0; variant < 5; variant++) {
    BlockConfig config = base;
    config.post_norm = variant == 1;
    config.causal = variant == 2;
    config.gelu = variant == 3 ? GELU_TANH : GELU_ERF;
    config.dropout = config.drop_path = variant == 4 ? 0.3 : 0;
    Fixture f = fixture(config);
    f.training = variant == 4;
    assert_gradients(block_loss, &f, f.params);
    params_free(f.params);
  }
}
END_TEST

START_TEST(a_few_tokens_are_the_same) {
  for (int variant = 0; variant < 3; variant++) {
    BlockConfig config = base;
    config.post_norm = variant == 1;
    config.causal = variant == 2;
    Fixture f = fixture(config);
    Tape *tape = tape_new();
    Tensor *all = block_forward(tape, &f.block, f.x, NULL);
    const AttentionCall call = {.queries = queries, .query_count = QUERIES};
    Tensor *few = block_forward_call(tape, &f.block, f.x, call);
    ck_assert(shape_equal(few->shape, SHAPE(QUERIES, 8)));
    for (int i = 0; i < QUERIES; i++)
      ck_assert_double_lt(relative_error(few->value + 8 * i,
                                         all->value + 8 * queries[i], 8),
                          10 * ROUNDING);
    assert_gradients(loss_at, &f, f.params);
    tape_free(tape);
    params_free(f.params);
  }
}
END_TEST

static double std(const Tensor *t) {
  double squares = 0;
  for (size_t i = 0; i < tensor_size(t); i++)
    squares += (double)t->value[i] * (double)t->value[i];
  return sqrt(squares / (double)tensor_size(t));
}

START_TEST(initial_values_of_clip) {
  Params *params = params_new();
  BlockConfig config = {.width = 128, .heads = 2, .mlp = 512, .first = INIT_CLIP,
                        .depth = 3};
  Block b = block_declare(params, "b", config);
  params_fill(params, 1);
  ck_assert_double_eq_tol(std(b.attn.qkv.weight), sqrt(1.0 / 128), 2e-3);
  ck_assert_double_eq_tol(std(b.attn.proj.weight), sqrt(1.0 / 768), 1e-3);
  ck_assert_double_eq_tol(std(b.fc1.weight), sqrt(1.0 / 256), 1e-3);
  ck_assert_double_eq_tol(std(b.fc2.weight), sqrt(1.0 / 768), 1e-3);
  ck_assert_double_eq(std(b.fc1.bias) + std(b.attn.qkv.bias), 0);
  params_free(params);
}
END_TEST

TEST_MAIN("block", with_zero_projections_the_block_is_the_identity,
          post_norm_gives_normalized_rows, dropping_every_path_leaves_the_input,
          gradients_of_the_block, a_few_tokens_are_the_same, initial_values_of_clip)
