/* Tangled from chapters/14-evolution.nw: edit that, not this. */
#include "testing.h"

/* A small run, to be looked at. */
static const char *small_run(void) {
  static char folder[512];
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "%s", scratch_folder("evolution"));
    expect_program(0, "train-siglip: loss", "train-siglip",
                   text_of("--patch-size 8 --width 16 --depth 1 --text-width 16 "
                           "--text-depth 1 --embed 16 --batch 64 --steps 12 --warmup 0 "
                           "--limit 256 --context 12 --out %s", folder));
  }
  return folder;
}

/* The value behind KEY in a text of lines. */
static double value_of(const char *text, const char *key) {
  const char *line = strstr(text, text_of("%s\t", key));
  ck_assert_msg(line != NULL, "no %s in %s", key, text);
  return atof(line + strlen(key) + 1);
}

START_TEST(a_run_is_looked_at_again) {
  static const char *const keys[] = {"test_to_text_r10", "test_to_image_r1",
                                     "single_seen", "single_held_out_of_all"};
  char *summary = read_file(scratch_path(small_run(), "summary.tsv"), NULL);
  const char *output;
  ck_assert_int_eq(run_command(&output, "%s/evolution %s", programs_folder(),
                               small_run()), 0);
  for (int i = 0; i < 4; i++) /* the same scenes, the same numbers */
    ck_assert_double_eq(value_of(output, keys[i]), value_of(summary, keys[i]));
  free(summary);
  expect_program(0, "single_seen\t", "evolution", text_of("--test 50 --seed 3 %s",
                                                          small_run()));
}
END_TEST

START_TEST(what_is_no_run_is_refused) {
  expect_program(2, "expected the folder of one run, found 0", "evolution", "");
  expect_program(2, "expected the folder of one run, found 2", "evolution", "a b");
  expect_program(2, "--test: expected an integer from 50", "evolution", "--test 1 a");
  expect_program(1, "/nowhere/model.safetensors: cannot open", "evolution", "/nowhere");
}
END_TEST

TEST_MAIN("evolution", a_run_is_looked_at_again, what_is_no_run_is_refused)
