/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "base/error.h"
#include "io/safetensors.h"
#include "models/presets.h"
#include "nn/masking.h"
#include "nn/position.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "testing.h"

// Turns
enum { DH = 8 };

/* One token with query x, key y and value x in one head, turned at a place. */
static Tensor *turned(Tape *tape, const real *x, const real *y, int place) {
  Tensor *qkv = tape_tensor(tape, "qkv", SHAPE(1, 1, 3 * DH));
  int *positions = tape_memory(tape, sizeof *positions);
  *positions = place;
  memcpy(qkv->value, x, DH * sizeof *x);
  memcpy(qkv->value + DH, y, DH * sizeof *x);
  memcpy(qkv->value + 2 * DH, x, DH * sizeof *x);
  return rotary(tape, qkv, 1, (RotaryGrid){4, 5, 0, 1}, positions);
}

static const real eight[DH] = {1, 2, 3, 4, 5, 6, 7, 8};

START_TEST(turned_by_hand) {
  static const double want[DH] = {-1.142640, 1.922076, 2.959851, 4.029800,
                                  -7.536519, 2.049606, 6.838611, 8.138391};
  Tape *tape = tape_new();
  Tensor *y = turned(tape, eight, eight, 1 * 5 + 2);
  for (int i = 0; i < DH; i++) {
    ck_assert_double_eq_tol(y->value[i], want[i], 2e-6);
    ck_assert_double_eq_tol(y->value[DH + i], want[i], 2e-6);
    ck_assert(y->value[2 * DH + i] == eight[i]);
  }
  ck_assert_mem_eq(turned(tape, eight, eight, 0)->value, eight, sizeof eight);
  ck_assert_mem_eq(turned(tape, eight, eight, -1)->value, eight, sizeof eight);
  tape_free(tape);
}
END_TEST

static double product(Tape *tape, const real *q, const real *k, int from, int to) {
  const Tensor *a = turned(tape, q, k, from), *b = turned(tape, q, k, to);
  double sum = 0;
  for (int i = 0; i < DH; i++) sum += (double)a->value[i] * (double)b->value[DH + i];
  return sum;
}

START_TEST(turns_keep_lengths_and_differences) {
  static const real other[DH] = {2, -1, 0.5, 3, -2, 1, 1, -4};
  Tape *tape = tape_new();
  const Tensor *y = turned(tape, eight, other, 13);
  double squares = 0;
  for (int i = 0; i < DH; i++) squares += (double)y->value[i] * (double)y->value[i];
  ck_assert_double_eq_tol(squares, 204, 204 * 1e-6);
  ck_assert_double_eq_tol(product(tape, eight, other, 13, 6),
                          product(tape, eight, other, 7, 0), 1e-4);
  ck_assert(fabs(product(tape, eight, other, 13, 6) -
                 product(tape, eight, other, 13, 7)) > 0.1);
  tape_free(tape);
}
END_TEST

// Gates and biases
START_TEST(gates_by_hand) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *gate = given_parameter(params, "gate", SHAPE(1), (double[]){1});
  Tensor *x = given_parameter(params, "x", SHAPE(1), (double[]){2});
  params_fill(params, 1);
  Tensor *y = swiglu(tape, gate, x);
  tape_backward(tape, y);
  ck_assert_double_eq_tol(y->value[0], 2 * .731058579, 1e-6);
  ck_assert_double_eq_tol(x->grad[0], .731058579, 1e-6);
  ck_assert_double_eq_tol(gate->grad[0], 1.855340, 2e-6);
  tape_free(tape), params_free(params);
}
END_TEST

enum { B = 2, T = 5, C = 8, H = 2 };

START_TEST(a_bias_of_keys_does_nothing) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *x = random_parameter(params, "x", SHAPE(B, T, C), 1);
  const Attention a = attention_declare(params, "a", C, H, false, init_xavier(C, C),
                                        init_xavier(C, C), (AttentionVariant){0});
  params_fill(params, 3);
  Tensor *before = attention_layer(tape, &a, x, (AttentionCall){0});
  tape_backward(tape, weighted_sum(tape, before));
  for (int i = 0; i < C; i++) {
    ck_assert_double_eq_tol(a.qkv.bias->grad[C + i], 0, 1e-6);
    ck_assert(fabs((double)a.qkv.bias->grad[2 * C + i]) > 1e-3);
    a.qkv.bias->value[C + i] = (real)(3 * sin(i));
  }
  // Ask with biases of keys and without
  tape_reset(tape, (RandomKey){0});
  Tensor *after = attention_layer(tape, &a, x, (AttentionCall){0});
  real want[B * T * C];
  memcpy(want, after->value, sizeof want);
  for (int i = 0; i < C; i++) a.qkv.bias->value[C + i] = 0;
  tape_reset(tape, (RandomKey){0});
  before = attention_layer(tape, &a, x, (AttentionCall){0});
  ck_assert(relative_error(want, before->value, B * T * C) < 10 * ROUNDING);
  tape_free(tape), params_free(params);
}
END_TEST

