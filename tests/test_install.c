/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "testing.h"

static char root[512];

static void install(void) {
  const char *output;
  snprintf(root, sizeof root, "%s", scratch_folder("installed"));
  ck_assert_msg(run_command(&output, "cd %s && pwd", root) == 0, "%s", output);
  snprintf(root, sizeof root, "%.*s", (int)strcspn(output, "\n"), output);
  ck_assert_msg(run_command(&output, "tools/install %s %s 1.0.0 zeroshot classify embed "
                            "inspect export", root, root) == 0, "%s", output);
}

/* What the example prints of a picture and two captions, started in this way. */
static const char *said_by(const char *command) {
  const char *output;
  const int status = run_command(
      &output, "cd %s && LD_LIBRARY_PATH=lib %s $OLDPWD/tests/fixtures/published/clip "
      "$OLDPWD/tests/fixtures/prepare/RGB-97x61.png 'the dog' 'and of'", root, command);
  ck_assert_msg(status == 0, "%s: %s", command, output);
  return text_of("%s", output);
}

static void compiled(const char *compiler, const char *flags) {
  const char *output;
  ck_assert_msg(run_command(&output, "export PKG_CONFIG_PATH=%s/lib/pkgconfig; "
                            "%s -Wall -Wextra -Werror src/examples/which.c -x none "
                            "$(pkg-config --cflags --libs %s sight) -o %s/which", root,
                            compiler, flags, root) == 0, "%s: %s", compiler, output);
}

START_TEST(examples_work_with_what_is_installed) {
  install();
  compiled("cc", "");
  const char *wanted = said_by("./which");
  ck_assert_msg(strstr(wanted, "\tthe dog\n0.") && strstr(wanted, "\tand of\n"), "%s",
                wanted);
  compiled("g++ -x c++", "");
  ck_assert_str_eq(said_by("./which"), wanted);
  compiled("cc -Wl,-Bstatic -Wl,-Bdynamic", "--static");
  ck_assert_str_eq(said_by("./which"), wanted);
  ck_assert_str_eq(said_by("python3 $OLDPWD/src/examples/which.py"), wanted);
}
END_TEST

START_TEST(only_its_own_names_are_seen) {
  const char *output;
  install();
  run_command(&output, "(nm -D --defined-only %s/lib/libsight.so; nm -g --defined-only "
              "%s/lib/libsight.a) | awk 'NF == 3 { print $3 }' | sort -u", root, root);
  ck_assert(strstr(output, "sight_clip_open\n"));
  for (const char *line = output; *line; line = strchr(line, '\n') + 1)
    ck_assert_msg(strncmp(line, "sight_", 6) == 0, "%.60s", line);
}
END_TEST

START_TEST(programs_and_pages_are_there_and_go_again) {
  const char *output;
  install();
  static const char *const programs[] = {"zeroshot", "classify", "embed", "inspect",
                                         "export"};
  for (int i = 0; i < 5; i++) {
    ck_assert_int_eq(run_command(&output, "%s/bin/sight-%s --help", root,
                                 programs[i]), 0);
    ck_assert_int_eq(run_command(&output, "grep -c '^.SH' %s/share/man/man1/sight-%s.1",
                                 root, programs[i]), 0);
    ck_assert_str_eq(output, "8\n");
  }
  ck_assert_msg(run_command(&output, "tools/install --remove %s zeroshot classify embed "
                            "inspect export && find %s -type f", root, root) == 0, "%s",
                output);
  ck_assert_str_eq(output, "");
}
END_TEST

TEST_MAIN("install", examples_work_with_what_is_installed, only_its_own_names_are_seen,
          programs_and_pages_are_there_and_go_again)
