/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "models/generate.h"

#include "tensor/losses.h"
#include "testing.h"

enum { B = 3, W = 8, V = 11, START = 9, END = 10, TEXT = 9 };

// A model that answers
typedef struct Model {
  Params *params;
  Tape *tape; /* does not record */
  Vlm vlm;
  Tensor *images;
} Model;

static Model model_of(ConnectorKind kind, bool prefix_lm) {
  Model m = {.params = params_new(), .tape = tape_no_grad()};
  VlmConfig c = {.image = {.image_size = 8, .channels = 3, .patch_size = 4, .width = 12,
                           .depth = 2, .heads = 3, .mlp = 20, .eps = 1e-6,
                           .position = POSITION_LEARNED},
                 .connector = {kind, 2, 12, W, 3, 2}, .prefix_lm = prefix_lm,
                 .language = {.vocabulary = V, .width = W, .depth = 2, .heads = 2,
                              .mlp = 16, .gelu = GELU_TANH, .eps = 1e-5, .causal = true}};
  c.language.context = connector_tokens(&c.connector) + TEXT;
  m.images = random_parameter(m.params, "images", SHAPE(B, 3, 8, 8), 1);
  m.vlm = vlm_declare(m.params, c);
  params_fill(m.params, 4);
  for (size_t i = 0; i < m.params->size; i++)
    m.params->value[i] += (real)(0.3 * sin((double)i));
  return m;
}

static void done(Model *m) { tape_free(m->tape), params_free(m->params); }

// Kept or read again
START_TEST(kept_or_read_again_is_the_same) {
  static const int words[] = {4, 1, 7, START, 2, 8, 8, 5, END};
  for (int kind = 0; kind <= CONNECTOR_NONE; kind++)
    for (int Q = 0; Q <= 3; Q++)
      for (int prefix = 0; prefix < 2; prefix++) {
        Model m = model_of((ConnectorKind)kind, prefix);
        VlmCache cache = vlm_cache(m.tape, &m.vlm, 1);
        m.images->shape.size[0] = 1;
        Tensor *image = vlm_look(m.tape, &m.vlm, m.images, NULL);
        const int M = image ? image->shape.size[1] : 0, *ids = words + 3 - Q;
        if (M + Q)
          vlm_read(m.tape, &m.vlm, image, ids, 1, Q,
                   (VlmCall){.question = &Q, .cache = &cache});
        for (int t = Q; t < Q + 5; t++) {
          const Tensor *kept =
              vlm_read(m.tape, &m.vlm, NULL, ids + t, 1, 1, (VlmCall){.cache = &cache});
          const Tensor *again = vlm_read(m.tape, &m.vlm, image, ids, 1, t + 1,
                                         (VlmCall){.question = &Q});
          if (memcmp(kept->value, again->value + (M + t) * W, W * sizeof(real)) != 0)
            ck_abort_msg("connector %d, question of %d, prefix %d, token %d", kind, Q,
                         prefix, t);
        }
        done(&m);
      }
}
END_TEST

// How a token is chosen
/* ln 0.5, ln 0.3, ln 0.15, ln 0.05 and a number that all have more */
static const double chances[] = {0.15, 0.5, 0.05, 0.3};

static void logits_of(real *logits) {
  for (int i = 0; i < 4; i++) logits[i] = (real)(log(chances[i]) + 3);
}

/* How often each of four tokens comes in 4000 draws. */
static void draw(double temperature, double top_p, double *part) {
  real logits[4];
  logits_of(logits);
  for (int i = 0; i < 4; i++) part[i] = 0;
  for (int i = 0; i < 4000; i++) {
    double p;
    const Sampling s = {temperature, top_p, random_key((uint64_t)i, "draw")};
    const int token = choose_token(logits, 4, &s, 2, &p);
    ck_assert_double_eq_tol(p, chances[token], 10 * ROUNDING);
    part[token] += 1 / 4000.0;
  }
}

START_TEST(the_likeliest_is_chosen) {
  real logits[4] = {1, 3, 3, 2};
  double p;
  ck_assert_int_eq(choose_token(logits, 4, &sampling_greedy, 0, &p), 1); /* of two */
  ck_assert_double_eq_tol(p, 1 / (2 + exp(-1) + exp(-2)), 10 * ROUNDING);
}
END_TEST

START_TEST(draws_follow_the_probabilities) {
  double part[4], sum = 0;
  draw(1, 1, part);
  for (int i = 0; i < 4; i++) /* four standard deviations */
    ck_assert_double_eq_tol(part[i], chances[i], 4 * 0.5 / sqrt(4000));
  draw(2, 1, part); /* evened out: in proportion to the square roots */
  for (int i = 0; i < 4; i++) sum += sqrt(chances[i]);
  for (int i = 0; i < 4; i++)
    ck_assert_double_eq_tol(part[i], sqrt(chances[i]) / sum, 4 * 0.5 / sqrt(4000));
  draw(0.01, 1, part); /* cold: the likeliest */
  ck_assert(part[1] == 1 || part[1] > 0.9999);
}
END_TEST