static double std_of(const real *value, size_t n) {
  double squares = 0;
  for (size_t i = 0; i < n; i++) squares += (double)value[i] * (double)value[i];
  return sqrt(squares / (double)n);
}

START_TEST(initial_values_of_eva) {
  enum { W = 96, M = 256 };
  for (int number = 0; number < 12; number += 11) {
    Params *params = params_new();
    BlockConfig c = {.width = W, .heads = 2, .mlp = M, .first = INIT_EVA,
                     .number = number, .depth = 12};
    Block block = block_declare(params, "eva", c);
    c.first = INIT_EVA02, c.variant.sub_norm = c.variant.swiglu = true;
    Block block02 = block_declare(params, "eva02", c);
    params_fill(params, 1);
    const double cut = 0.5397; /* standard deviation of N(0, 1) cut at one */
    const real *qkv = block02.attn.qkv.weight->value;
    ck_assert_double_eq_tol(std_of(block.attn.qkv.weight->value, 3 * W * W),
                            0.015 * cut, 0.015 * 0.01);
    ck_assert_double_eq_tol(std_of(block.fc2.weight->value, W * M),
                            0.015 * cut / sqrt(2 * (number + 1)), 0.015 * 0.01);
    ck_assert_double_eq_tol(std_of(block.attn.proj.weight->value, W * W),
                            0.015 * cut / sqrt(2 * (number + 1)), 0.015 * 0.01);
    // Measure the initial values of EVA-02
    ck_assert_double_eq_tol(std_of(qkv, 2 * W * W), 1 / sqrt(W), 0.002);
    ck_assert_double_eq_tol(std_of(qkv + 2 * W * W, W * W), 1.782710 / sqrt(W), 0.003);
    ck_assert_double_eq_tol(std_of(block02.gate.weight->value, W * M),
                            1.782710 * sqrt(2.0 / (W + M)), 0.002);
    params_free(params);
  }
}
END_TEST

// Blocks in all variants
static const BlockVariant variants[] = {
    {.swiglu = true}, {.swiglu = true, .sub_norm = true}, {.sub_norm = true},
    {.inner_norm = true}, {.no_key_bias = true}, {.rotary = true},
    {.branch_norm = true}, {.branch_norm = true, .no_key_bias = true},
    {.swiglu = true, .sub_norm = true, .inner_norm = true, .no_key_bias = true,
     .rotary = true}};
enum { VARIANTS = sizeof variants / sizeof *variants };

typedef struct Small {
  Block block;
  Tensor *x;
  const int *queries, *positions;
} Small;

static Small small_of(Params *params, BlockVariant variant) {
  Small s = {.x = random_parameter(params, "x", SHAPE(B, T, C), 1)};
  s.block = block_declare(params, "block", (BlockConfig){
      .width = C, .heads = H, .mlp = 6, .eps = 1e-6, .variant = variant,
      .grid = {2, 2, 1, 1}, .first = INIT_EVA02, .depth = 2});
  params_fill(params, 4);
  return s;
}

static Tensor *run_block(Tape *tape, void *state) {
  const Small *s = state;
  const AttentionCall call = {.queries = s->queries, .query_count = 3,
                              .positions = s->positions};
  return weighted_sum(tape, block_forward_call(tape, &s->block, s->x, call));
}

START_TEST(derivatives_of_all_variants) {
  static const int queries[] = {0, 8, 9};
  static const int positions[] = {-1, 2, 0, 3, 1, -1, 1, 1, 2, 0};
  for (int v = 0; v < VARIANTS; v++)
    for (int how = 0; how < 3; how++) {
      Params *params = params_new();
      Small s = small_of(params, variants[v]);
      if (how == 1) s.queries = queries;
      if (how == 2) s.positions = positions;
      assert_gradients(run_block, &s, params);
      params_free(params);
    }
}
END_TEST

START_TEST(hidden_values_are_normalized) {
  Params *params = params_new();
  Tape *tape = tape_new();
  Small s = small_of(params, variants[1]);
  block_forward(tape, &s.block, s.x, NULL);
  const Tensor *hidden = NULL;
  for (const Entry *e = tape->last; e; e = e->previous)
    if (strcmp(e->output->name, "layernorm") == 0 && tensor_last(e->output) == 6)
      hidden = e->output;
  ck_assert_ptr_nonnull(hidden);
  for (int r = 0; r < B * T; r++) {
    double mean = 0, squares = 0;
    for (int i = 0; i < 6; i++) {
      const double h = (double)hidden->value[r * 6 + i];
      mean += h / 6, squares += h * h / 6;
    }
    ck_assert_double_eq_tol(mean, 0, 1e-5);
    ck_assert_double_eq_tol(squares, 1, 1e-3);
  }
  tape_free(tape), params_free(params);
}
END_TEST

