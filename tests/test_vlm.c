/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "models/vlm.h"

#include "base/error.h"
#include "testing.h"
#include "train/optimizer.h"

enum { B = 3, T = 6, W = 8, V = 11, START = 9, END = 10 };
static const int texts[B * T] = {4, 7, START, 1, END, 0,   START, 2, 3, 5,
                                 END, 0, 6, START, 8, END, 0, 0};
static const VlmText cut[B] = {{5, 2, false}, {5, 0, false}, {4, 1, false}};

static VlmConfig tiny(ConnectorKind kind) {
  VlmConfig c = {.image = {.image_size = 8, .channels = 3, .patch_size = 4, .width = 12,
                           .depth = 2, .heads = 3, .mlp = 20, .eps = 1e-6,
                           .position = POSITION_LEARNED},
                 .connector = {kind, 2, 12, W, 3, 2},
                 .language = {.vocabulary = V, .width = W, .depth = 2, .heads = 2,
                              .mlp = 16, .gelu = GELU_TANH, .eps = 1e-5, .causal = true}};
  c.language.context = connector_tokens(&c.connector) + T + 1;
  return c;
}

typedef struct Model {
  Params *params;
  Tape *tape;
  Vlm vlm;
  Tensor *images;
} Model;

static Model model_of(VlmConfig config, bool frozen) {
  Model m = {.params = params_new(), .tape = tape_new()};
  m.images = random_parameter(m.params, "images", SHAPE(B, 3, 8, 8), 1);
  m.vlm = vlm_declare(m.params, config);
  if (frozen) params_freeze(m.params, "visual."), params_freeze(m.params, "images");
  params_fill(m.params, 2);
  for (size_t i = 0; i < m.params->size; i++) /* LayerNorm bends sharply near zero */
    m.params->value[i] += (real)(0.5 * sin((double)i));
  return m;
}

static void done(Model *m) { tape_free(m->tape), params_free(m->params); }

static Tensor *loss_of(Tape *tape, void *state) {
  const Model *m = state;
  int tokens;
  Tensor *image = vlm_look(tape, &m->vlm, m->images, NULL);
  return vlm_loss(tape, &m->vlm, image, texts, cut, B, T, &tokens, NULL);
}

START_TEST(gradients_of_the_whole) {
  for (int kind = 0; kind < CONNECTOR_NONE; kind++)
    for (int variant = 0; variant < 2; variant++) {
      VlmConfig c = tiny((ConnectorKind)kind);
      c.prefix_lm = variant, c.penultimate = variant, c.separate_output = variant;
      Model m = model_of(c, false);
      assert_gradients(loss_of, &m, m.params);
      done(&m);
    }
}
END_TEST

// Pytorch agrees about a language model
START_TEST(pytorch_agrees) {
  Safetensors *file = fixture_open("tests/fixtures/vlm.safetensors");
  VlmConfig c = tiny(CONNECTOR_MLP);
  c.connector.to = c.language.width = 12, c.language.heads = 3, c.language.mlp = 20;
  c.prefix_lm = true;
  Model m = model_of(c, false);
  fixture_load_parameters(file, m.params);
  Tensor *image = vlm_look(m.tape, &m.vlm, m.images, NULL);
  const int question[] = {2, 0, 1}, M = 4, n = M + T;
  Tensor *x = vlm_read(m.tape, &m.vlm, image, texts, B, T,
                       (VlmCall){.question = question});
  const Tensor *all = vlm_logits(m.tape, &m.vlm, x);
  real logits[B * T * V];
  for (int b = 0; b < B; b++)
    memcpy(logits + b * T * V, all->value + (b * n + M) * V, T * V * sizeof *logits);
  fixture_agree(file, "logits", &(Tensor){.shape = SHAPE(B, T, V)}, logits);
  tape_reset(m.tape, (RandomKey){0});
  params_clear_grad(m.params);
  Tensor *loss = loss_of(m.tape, &m);
  fixture_agree(file, "loss", &(Tensor){.shape = SHAPE(1)}, loss->value);
  tape_backward(m.tape, loss);
  fixture_agree_gradients(file, m.params);
  safetensors_free(file);
  done(&m);
}
END_TEST

