/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "testing.h"

#include "base/error.h"

START_TEST(a_failure_is_one_clean_line) {
  ck_assert(!fail("%s: expected %d, found %d", "a.png", 3, 4));
  ck_assert_str_eq(fail_message(), "a.png: expected 3, found 4");
  ck_assert(!fail("%s: odd name", "a\nb\033[1m"));
  ck_assert_str_eq(fail_message(), "a?b?[1m: odd name");
}
END_TEST

START_TEST(a_long_failure_is_cut) {
  char text[3000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  ck_assert(!fail("%s", text));
  ck_assert_uint_eq(strlen(fail_message()), 1023);
}
END_TEST

TEST_MAIN("error", a_failure_is_one_clean_line, a_long_failure_is_cut)