// Patches left out
static const VitConfig encoder = {.image_size = 12, .channels = 2, .patch_size = 4,
                                  .width = 16, .depth = 2, .heads = 2, .mlp = 10,
                                  .position = POSITION_LEARNED, .eps = 1e-6,
                                  .patch_dropout = 0.5,
                                  .variant = {.swiglu = true, .sub_norm = true,
                                              .no_key_bias = true, .rotary = true}};

START_TEST(patches_are_left_out_in_training_only) {
  static const struct {
    double rate;
    int kept;
  } want[] = {{0.5, 4}, {0.99, 1}, {0.1, 8}, {2.0 / 3, 3}};
  Tape *tape = tape_new();
  Tensor *x = tape_tensor(tape, "x", SHAPE(3, 10, 2));
  int *positions;
  for (int i = 0; i < 60; i++) x->value[i] = (real)i;
  ck_assert(patch_dropout(tape, x, 0.5, 1, &positions) == x && !positions);
  tape->training = true;
  ck_assert(patch_dropout(tape, x, 0, 1, &positions) == x && !positions);
  // Follow each kept patch by its number
  for (int i = 0; i < 4; i++) {
    Tensor *y = patch_dropout(tape, x, want[i].rate, 1, &positions);
    const int kept = y->shape.size[1];
    ck_assert_int_eq(kept, 1 + want[i].kept);
    for (int t = 0; t < 3 * kept; t++) {
      const int token = positions[t] + 1, image = t / kept;
      ck_assert_int_eq(positions[t] < 0, t % kept == 0);
      ck_assert(y->value[2 * t] == x->value[(image * 10 + token) * 2]);
    }
  }
  ck_assert_mem_ne(positions + 1, positions + 5, 3 * sizeof *positions);
  tape_free(tape);
}
END_TEST

START_TEST(kept_patches_keep_their_places) {
  static const int mixed[] = {0, 4, 2, 1, 3, 0, 1, 4, 3, 2};
  Params *params = params_new();
  Tape *tape = tape_new();
  Small s = small_of(params, variants[VARIANTS - 1]);
  int positions[B * T];
  for (int i = 0; i < B * T; i++) positions[i] = mixed[i] - 1;
  Tensor *all = block_forward(tape, &s.block, s.x, NULL);
  Tensor *some = block_forward_call(tape, &s.block, gather_tokens(tape, s.x, mixed, T),
                                    (AttentionCall){.positions = positions});
  Tensor *wrong = block_forward(tape, &s.block, gather_tokens(tape, s.x, mixed, T), NULL);
  const Tensor *want = gather_tokens(tape, all, mixed, T);
  ck_assert(relative_error(some->value, want->value, B * T * C) < 10 * ROUNDING);
  ck_assert(relative_error(wrong->value, want->value, B * T * C) > 1e-3);
  tape_free(tape), params_free(params);
}
END_TEST

// Counts of the giants
START_TEST(the_witness_agrees) {
  Params *params = params_new();
  Tape *tape = tape_new();
  VitConfig c = encoder;
  c.variant.inner_norm = true;
  Tensor *images = random_parameter(params, "images", SHAPE(3, 2, 12, 12), 1);
  const Vit vit = vit_declare(params, "", c);
  Safetensors *file = fixture_open("tests/fixtures/eva02.safetensors");
  params_fill(params, 1);
  fixture_load_parameters(file, params);
  Tensor *dy = tape_tensor(tape, "dy", SHAPE(3, 16));
  fixture_load(file, dy);
  Tensor *y = vit_features(tape, &vit, images);
  fixture_agree(file, "features", y, y->value);
  tape_backward(tape, sum(tape, mul(tape, y, dy)));
  fixture_agree_gradients(file, params);
  safetensors_free(file), tape_free(tape), params_free(params);
}
END_TEST
START_TEST(published_giants) {
  static const size_t want[] = {1011146112, 5502144, 21621120, 85758720, 303268800,
                                4348720896};
  VitConfig c;
  for (int i = 0; eva_preset_names[i]; i++) {
    Params *params = params_new();
    ck_assert(eva_preset(&c, eva_preset_names[i]));
    vit_declare(params, "", c);
    ck_assert_msg(params_count(params, true) == want[i], "%s: %zu", eva_preset_names[i],
                  params_count(params, true));
    params_free(params);
  }
  ck_assert(!eva_preset(&c, "EVA-G/14"));
  VitConfig small = {.width = 768};
  eva02_variant(&small);
  ck_assert(eva_preset(&c, "EVA02-B/14"));
  ck_assert_mem_eq(&small.variant, &c.variant, sizeof c.variant);
  ck_assert_int_eq(small.mlp, c.mlp);
}
END_TEST

TEST_MAIN("eva block", turned_by_hand, turns_keep_lengths_and_differences,
          gates_by_hand, a_bias_of_keys_does_nothing, initial_values_of_eva,
          hidden_values_are_normalized, derivatives_of_all_variants,
          patches_are_left_out_in_training_only, kept_patches_keep_their_places,
          published_giants, the_witness_agrees)
