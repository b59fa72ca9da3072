/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "testing.h"

enum { N = 4, CELLS = N * N };

// A run read back
/* What the program prints for a seed; valid until the next command. */
static const char *sketch(int seed) {
  static const char *output;
  const int status =
      run_command(&output, "%s/sketch --seed %d", programs_folder(), seed);
  ck_assert_msg(status == 0, "status %d: %s", status, output);
  return output;
}

static const char *after(const char *output, const char *mark) {
  const char *found = strstr(output, mark);
  ck_assert_msg(found != NULL, "'%s' lacks '%s'", output, mark);
  return found + strlen(mark);
}

/* The next number, which must be there; moves on behind it. */
static double number(const char **at) {
  double value;
  int length;
  ck_assert_msg(sscanf(*at, "%lf%n", &value, &length) == 1, "no number: %.40s", *at);
  *at += length;
  return value;
}

/* Out of what is printed: cosines, and what is said of them. */
typedef struct Printed {
  double cosine[CELLS], loss[2], gradient[2][CELLS];
} Printed;

static Printed read_back(const char *output) {
  Printed s;
  const char *at = after(after(output, "4. COSINES"), "\n");
  for (int i = 0; i < CELLS; i++) s.cosine[i] = number(&at);
  at = after(output, "InfoNCE, t = 1/0.07"), s.loss[0] = number(&at);
  after(at, "(knowing nothing: ln 4 = 1.3863)\n");
  at = after(output, "sigmoid, t = 10, b = -10"), s.loss[1] = number(&at);
  after(at, "(knowing nothing: 10.000182)\n");
  at = after(at, "InfoNCE  ");
  at = after(at, "sigmoid\n");
  for (int i = 0; i < 2 * CELLS; i++)
    s.gradient[i / N % 2][i / N / 2 * N + i % N] = number(&at);
  return s;
}

// What the sketch prints and refuses
START_TEST(a_seed_says_it_all) {
  char *first = strdup(sketch(1));
  ck_assert_msg(strcmp(sketch(1), first) == 0, "two runs of a seed differ");
  ck_assert_msg(strcmp(sketch(2), first) != 0, "two seeds are the same");
  ck_assert_msg(strncmp(first, "1. FOUR PICTURES", 16) == 0, "%.100s", first);
  expect_program(0, "6. ONE STEP", "sketch", "");
  for (const char *line = first; *line; line += strcspn(line, "\n") + 1)
    ck_assert_msg(strcspn(line, "\n") <= 80, "too wide: %.100s", line);
  free(first);
}
END_TEST

START_TEST(bad_arguments_have_one_line) {
  static const struct {
    const char *arguments, *printed;
  } bad[] = {{"--surprise", "sketch: --surprise: unknown option"},
             {"--seed -1", "sketch: --seed: expected"},
             {"--seed", "sketch: --seed: unknown option, ambiguous, or its value"},
             {"pictures", "sketch: expected options only, found 'pictures'"}};
  for (int i = 0; i < 4; i++) {
    const char *output;
    expect_program(2, bad[i].printed, "sketch", bad[i].arguments);
    run_command(&output, "%s/sketch %s", programs_folder(), bad[i].arguments);
    ck_assert_uint_eq(strcspn(output, "\n"), strlen(output) - 1);
  }
  expect_program(0, "--seed N", "sketch", "--help");
}
END_TEST

// Shapes and lengths in the sketch
START_TEST(shapes_are_as_told) {
  static const char *const shapes[] = {
      "FOUR PICTURES of [3][32][32]", "patchify   [3][32][32] -> [16][192]",
      "patch_tokens      [4][16][192] ",  "vit_patch_embed   [4][16][48] ",
      "vit_add_positions [4][17][48] ",   "block_forward     [4][17][48] ",
      "block_forward     [4][17][48] ",   "layernorm         [4][17][48] ",
      "vit_pool          [4][48] ",       "vit_features      [4][48] ",
      "u [4][32]\n",                  "v [4][32]\n"};
  const char *at = sketch(1);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) at = after(at, shapes[i]);
}
END_TEST

