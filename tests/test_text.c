/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "models/text.h"

#include "base/error.h"
#include "io/safetensors.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "testing.h"

static const TextConfig tiny = {.vocabulary = 11, .context = 7, .width = 12,
                                .depth = 2, .heads = 3, .mlp = 20, .causal = true,
                                .gelu = GELU_QUICK, .eps = 1e-5};
enum { B = 3, T = 6, W = 12 };
static const int captions[B * T] = {9, 4, 7, 10, 0, 0, /* 10 is the end token */
                                    9, 1, 2, 3, 4, 10,
                                    9, 10, 0, 0, 0, 0};

typedef struct Model {
  Params *params;
  Tape *tape;
  Text text;
} Model;

/* With initial values a hundred times as wide in the tables, for a clear answer. */
static Model model_of(TextConfig config) {
  Model m = {.params = params_new(), .tape = tape_new()};
  m.text = text_declare(m.params, "", config);
  params_find(m.params, "token_embedding.weight")->init = init_normal(1);
  params_find(m.params, "positional_embedding")->init = init_normal(1);
  params_fill(m.params, 2);
  return m;
}

static void done(Model *m) {
  tape_free(m->tape);
  params_free(m->params);
}

// Numbers known from outside
static const struct {
  int width, depth, heads, joint;
  size_t count;
  double gflops;
} published[] = {{512, 12, 8, 512, 63428096, 5.96},
                 {768, 12, 12, 768, 123650304, 13.30},
                 {1024, 24, 16, 1024, 354032640, 47.09},
                 {1280, 32, 20, 1280, 694659840, 97.86}};

static TextConfig published_config(int i) {
  return (TextConfig){.vocabulary = 49408, .context = 77, .width = published[i].width,
                      .depth = published[i].depth, .heads = published[i].heads,
                      .mlp = 4 * published[i].width, .causal = true, .eps = 1e-5};
}

START_TEST(published_counts) {
  for (int i = 0; i < 4; i++) {
    Params *params = params_new();
    text_declare(params, "", published_config(i));
    ck_assert_uint_eq(params_count(params, true), published[i].count -
                          (size_t)(published[i].width * published[i].joint));
    params_free(params);
  }
  Params *params = params_new(); /* the count worked by hand */
  text_declare(params, "", (TextConfig){.vocabulary = 519, .context = 8, .width = 16,
                                        .depth = 1, .heads = 2, .mlp = 64});
  ck_assert_uint_eq(params_count(params, true), 11744);
  params_free(params);
}
END_TEST

START_TEST(published_work) {
  for (int i = 0; i < 4; i++) {
    TextConfig c = published_config(i);
    double macs = text_macs(&c, 77) + published[i].width * published[i].joint;
    ck_assert_double_eq_tol(2e-9 * macs, published[i].gflops, 0.006);
  }
  Model m = model_of(tiny);
  text_encode(m.tape, &m.text, captions, B, T, NULL);
  ck_assert_double_eq_tol(m.tape->macs, B * text_macs(&tiny, T), 0.5);
  done(&m);
}
END_TEST

START_TEST(heads_must_divide) {
  TextConfig c = tiny;
  ck_assert(text_check(&c));
  c.heads = 5;
  ck_assert(!text_check(&c));
  ck_assert_str_eq(fail_message(),
                   "text-heads: expected a divisor of text-width 12, found 5");
}
END_TEST

// Where a text drops and how it begins
START_TEST(initial_values) {
  const struct {
    const char *name;
    double std;
  } want[] = {{"token_embedding.weight", 0.02},
              {"positional_embedding", 0.01},
              {"blocks.1.attn.qkv.weight", sqrt(1 / 64.0)},
              {"blocks.1.attn.proj.weight", sqrt(1 / (64.0 * 6))},
              {"blocks.2.mlp.fc1.weight", sqrt(1 / 128.0)},
              {"blocks.2.mlp.fc2.weight", sqrt(1 / (64.0 * 6))},
              {"blocks.2.mlp.fc2.bias", 0}};
  Params *params = params_new();
  text_declare(params, "text.", (TextConfig){.vocabulary = 100, .context = 20,
                                             .width = 64, .depth = 3, .heads = 4,
                                             .mlp = 256, .causal = true});
  params_fill(params, 1);
  // Compare each parameter's spread and decay
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    const char *name = params_name(params, "text.%s", want[i].name);
    const Parameter *p = params_find(params, name);
    double squares = 0, n = (double)tensor_size(p->tensor);
    for (size_t k = 0; k < tensor_size(p->tensor); k++)
      squares += (double)p->tensor->value[k] * (double)p->tensor->value[k];
    ck_assert_double_eq_tol(sqrt(squares / n), want[i].std, 0.06 * want[i].std + 1e-12);
    ck_assert_int_eq(p->kind, strstr(want[i].name, ".weight") ? PARAM_DECAYED
                                                              : PARAM_PLAIN);
  }
  params_free(params);
}
END_TEST

START_TEST(every_place_drops) {
  TextConfig c = tiny;
  c.dropout = 0.1, c.drop_path = 0.2, c.depth = 3;
  Model m = model_of(c);
  m.tape->training = true;
  text_forward(m.tape, &m.text, captions, B, T);
  for (int i = 0; i < 3; i++)
    ck_assert_double_eq_tol(m.text.blocks[i].config.drop_path, 0.1 * i, 1e-12);
  ck_assert_uint_eq(m.tape->drawn, 1 + 3 * 3 + 2 * 2);
  done(&m);
}
END_TEST

