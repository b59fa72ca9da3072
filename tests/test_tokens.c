/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include <unistd.h>

#include "testing.h"

#include "base/error.h"

/* Run a command line in which % stands for the folder of the programs; expect
   its status and this text in what it prints. */
static void expect(int status, const char *text, const char *line) {
  const char *folder = getenv("PROGRAMS"), *output;
  char command[2048];
  size_t n = 0;
  for (; *line && n < 1900; line++)
    if (*line == '%') n += (size_t)sprintf(command + n, "%s", folder ? folder : "build");
    else command[n++] = *line;
  command[n] = 0;
  int got = run_command(&output, "%s", command);
  ck_assert_msg(got == status && strstr(output, text),
                "%s: status %d, expected %d; '%s' should have '%s'", command, got, status,
                output, text);
}

/* The same with the path of a file in the line, for which it has %%s. */
#define EXPECT_WITH(status, text, format, ...)          \
  do {                                                  \
    char line[2048];                                    \
    snprintf(line, sizeof line, format, __VA_ARGS__);   \
    expect(status, text, line);                         \
  } while (0)

// What tokens prints and refuses
START_TEST(merges_are_learnt_saved_and_read) {
  const char *folder = scratch_folder("tokens");
  char text[512], merges[512];
  snprintf(text, sizeof text, "%s/text", folder);
  snprintf(merges, sizeof merges, "%s/merges", folder);
  write_file(text, "a red ring\na red\0thing\na ring", 29);
  EXPECT_WITH(0, "", "%%/tokens --train %s --out %s", text, merges);
  EXPECT_WITH(0, "320 516 83 71 513\ta</w> red</w> t h ing</w>\n",
              "%%/tokens --merges %s 'A  red thing'", merges);
  EXPECT_WITH(0, "81 68 323 81 513\tr e d</w> r ing</w>\n",
              "%%/tokens --merges %s --vocabulary 516 'red ring'", merges);
  EXPECT_WITH(0, "517 515 518 0 0\t<|startoftext|> ring</w> <|endoftext|> ! !\n",
              "%%/tokens --train %s --context 5 ring", text);
  ck_assert_int_eq(symlink("/dev/full", scratch_path(folder, "merges.new")), 0);
  EXPECT_WITH(1, "merges: cannot write: No space left on device",
              "%%/tokens --train %s --out %s", text, merges);
}
END_TEST

START_TEST(any_line_is_shown) {
  expect(0, "320\ta</w>\n255 444\t\xc5\x83 \xc4\x80</w>\n\n64 321\ta b</w>\n",
         "printf 'a\\n\\255\\000\\n \\nab' | %/tokens");
  expect(0, "", "%/tokens </dev/null");
  expect(1, "tokens: cannot write to standard output", "%/tokens a >/dev/full");
}
END_TEST

START_TEST(bad_options_have_status_two) {
  expect(2, "--merges and --train: expected one of them, found both",
         "%/tokens --merges a --train b");
  expect(2, "--vocabulary: expected 0 or at least 514, found 513",
         "%/tokens --vocabulary 513 a");
  expect(2, "--context: expected 0 or room for start and end, found 1",
         "%/tokens --context 1 a");
  expect(2, "expected at least one FILE and one UNSEEN, found 1 files",
         "%/vocabulary-sizes a");
}
END_TEST

START_TEST(bad_files_have_status_one) {
  const char *path = scratch_path(scratch_folder("badtokens"), "merges");
  write_file(path, "#version\ni n\n", 13);
  EXPECT_WITH(1, "merges: expected 2 merges, found 1",
              "%%/tokens --merges %s --vocabulary 516 a", path);
  expect(1, "tokens: none: cannot open", "%/tokens --merges none a");
  expect(1, "tokens: none: cannot open", "%/tokens --train none a");
  EXPECT_WITH(1, "vocabulary-sizes: none: cannot open",
              "%%/vocabulary-sizes --out %s.out %s none", path, path);
  EXPECT_WITH(1, "merges: expected a folder, found a file",
              "%%/vocabulary-sizes --out %s a b", path);
}
END_TEST

// What vocabulary-sizes writes
START_TEST(sizes_are_measured) {
  const char *folder = scratch_folder("sizes");
  const char *path = scratch_path(folder, "text");
  write_file(path, "a red ring a red thing a ring", 29);
  EXPECT_WITH(0, "", "%%/vocabulary-sizes --vocabulary 530 --out %s %s %s", folder, path,
              path);
  char *sizes = read_file(scratch_path(folder, "sizes.tsv"), NULL);
  /* 22 letters in 8 words; 5 merges make 10 tokens of them */
  ck_assert_str_eq(sizes, "vocabulary\tseen\tunseen\n514\t2.7500\t2.7500\n"
                          "530\t1.2500\t1.2500\n");
  char *merges = read_file(scratch_path(folder, "merges.tex"), NULL);
  ck_assert_int_eq(strncmp(merges, "512 \\lit{in} &\n513 \\lit{ing</w>} &\n", 34), 0);
  free(sizes), free(merges);
}
END_TEST

TEST_MAIN("tokens", merges_are_learnt_saved_and_read, any_line_is_shown,
          bad_options_have_status_two, bad_files_have_status_one,
          sizes_are_measured)
