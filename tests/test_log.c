/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "train/log.h"

#include "testing.h"

#include "base/error.h"

START_TEST(half_a_row_goes_even_if_its_number_fits) {
  const char *folder = scratch_folder("half");
  const char *path = scratch_path(folder, "log.tsv");
  LogFile j;
  write_file(path, "step\n39\t1\n40\t2\n4", 16); /* "41..." cut to "4" */
  ck_assert(log_open(&j, folder, "log.tsv", "step", 40));
  log_close(&j);
  char *text = read_file(path, NULL);
  ck_assert_str_eq(text, "step\n39\t1\n40\t2\n");
  free(text);
}
END_TEST

START_TEST(a_full_disk_shows_in_the_journal) {
  LogFile j = {.file = fopen("/dev/full", "a"), .path = "log.tsv"};
  log_row(&j, "%d\n", 1);
  ck_assert(!log_flush(&j));
  ck_assert_str_eq(fail_message(), "log.tsv: cannot write: No space left on device");
  fclose(j.file);
}
END_TEST

TEST_MAIN("log", half_a_row_goes_even_if_its_number_fits,
          a_full_disk_shows_in_the_journal)
