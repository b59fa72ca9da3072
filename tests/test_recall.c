/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "eval/recall.h"
#include "eval/zeroshot.h"

#include "testing.h"

/* Three queries along the axes; candidates near them, two of one group. */
static const real queries[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
static const int query_groups[] = {0, 1, 2};
static const real candidates[] = {(real).9, 0, 0,         (real).5, (real).8, 0,
                                  (real).95, 0, (real).1, 0, (real).2, (real).3,
                                  0, (real).7, (real).2};
static const int candidate_groups[] = {0, 1, 1, 2, 0};

START_TEST(ranks_by_hand) {
  /* products with x: .9 .5 .95 0 0; right: candidates 0 and 4, the best is second */
  ck_assert_int_eq(recall_rank(queries, 0, candidates, candidate_groups, 5, 3), 2);
  /* with y: 0 .8 0 .2 .7 */
  ck_assert_int_eq(recall_rank(queries + 3, 1, candidates, candidate_groups, 5, 3), 1);
  /* with z: 0 0 .1 .3 .2 */
  ck_assert_int_eq(recall_rank(queries + 6, 2, candidates, candidate_groups, 5, 3), 1);
  Recall r = recall_measure(queries, query_groups, 3, candidates, candidate_groups, 5, 3);
  ck_assert_double_eq_tol(r.at1, 2 / 3.0, 1e-12);
  ck_assert_double_eq(r.at5, 1);
  ck_assert_double_eq(r.at10, 1);
  ck_assert_double_eq(r.median, 1);
}
END_TEST

START_TEST(a_tie_counts_as_lost) {
  const real same[] = {1, 0, 0, 1, 0, 0, 1, 0, 0};
  const int groups[] = {5, 0, 6};
  ck_assert_int_eq(recall_rank(queries, 0, same, groups, 3, 3), 3);
  const real broken[] = {NAN, 0, 0, NAN, 0, 0, NAN, 0, 0};
  ck_assert_int_eq(recall_rank(queries, 0, broken, groups, 3, 3), 3);
}
END_TEST

START_TEST(recall_at_five_and_ten) {
  enum { N = 20 };
  real x[N], one[N];
  int group[N];
  for (int i = 0; i < N; i++) x[i] = (real)(N - i), one[i] = 1, group[i] = i;
  Recall r = recall_measure(one, group, N, x, group, N, 1); /* query i has rank i + 1 */
  ck_assert_double_eq_tol(r.at1, 0.05, 1e-12);
  ck_assert_double_eq_tol(r.at5, 0.25, 1e-12);
  ck_assert_double_eq_tol(r.at10, 0.5, 1e-12);
  ck_assert_double_eq(r.median, 10.5);
}
END_TEST

START_TEST(the_best_come_in_order) {
  int best[3], near[3];
  recall_best(queries, candidates, 5, 3, 3, best);
  ck_assert(best[0] == 2 && best[1] == 0 && best[2] == 1);
  nearest(queries, 3, candidates, 5, 3, near);
  ck_assert(near[0] == 2 && near[1] == 1 && near[2] == 3);
}
END_TEST

START_TEST(prompts_are_filled) {
  static const char *const want[][3] = {
      {"a {}", "red circle", "a red circle"},
      {"a {}", "orange circle", "an orange circle"},
      {"look, a {} here", "orange bar", "look, an orange bar here"},
      {"la {}", "orange bar", "la orange bar"},
      {"{}", "orange", "orange"},
      {"nothing", "orange", "nothing"},
      {"a {}", "", "a "}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    char text[64];
    prompt_fill(text, sizeof text, want[i][0], want[i][1]);
    ck_assert_str_eq(text, want[i][2]);
  }
}
END_TEST

START_TEST(a_classifier_is_made_of_prompts) {
  enum { E = 6, K = 3 };
  const char *names[] = {"red", "orange", "blue"}, *one[] = {"a {}"};
  const char *texts[] = {"a red", "an orange", "a blue"}, *two[] = {"a {}", "a {}"};
  Params *params = params_new();
  // Make up a small dual encoder
  ClipConfig c = {.image = {.image_size = 4, .channels = 1, .patch_size = 4, .width = 8,
                            .depth = 1, .heads = 1, .mlp = 8, .eps = 1e-5},
                  .text = {.vocabulary = TOKENIZER_SYMBOLS + 2, .context = 16,
                           .width = 8, .depth = 1, .heads = 1, .mlp = 8, .eps = 1e-5,
                           .causal = true},
                  .embed = E};
  Clip clip = clip_declare(params, c);
  params_fill(params, 1);
  Tokenizer *tokenizer = tokenizer_train(texts, 3, c.text.vocabulary);
  Tape *tape = tape_no_grad();
  real want[K * E], found[K * E];
  embed_texts(&clip, tape, tokenizer, texts, K, want);
  zeroshot_classes(&clip, tape, tokenizer, names, K, one, 1, found);
  ck_assert_double_lt(relative_error(found, want, K * E), 1e-6);
  zeroshot_classes(&clip, tape, tokenizer, names, K, two, 2, found);
  ck_assert_double_lt(relative_error(found, want, K * E), 1e-6);
  tape_free(tape);
  tokenizer_free(tokenizer);
  params_free(params);
}
END_TEST

START_TEST(the_best_are_named_once) {
  const real query[] = {1}, bad[] = {(real)NAN, 3, (real)-INFINITY, (real)NAN};
  int best[4], seen[4] = {0};
  recall_best(query, bad, 4, 1, 4, best);
  ck_assert_int_eq(best[0], 1);
  for (int i = 0; i < 4; i++) seen[best[i]]++;
  for (int i = 0; i < 4; i++) ck_assert_int_eq(seen[i], 1);
}
END_TEST

TEST_MAIN("recall", the_best_are_named_once, ranks_by_hand, a_tie_counts_as_lost,
          recall_at_five_and_ten,
          the_best_come_in_order, prompts_are_filled, a_classifier_is_made_of_prompts)