// What is frozen stays
START_TEST(what_is_frozen_stays) {
  Model m = model_of(tiny(CONNECTOR_MLP), true);
  real *before = malloc(m.params->size * sizeof *before);
  memcpy(before, m.params->value, m.params->size * sizeof *before);
  ck_assert(!vlm_encode(m.tape, &m.vlm, m.images)->requires_grad);
  tape_backward(m.tape, loss_of(m.tape, &m));
  Optimizer o = optimizer_new(OPTIMIZER_ADAMW, m.params, 0.9, 0.5);
  optimizer_update(&o, 0.1);
  for (int i = 0; i < m.params->count; i++) {
    const Parameter *p = &m.params->list[i];
    const size_t n = tensor_size(p->tensor) * sizeof(real);
    const bool visual = !strncmp(p->tensor->name, "visual.", 7);
    const bool same = !memcmp(before + p->offset, m.params->value + p->offset, n);
    if (visual)
      for (size_t k = 0; k < tensor_size(p->tensor); k++)
        ck_assert(m.params->grad[p->offset + k] == 0);
    if (strcmp(p->tensor->name, "images") != 0) ck_assert(same == visual);
  }
  optimizer_free(&o), free(before);
  done(&m);
}
END_TEST

// Who attends to whom
/* Every vector of image b, with token t of its text changed or (t < 0) not; and which of
   the M + T differ from the unchanged. */
static void differing(Model *m, int b, int t, bool *differs) {
  int ids[B * T], question[B];
  real before[B * (4 + T) * W];
  memcpy(ids, texts, sizeof ids);
  for (int i = 0; i < B; i++) question[i] = cut[i].question;
  for (int run = 0; run < 2; run++) {
    if (run) ids[b * T + t] = 8 - ids[b * T + t] % 4;
    tape_reset(m->tape, (RandomKey){0});
    Tensor *image = vlm_look(m->tape, &m->vlm, m->images, NULL);
    const Tensor *x = vlm_read(m->tape, &m->vlm, image, ids, B, T,
                               (VlmCall){.question = question});
    if (!run) memcpy(before, x->value, sizeof before);
    for (int i = 0; i < 4 + T && run; i++) {
      const size_t at = ((size_t)b * (4 + T) + i) * W;
      differs[i] = memcmp(before + at, x->value + at, W * sizeof(real)) != 0;
    }
  }
}

START_TEST(the_answer_sees_what_came_before) {
  bool differs[4 + T];
  for (int prefix = 0; prefix < 2; prefix++) {
    VlmConfig c = tiny(CONNECTOR_LINEAR);
    c.prefix_lm = prefix;
    Model m = model_of(c, true);
    for (int t = 0; t < 5; t++) { /* image 1 has no question: all is answer */
      differing(&m, 1, t, differs);
      for (int i = 0; i < 4 + T; i++) ck_assert(differs[i] == (i >= 4 + t));
    }
    for (int t = 2; t < 5; t++) { /* of image 0 the answer */
      differing(&m, 0, t, differs);
      for (int i = 0; i < 4 + T; i++) ck_assert(differs[i] == (i >= 4 + t));
    }
    done(&m);
  }
}
END_TEST

START_TEST(only_a_prefix_sees_the_question) {
  bool differs[4 + T];
  for (int prefix = 0; prefix < 2; prefix++) {
    VlmConfig c = tiny(CONNECTOR_LINEAR);
    c.prefix_lm = prefix;
    Model m = model_of(c, true);
    differing(&m, 0, 1, differs); /* the last token of the question */
    for (int i = 0; i < 4 + T; i++) ck_assert(differs[i] == (prefix || i >= 4 + 1));
    done(&m);
  }
}
END_TEST

// Which tokens count
START_TEST(only_answers_count) {
  Model m = model_of(tiny(CONNECTOR_LINEAR), true);
  int ids[B * T], tokens;
  bool right[B];
  double sum = 0;
  memcpy(ids, texts, sizeof ids);
  Tensor *image = vlm_look(m.tape, &m.vlm, m.images, NULL);
  const Tensor *all = vlm_logits(m.tape, &m.vlm,
                                 vlm_read(m.tape, &m.vlm, image, ids, B, T,
                                          (VlmCall){.question = NULL}));
  bool want[B] = {true, true, true};
  for (int b = 0; b < B; b++)
    for (int t = cut[b].question; t + 1 < cut[b].count; t++) { /* -ln softmax */
      const real *row = all->value + (b * (4 + T) + 4 + t) * V;
      double total = 0;
      for (int i = 0; i < V; i++) {
        total += exp((double)row[i]);
        want[b] &= row[i] <= row[ids[b * T + t + 1]];
      }
      sum += log(total) - (double)row[ids[b * T + t + 1]];
    }
  double loss = (double)vlm_loss(m.tape, &m.vlm, image, ids, cut, B, T, &tokens,
                                 right)->value[0];
  ck_assert_int_eq(tokens, 2 + 4 + 2);
  ck_assert_double_eq_tol(loss, sum / 8, 10 * ROUNDING);
  ck_assert_mem_eq(right, want, sizeof right);
  ids[5] = ids[16] = ids[17] = 3; /* what fills the rows up */
  ck_assert(loss == (double)vlm_loss(m.tape, &m.vlm, image, ids, cut, B, T, &tokens,
                                     NULL)->value[0]);
  ids[0] = 3; /* a question does not count, but it is read */
  ck_assert(loss != (double)vlm_loss(m.tape, &m.vlm, image, ids, cut, B, T, &tokens,
                                     NULL)->value[0]);
  done(&m);
}
END_TEST