// What the end token sees
START_TEST(padding_is_not_seen) {
  for (int causal = 0; causal < 2; causal++) {
    TextConfig c = tiny;
    c.causal = causal;
    Model m = model_of(c);
    int other[B * T];
    memcpy(other, captions, sizeof other);
    other[4] = 5, other[5] = 10, other[2 * T + 2] = 10, other[2 * T + 5] = 3;
    Tensor *x = text_forward(m.tape, &m.text, captions, B, T);
    Tensor *y = text_forward(m.tape, &m.text, other, B, T);
    bool same = memcmp(x->value, y->value, B * W * sizeof(real)) == 0;
    ck_assert_int_eq(same, causal);
    done(&m);
  }
}
END_TEST

START_TEST(one_row_is_the_row_of_all) {
  for (int causal = 0; causal < 2; causal++) {
    const int ends[B] = {3, 5, 1};
    TextConfig c = tiny;
    c.causal = causal;
    Model m = model_of(c);
    Tensor *all = text_encode(m.tape, &m.text, captions, B, T, NULL);
    Tensor *one = text_forward(m.tape, &m.text, captions, B, T);
    ck_assert_int_eq(one->shape.rank, 2);
    for (int b = 0; b < B; b++)
      ck_assert_double_lt(relative_error(one->value + b * W,
                                         all->value + (b * T + ends[b]) * W, W),
                          ROUNDING);
    done(&m);
  }
}
END_TEST

START_TEST(every_token_before_the_end_is_seen) {
  Model m = model_of(tiny);
  Tensor *x = text_forward(m.tape, &m.text, captions, B, T);
  for (int t = 0; t < 5; t++) {
    int other[B * T];
    memcpy(other, captions, sizeof other);
    other[T + t] = 8;
    Tensor *y = text_forward(m.tape, &m.text, other, B, T);
    ck_assert_double_gt(relative_error(y->value + W, x->value + W, W), 1e-3);
    ck_assert_mem_eq(y->value, x->value, W * sizeof(real)); /* the others' rows */
    ck_assert_mem_eq(y->value + 2 * W, x->value + 2 * W, W * sizeof(real));
  }
  done(&m);
}
END_TEST

START_TEST(a_batch_may_be_cut) {
  Model m = model_of(tiny);
  int cut[2 * 4];
  for (int i = 0; i < 8; i++) cut[i] = captions[i / 4 * 2 * T + i % 4];
  Tensor *x = text_forward(m.tape, &m.text, captions, B, T);
  Tensor *y = text_forward(m.tape, &m.text, cut, 2, 4); /* captions 0 and 2 */
  ck_assert_double_lt(relative_error(y->value, x->value, W), ROUNDING);
  ck_assert_double_lt(relative_error(y->value + W, x->value + 2 * W, W), ROUNDING);
  done(&m);
}
END_TEST

START_TEST(order_matters) {
  Model m = model_of(tiny);
  const int two[2 * T] = {9, 1, 2, 3, 4, 10, 9, 1, 3, 2, 4, 10};
  Tensor *x = text_forward(m.tape, &m.text, two, 2, T);
  ck_assert_double_gt(relative_error(x->value + W, x->value, W), 1e-2);
  done(&m);
}
END_TEST

START_TEST(weights_look_back_only) {
  Model m = model_of(tiny);
  Tensor *weights[2];
  text_encode(m.tape, &m.text, captions, B, T, weights);
  for (int i = 0; i < 2; i++)
    for (int r = 0; r < B * 3 * T; r++)
      for (int j = 0; j < T; j++) {
        double weight = (double)weights[i]->value[r * T + j];
        ck_assert(j <= r % T ? weight > 0 : weight == 0);
      }
  done(&m);
}
END_TEST

// The text encoder against PyTorch
static Tensor *loss_of(Tape *tape, void *state) {
  Model *m = state;
  return weighted_sum(tape, text_forward(tape, &m->text, captions, B, T));
}

START_TEST(gradients_of_text_encoders) {
  for (int kind = 0; kind < 3; kind++) {
    TextConfig c = tiny;
    c.gelu = (GeluKind)kind;
    c.causal = kind != 1;
    c.depth = kind == 0 ? 1 : 2;
    Model m = model_of(c);
    assert_gradients(loss_of, &m, m.params);
    done(&m);
  }
}
END_TEST

START_TEST(the_witness_agrees) {
  Model m = model_of(tiny);
  Safetensors *file = fixture_open("tests/fixtures/text.safetensors");
  real numbers[B * T];
  ck_assert_msg(safetensors_check(file, "ids", SHAPE(B, T)), "%s", fail_message());
  safetensors_get(file, "ids", numbers);
  for (int i = 0; i < B * T; i++) ck_assert(numbers[i] == (real)captions[i]);
  fixture_load_parameters(file, m.params);
  Tensor *dy = tape_tensor(m.tape, "dy", SHAPE(B, W));
  fixture_load(file, dy);
  params_clear_grad(m.params);
  Tensor *vectors = text_forward(m.tape, &m.text, captions, B, T);
  fixture_agree(file, "vectors", vectors, vectors->value);
  tape_backward(m.tape, sum(m.tape, mul(m.tape, vectors, dy)));
  fixture_agree_gradients(file, m.params);
  safetensors_free(file);
  done(&m);
}
END_TEST

TEST_MAIN("text", published_counts, published_work, heads_must_divide, initial_values,
          every_place_drops, one_row_is_the_row_of_all, padding_is_not_seen,
          every_token_before_the_end_is_seen, a_batch_may_be_cut, order_matters,
          weights_look_back_only, gradients_of_text_encoders, the_witness_agrees)