START_TEST(only_the_likeliest_are_drawn) {
  double part[4];
  draw(1, 0.75, part); /* 0.5 and 0.3 */
  ck_assert(part[0] == 0 && part[2] == 0);
  ck_assert_double_eq_tol(part[1], 0.5 / 0.8, 4 * 0.5 / sqrt(4000));
  draw(1, 0.4, part);
  ck_assert_double_eq_tol(part[1], 1, 1e-9);
}
END_TEST

// Answers side by side
START_TEST(a_batch_answers_as_each_alone) {
  const int question[] = {4, 1};
  for (int prefix = 0; prefix < 2; prefix++) {
    Model m = model_of(CONNECTOR_MLP, prefix);
    Answer all[B], one;
    Tensor *image = vlm_look(m.tape, &m.vlm, m.images, NULL);
    vlm_answer(m.tape, &m.vlm, image, B, question, 2, &sampling_greedy, true, all);
    const size_t size = tensor_size(image) / B;
    for (int b = 0; b < B; b++) {
      Tensor *own = tape_input(m.tape, "own", SHAPE(1, 4, W), image->value + b * size);
      vlm_answer(m.tape, &m.vlm, own, 1, question, 2, &sampling_greedy, true, &one);
      ck_assert_int_eq(one.count, all[b].count);
      ck_assert(one.ended == all[b].ended);
      ck_assert_mem_eq(one.ids, all[b].ids, (size_t)one.count * sizeof *one.ids);
      const size_t said = (size_t)one.count + one.ended;
      ck_assert_mem_eq(one.probability, all[b].probability,
                       said * sizeof *one.probability);
      ck_assert_mem_eq(one.look, all[b].look, said * 4 * sizeof *one.look);
      for (size_t i = 0; i < said; i++) {
        double sum = 0;
        for (int k = 0; k < 4; k++) sum += (double)one.look[i * 4 + k];
        ck_assert(sum > 0 && sum < 1);
      }
    }
    done(&m);
  }
}
END_TEST

/* A model whose end has a logit that no word reaches, or none that reaches a word. */
static void make_end(Model *m, real sign) {
  Tensor *bias = m->vlm.language.norm.bias, *table = m->vlm.language.token_embedding;
  for (int i = 0; i < W; i++) {
    bias->value[i] = 50;
    for (int v = 0; v < V; v++) table->value[v * W + i] = (real)(0.1 * (v % 3));
    table->value[END * W + i] = 10 * sign;
  }
}

START_TEST(an_answer_ends_with_the_context) {
  Answer answer;
  for (int sign = -1; sign < 2; sign += 2) {
    Model m = model_of(CONNECTOR_NONE, false);
    make_end(&m, (real)sign);
    vlm_answer(m.tape, &m.vlm, NULL, 1, NULL, 0, &sampling_greedy, false, &answer);
    ck_assert(answer.ended == (sign > 0));
    ck_assert_int_eq(answer.count, sign > 0 ? 0 : TEXT);
    done(&m);
  }
}
END_TEST

/* What was written greedily is found to be right, and nothing else is. */
START_TEST(greedy_answers_are_those_that_are_right) {
  Model m = model_of(CONNECTOR_LINEAR, false);
  Answer answer[B];
  Tensor *image = vlm_look(m.tape, &m.vlm, m.images, NULL);
  make_end(&m, -1); /* an end that is unlikely, but comes */
  vlm_answer(m.tape, &m.vlm, image, B, NULL, 0, &sampling_greedy, false, answer);
  for (int wrong = 0; wrong < 2; wrong++) {
    int ids[B * TEXT], tokens;
    bool right[B];
    VlmText text[B];
    for (int b = 0; b < B; b++) {
      text[b] = (VlmText){.count = least(answer[b].count, TEXT - 1) + 1};
      ids[b * TEXT] = START;
      memcpy(ids + b * TEXT + 1, answer[b].ids,
             (size_t)(text[b].count - 1) * sizeof *ids);
      if (wrong) ids[b * TEXT + 2 + b] = (ids[b * TEXT + 2 + b] + 1) % V;
    }
    vlm_loss(m.tape, &m.vlm, image, ids, text, B, TEXT, &tokens, right);
    for (int b = 0; b < B; b++) ck_assert(right[b] == !wrong);
  }
  done(&m);
}
END_TEST

TEST_MAIN("generate", kept_or_read_again_is_the_same, the_likeliest_is_chosen,
          draws_follow_the_probabilities, only_the_likeliest_are_drawn,
          a_batch_answers_as_each_alone, an_answer_ends_with_the_context,
          greedy_answers_are_those_that_are_right)