START_TEST(the_walk_is_the_encoder) {
  static const char *const twins[][2] = {
      {"patch 0  ", "patch_tokens      [4][16][192] "},
      {"vit_pool          [4][48] ", "vit_features      [4][48] "}};
  for (int i = 0; i < 2; i++) {
    const char *output = sketch(3), *a = after(output, twins[i][0]);
    const char *b = after(output, twins[i][1]);
    for (int k = 0; k < 3; k++) ck_assert_double_eq_tol(number(&a), number(&b), 0.0011);
  }
}
END_TEST

START_TEST(vectors_have_length_one) {
  const char *at = sketch(1);
  for (int i = 0; i < 2 * N; i++) {
    at = after(at, " length ");
    ck_assert_double_eq_tol(number(&at), 1, 2e-6);
  }
  ck_assert_ptr_null(strstr(at, " length "));
}
END_TEST

// The sketch's losses, computed again
/* The softmax of a row (step 1) or column (step N), where `at` is. */
static double fraction(const double *cosine, int at, int first, int step) {
  double sum = 0;
  for (int k = 0; k < N; k++) sum += exp((cosine[first + k * step] - cosine[at]) / 0.07);
  return 1 / sum;
}

START_TEST(losses_follow_from_the_cosines) {
  for (int seed = 1; seed <= 3; seed++) {
    const Printed s = read_back(sketch(seed));
    double nce = 0, sigmoid = 0;
    for (int i = 0; i < CELLS; i++) {
      const int row = i / N, column = i % N, z = row == column ? 1 : -1;
      if (z > 0)
        nce -= log(fraction(s.cosine, i, N * row, 1)) + log(fraction(s.cosine, i, column,
                                                                     N));
      sigmoid += log1p(exp(-z * (10 * s.cosine[i] - 10)));
    }
    ck_assert_double_eq_tol(s.loss[0], nce / (2 * N), 2e-4);
    ck_assert_double_eq_tol(s.loss[1], sigmoid / N, 2e-4);
  }
}
END_TEST

START_TEST(gradients_follow_from_the_cosines) {
  for (int seed = 1; seed <= 3; seed++) {
    const Printed s = read_back(sketch(seed));
    double sum = 0, by_bias = 0;
    for (int i = 0; i < CELLS; i++) {
      const int row = i / N, column = i % N, y = row == column;
      const double both =
          fraction(s.cosine, i, N * row, 1) + fraction(s.cosine, i, column, N);
      ck_assert_double_eq_tol(s.gradient[0][i], (both - 2 * y) / (2 * N), 5e-5);
      const double p = 1 / (1 + exp(10 - 10 * s.cosine[i]));
      ck_assert_double_eq_tol(s.gradient[1][i], (p - y) / N, 2e-5);
      sum += s.gradient[0][i];
      by_bias += s.gradient[1][i];
    }
    ck_assert_double_eq_tol(sum, 0, 1e-4);
    ck_assert_double_eq_tol(by_bias, -1, 0.01);
  }
}
END_TEST

// The sketch's steps
START_TEST(every_step_goes_down) {
  static const char *const names[] = {
      "\n   CLIP  ", "\n   CLIP's encoders, SigLIP's loss", "\n   SigLIP  "};
  for (int seed = 1; seed <= 5; seed++) {
    const char *output = sketch(seed);
    const Printed s = read_back(output);
    for (int i = 0; i < 3; i++) {
      const char *at = after(after(output, "6. ONE STEP"), names[i]);
      const double before = number(&at);
      at = after(at, "->");
      const double later = number(&at);
      at = after(at, "lower by");
      ck_assert_double_lt(later, before);
      ck_assert_double_eq_tol(number(&at), before - later, 1.6e-4);
      if (i < 2) ck_assert_double_eq_tol(before, s.loss[i], 1.1e-4);
    }
  }
}
END_TEST

TEST_MAIN("sketch", a_seed_says_it_all, bad_arguments_have_one_line, shapes_are_as_told,
          the_walk_is_the_encoder, vectors_have_length_one,
          losses_follow_from_the_cosines,
          gradients_follow_from_the_cosines, every_step_goes_down)