/* An answer that was cut is not right, even where all that is left of it is. */
START_TEST(what_was_cut_is_not_right) {
  Model m = model_of(tiny(CONNECTOR_LINEAR), true);
  VlmText text[B];
  bool right[B];
  int tokens;
  for (int b = 0; b < B; b++)
    text[b] = (VlmText){cut[b].question + 1, cut[b].question, true};
  text[0] = (VlmText){5, 2, false};
  Tensor *image = vlm_look(m.tape, &m.vlm, m.images, NULL);
  vlm_loss(m.tape, &m.vlm, image, texts, text, B, T, &tokens, right);
  ck_assert_int_eq(tokens, 2);
  ck_assert(!right[1] && !right[2]);
  done(&m);
}
END_TEST

START_TEST(tied_and_separate) {
  VlmConfig c = tiny(CONNECTOR_LINEAR);
  Model tied = model_of(c, true);
  c.separate_output = true;
  Model separate = model_of(c, true);
  ck_assert(tied.vlm.output == tied.vlm.language.token_embedding);
  ck_assert(separate.vlm.output != separate.vlm.language.token_embedding);
  ck_assert_uint_eq(params_count(separate.params, true) - params_count(tied.params, true),
                    V * W);
  done(&tied), done(&separate);
}
END_TEST

START_TEST(a_text_is_cut_as_it_is_read) {
  const char *const words[] = {"what is red?", "a star"};
  Tokenizer *t = tokenizer_train(words, 2, TOKENIZER_SYMBOLS + 40);
  const int start = tokenizer_size(t) - 2;
  int ids[32], few[4];
  const VlmText text = vlm_text(t, words[0], words[1], ids, 32);
  ck_assert_int_eq(ids[text.question], start);
  ck_assert_int_eq(ids[text.count - 1], start + 1);
  char *question = tokenizer_decode(t, ids, text.question, NULL);
  char *answer = tokenizer_decode(t, ids + text.question + 1,
                                  text.count - text.question - 1, NULL);
  ck_assert_str_eq(question, "what is red ?");
  ck_assert_str_eq(answer, "a star");
  free(question), free(answer);
  const VlmText caption = vlm_text(t, "", words[1], ids, 32);
  ck_assert_int_eq(caption.question, 0);
  ck_assert_int_eq(ids[0], start);
  const VlmText asked = vlm_text(t, words[0], NULL, ids, 32);
  ck_assert_int_eq(asked.count, asked.question + 1);
  const VlmText some = vlm_text(t, words[0], words[1], few, 4);
  ck_assert(some.cut && some.count == 4 && !text.cut);
  tokenizer_free(t);
}
END_TEST

START_TEST(impossible_models) {
  VlmConfig c = tiny(CONNECTOR_LINEAR);
  c.language.heads = 3;
  ck_assert(!vlm_check(&c));
  ck_assert(strstr(fail_message(), "--heads: expected a divisor of --width 8, found 3"));
  c = tiny(CONNECTOR_SHUFFLE);
  c.connector.side = 3;
  ck_assert(!vlm_check(&c));
  ck_assert(strstr(fail_message(), "--connector: expected an even number"));
  c = tiny(CONNECTOR_MLP);
  ck_assert(vlm_check(&c));
}
END_TEST

TEST_MAIN("vlm", gradients_of_the_whole, pytorch_agrees, what_is_frozen_stays,
          the_answer_sees_what_came_before, only_a_prefix_sees_the_question,
          only_answers_count, what_was_cut_is_not_right, tied_and_separate,
          a_text_is_cut_as_it_is_read, impossible_models)
