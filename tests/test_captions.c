/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include <unistd.h>

#include "base/error.h"
#include "data/image.h"
#include "testing.h"

static int captions(const char **output, const char *arguments) {
  const char *folder = getenv("PROGRAMS");
  return run_command(output, "%s/captions %s", folder ? folder : "build", arguments);
}

static void arguments_for(char *arguments, const char *folder, const char *data) {
  sprintf(arguments, "--out %s --data-dir %s", folder, data);
}

START_TEST(pictures_come_with_captions) {
  char folder[256], arguments[600];
  const char *output;
  snprintf(folder, sizeof folder, "%s", scratch_folder("captions"));
  arguments_for(arguments, folder, "data");
  ck_assert_msg(captions(&output, arguments) == 0, "%s", output);
  Image image;
  ck_assert(image_load(&image, scratch_path(folder, "scenes.png"), 0));
  ck_assert(image.width == 796 && image.height == 136 && image.channels == 3);
  image_free(&image);
  char *table = read_file(scratch_path(folder, "captions.tsv"), NULL);
  ck_assert_ptr_nonnull(strstr(table, "scenes\t5\ta drawing of a"));
  bool emoji = access("data/emoji/emoji.json", R_OK) == 0;
  ck_assert((strstr(table, "emoji\t5\tan emoji of ") != NULL) == emoji);
  ck_assert((access(scratch_path(folder, "augmented.png"), F_OK) == 0) == emoji);
  free(table);
  char *summary = read_file(scratch_path(folder, "summary.tsv"), NULL);
  ck_assert_str_eq(summary, emoji ? "concepts\t1636\ncaptions\t5559\n"
                                  : "concepts\t0\ncaptions\t0\n");
  free(summary);
}
END_TEST

// Without emoji
START_TEST(without_emoji_there_are_scenes) {
  char folder[256], arguments[600];
  const char *output;
  snprintf(folder, sizeof folder, "%s", scratch_folder("captions"));
  arguments_for(arguments, folder, folder);
  ck_assert_int_eq(captions(&output, arguments), 0);
  ck_assert_ptr_nonnull(strstr(output, "no emoji shown"));
  ck_assert_int_eq(access(scratch_path(folder, "scenes.png"), F_OK), 0);
  ck_assert_int_ne(access(scratch_path(folder, "emoji.png"), F_OK), 0);
}
END_TEST

START_TEST(bad_arguments_have_a_line) {
  char folder[256], arguments[600];
  const char *output;
  ck_assert_int_eq(captions(&output, "surprise"), 2);
  ck_assert_ptr_nonnull(strstr(output, "expected options only, found 'surprise'"));
  ck_assert_int_eq(captions(&output, "--out /proc/nowhere"), 1);
  ck_assert_ptr_nonnull(strstr(output, "/proc/nowhere: cannot make the folder"));
  snprintf(folder, sizeof folder, "%s", scratch_folder("nocaptions/emoji"));
  write_file(scratch_path(folder, "emoji.json"), "[]", 2);
  folder[strlen(folder) - strlen("/emoji")] = 0;
  arguments_for(arguments, folder, folder);
  ck_assert_int_eq(captions(&output, arguments), 1);
  ck_assert_ptr_nonnull(strstr(output, "emoji.json: expected a list of 1 to 10000"));
  ck_assert_int_ne(access(scratch_path(folder, "captions.tsv"), F_OK), 0);
  ck_assert_int_ne(access(scratch_path(folder, "captions.tsv.new"), F_OK), 0);
}
END_TEST

TEST_MAIN("captions", pictures_come_with_captions, without_emoji_there_are_scenes,
          bad_arguments_have_a_line)
