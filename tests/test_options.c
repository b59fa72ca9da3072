/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "app/options.h"

#include <omp.h>

#include "testing.h"

#include "base/error.h"

static int count = 3, kind = 1;
static double rate = 0.1;
static const char *out = "runs";
static Option table[] = {
    INT_OPTION("count", count, 1, 9, "how many"),
    NUMBER_OPTION("rate", rate, 0, 1, "how fast"),
    TEXT_OPTION("out", out, "where"),
    CHOICE_OPTION("kind", kind, "naive|fast|other", "which"),
};

START_TEST(values_are_set_and_read_back) {
  const char *texts[] = {"7", "0.30000000000000004", "a folder", "other"};
  for (int i = 0; i < 4; i++) {
    ck_assert(option_set(&table[i], texts[i]));
    char *text = option_value(&table[i]);
    ck_assert_str_eq(text, texts[i]);
    free(text);
  }
  ck_assert_int_eq(count, 7);
  ck_assert_int_eq(kind, 2);
  ck_assert_double_eq(rate, 0.30000000000000004);
}
END_TEST

START_TEST(bad_values_are_refused_and_change_nothing) {
  const char *bad[][2] = {
      {"0", "--count: expected an integer from 1 to 9, found '0'"},
      {"10", "--count: expected an integer from 1 to 9, found '10'"},
      {"3x", "--count: expected an integer from 1 to 9, found '3x'"},
      {"", "--count: expected an integer from 1 to 9, found ''"},
      {"99999999999999999999",
       "--count: expected an integer from 1 to 9, found '99999999999999999999'"}};
  count = 3;
  for (int i = 0; i < 5; i++) {
    ck_assert(!option_set(&table[0], bad[i][0]));
    ck_assert_str_eq(fail_message(), bad[i][1]);
  }
  ck_assert_int_eq(count, 3);
  ck_assert(!option_set(&table[1], "nan"));
  ck_assert_str_eq(fail_message(),
                   "--rate: expected a number from 0 to 1, found 'nan'");
  ck_assert(!option_set(&table[3], "fas"));
  ck_assert_str_eq(fail_message(),
                   "--kind: expected one of naive|fast|other, found 'fas'");
}
END_TEST

START_TEST(a_command_line_is_read) {
  char *line[] = {"p", "--count=5", "picture.png", "--kind", "fast", NULL};
  Program program = {"p", "IMAGE", "A test.", table, 4};
  int first = options_parse(&program, 5, line);
  ck_assert_int_eq(first, 4);
  ck_assert_str_eq(line[first], "picture.png");
  ck_assert_int_eq(count, 5);
  ck_assert_int_eq(kind, 1);
  ck_assert(table[0].given && table[3].given && !table[1].given);
}
END_TEST

// Words of others
START_TEST(words_of_others_start_nothing) {
  char *line[] = {"p", "--count=5", NULL};
  Program program = {"p", "", "A test.", table, 4};
  ck_assert_ptr_null(getenv("STARTED_AGAIN"));
  setenv("STARTED_AGAIN", "yes", 1);
  unsetenv("OMP_WAIT_POLICY");
  unsetenv("GOMP_SPINCOUNT");
  omp_set_num_threads(2);
  ck_assert_int_eq(options_parse(&program, 2, line), 2);
}
END_TEST

// Bounds
START_TEST(bounds_belong_to_the_range) {
  Option *n = &table[0], *x = &table[1]; /* 1 to 9, 0 to 1 */
  ck_assert(option_set(n, "1") && count == 1 && option_set(n, "9") && count == 9);
  ck_assert(option_set(x, "0") && rate == 0 && option_set(x, "1") && rate == 1);
  ck_assert(!option_set(x, "-0.001") && !option_set(x, "1.001") && rate == 1);
}
END_TEST

TEST_MAIN("options", bounds_belong_to_the_range,
          values_are_set_and_read_back,
          bad_values_are_refused_and_change_nothing, a_command_line_is_read,
          words_of_others_start_nothing)
