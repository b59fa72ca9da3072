/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "io/safetensors.h"
#include "testing.h"

// Results are not lost
START_TEST(lost_results_are_noticed) {
  static const char *const programs[] = {
      "tape-example", "configurations", "curves",
      "sketch", "train-vit --help", "tokens --help", "patches --out build/scratch/lost"};
  const char *printed;
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    const char *name = text_of("%.*s", (int)strcspn(programs[i], " "), programs[i]);
    int status = run_command(&printed, "%s/%s >/dev/full", programs_folder(),
                             programs[i]);
    ck_assert_msg(status == 1 && strstr(printed, text_of("%s: cannot write to standard "
                  "output: No space left on device\n", name)), "%s: status %d: %s",
                  programs[i], status, printed);
    status = run_command(&printed, "%s/%s >&-", programs_folder(), programs[i]);
    ck_assert_msg(status == 1 && strstr(printed, "cannot write to standard output"),
                  "%s, closed: status %d: %s", programs[i], status, printed);
  }
}
END_TEST

// A refused command changes nothing
#define FEW "--limit 200 --batch 16 --steps 3 --warmup 0 --width 16 --depth 1 "

/* Names, sizes and sums of all files in a folder. */
static char *contents(const char *folder) {
  const char *printed;
  run_command(&printed, "cd %s && ls && cksum *", folder);
  return strdup(printed);
}

START_TEST(a_refused_command_changes_nothing) {
  static const char *const refused[] = {
      "", "--width 17", "--batch 5000 --overwrite", "--warmup 3 --overwrite",
      "--patch-size 5 --overwrite", "--data mnist --data-dir nowhere --overwrite",
      "--from nowhere --overwrite", "--lr x --overwrite"};
  const char *folder = text_of("%s", scratch_folder("finished")), *printed;
  expect_program(0, "test accuracy", "train-vit", text_of(FEW "--out %s", folder));
  char *before = contents(folder);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    const int status = run_command(&printed, "%s/train-vit " FEW "%s --out %s",
                                   programs_folder(), refused[i], folder);
    char *after = contents(folder);
    ck_assert_msg(status == 1 || status == 2, "%s: status %d: %s", refused[i], status,
                  printed);
    ck_assert_msg(!strcmp(before, after), "%s: found another folder:\n%s", refused[i],
                  after);
    free(after);
  }
  expect_program(2, "found a finished run in", "train-vit",
                 text_of(FEW "--out %s", folder));
  free(before);
}
END_TEST

START_TEST(an_old_run_goes_as_a_whole) {
  const char *folder = text_of("%s", scratch_folder("replaced"));
  expect_program(0, "test accuracy", "train-vit", text_of(FEW "--out %s", folder));
  write_file(scratch_path(folder, "mine.txt"), "x", 1);
  expect_program(130, "stopped; go on with", "train-vit",
                 text_of(FEW "--stop-at 1 --overwrite --out %s", folder));
  ck_assert_int_ne(access(scratch_path(folder, "summary.tsv"), F_OK), 0);
  ck_assert_int_ne(access(scratch_path(folder, "attention.png"), F_OK), 0);
  ck_assert_int_eq(access(scratch_path(folder, "mine.txt"), F_OK), 0);
  expect_program(2, "found a stopped run in", "train-vit",
                 text_of(FEW "--out %s", folder));
}
END_TEST

// One folder, one program
/* Start a long run; returns the process once its folder has a checkpoint. */
static pid_t start_long_run(const char *folder) {
  const char *name = text_of("%s/train-vit", programs_folder());
  const char *checkpoint = text_of("%s/checkpoint.safetensors", folder);
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_WRONLY);
    dup2(nothing, 1), dup2(nothing, 2);
    execl(name, name, "--limit", "200", "--batch", "16", "--width", "16", "--steps",
          "1000000", "--out", folder, (char *)NULL);
    _exit(127);
  }
  for (int i = 0; i < 600 && access(checkpoint, F_OK) != 0; i++) usleep(50000);
  ck_assert_int_eq(access(checkpoint, F_OK), 0);
  return child;
}

START_TEST(the_second_program_is_refused) {
  const char *folder = text_of("%s", scratch_folder("busy"));
  const pid_t first = start_long_run(folder);
  const char *busy = text_of("expected a folder that no other program is writing to, "
                             "found process %ld at work", (long)first);
  expect_program(1, busy, "train-vit", text_of(FEW "--overwrite --out %s", folder));
  expect_program(1, busy, "train-vit", text_of("--resume %s", folder));
  kill(first, SIGKILL);
  ck_assert_int_eq(waitpid(first, NULL, 0), first);
}
END_TEST

START_TEST(a_killed_program_leaves_no_lock) {
  const char *folder = text_of("%s", scratch_folder("killed-lock"));
  const pid_t first = start_long_run(folder);
  kill(first, SIGKILL);
  ck_assert_int_eq(waitpid(first, NULL, 0), first);
  expect_program(0, "test accuracy", "train-vit",
                 text_of(FEW "--overwrite --out %s", folder));
  ck_assert_int_ne(access(scratch_path(folder, "lock"), F_OK), 0);
}
END_TEST

// The data must be the same
START_TEST(other_data_are_refused) {
  const char *data = text_of("%s", scratch_folder("data"));
  const char *folder = text_of("%s", scratch_folder("on-data")), *printed;
  run_command(&printed, "mkdir -p %s/mnist", data);
  write_digits(text_of("%s/mnist", data));
  const char *run = text_of("--resume %s --data-dir %s", folder, data);
  expect_program(130, "stopped; go on with", "train-vit",
                 text_of("--data mnist --data-dir %s --patch-size 4 --width 16 --depth 1 "
                         "--batch 8 --steps 6 --warmup 0 --stop-at 2 --out %s", data,
                         folder));
  const char *images = text_of("%s/mnist/train-images-idx3-ubyte", data);
  size_t count;
  char *bytes = read_file(images, &count);
  bytes[count - 1] ^= 1;
  write_file(images, bytes, count);
  char *before = contents(folder);
  expect_program(1, "expected the data that the run was trained on (16 and 4 pictures of "
                 "1 x 8 x 8, check sum ", "train-vit", run);
  char *after = contents(folder);
  ck_assert_str_eq(before, after);
  bytes[count - 1] ^= 1;
  write_file(images, bytes, count);
  expect_program(0, "test accuracy", "train-vit", run);
  free(bytes), free(before), free(after);
}
END_TEST

// Long paths and closed descriptors
/* A folder whose path has at least so many bytes. */
static char *long_path(const char *start, size_t length) {
  char *path = calloc(2 * PATH_MAX, 1);
  strcpy(path, start);
  while (strlen(path) < length) strcat(path, "/a-folder-with-a-name-of-some-length");
  return path;
}

START_TEST(long_paths_are_whole) {
  const char *base = text_of("%s", scratch_folder("long"));
  char *first = long_path(base, 2000), *second = long_path(text_of("%s/b", base), 3000);
  char *command = calloc(8 * PATH_MAX, 1), *too_long = long_path(base, PATH_MAX - 10);
  sprintf(command, FEW "--out %s", first);
  expect_program(0, "test accuracy", "train-vit", command);
  sprintf(command, "--limit 200 --batch 16 --steps 3 --warmup 0 --stop-at 1 --from %s "
          "--out %s", first, second);
  expect_program(130, "stopped; go on with", "train-vit", command);
  sprintf(command, "--resume %s", second);
  expect_program(0, "test accuracy", "train-vit", command);
  too_long[PATH_MAX - 10] = 0; /* the folder fits, its files do not */
  sprintf(command, FEW "--out %s", too_long);
  expect_program(1, "expected a path of at most 4095 bytes", "train-vit", command);
  sprintf(command, FEW "--out %s/and-more-than-the-system-takes", too_long);
  expect_program(1, "expected a path of at most 4095 bytes", "train-vit", command);
  free(first), free(second), free(too_long), free(command);
}
END_TEST

/* A comma for a point in some other language would change every number. */
START_TEST(scripts_speak_no_language) {
  const char *printed;
  run_command(&printed, "grep -L '^export LC_ALL *:*=  *C$\\|^export LC_ALL=C$' Makefile "
              "data/fetch $(grep -ls '^#!/bin/sh' tools/* tools/web/*)");
  ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(no_variable_adds_a_run) {
  const char *plain, *with;
  run_command(&plain, "env -u MAKEFLAGS -u MAKELEVEL make -n book 2>&1 | cksum");
  plain = text_of("%s", plain);
  run_command(&with, "env -u MAKEFLAGS -u MAKELEVEL RUN_DISPLAY_URL=x RUN_x=y RUNS=z "
              "OPTIONS=z make -n book 2>&1 | cksum");
  ck_assert_str_eq(plain, with);
  ck_assert_int_gt(atoi(strchr(plain, ' ')), 1000); /* it says what it would do */
}
END_TEST

/* How OpenMP waits in a program that is started with these variables, in its words. */
static const char *way_of_waiting(const char *variables) {
  const char *printed;
  run_command(&printed, "env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT "
              "OMP_DISPLAY_ENV=verbose %s %s/train-vit --help 2>&1 | "
              "sed -n \"s/.*GOMP_SPINCOUNT = '\\(.*\\)'.*/\\1/p\" | tail -n 1",
              variables, programs_folder());
  return text_of("%s", printed);
}

START_TEST(waiting_threads_sleep) {
  ck_assert_int_eq(atol(way_of_waiting("OMP_NUM_THREADS=2")), 0);
  ck_assert_int_eq(atol(way_of_waiting("OMP_NUM_THREADS=2 GOMP_SPINCOUNT=77")), 77);
  ck_assert_int_gt(atol(way_of_waiting("OMP_NUM_THREADS=1")), 0); /* nobody to wait for */
}
END_TEST

START_TEST(no_file_takes_a_standard_descriptor) {
  const char *folder = text_of("%s", scratch_folder("closed")), *printed;
  run_command(&printed, "%s/train-vit " FEW "--out %s <&- >&- 2>&-", programs_folder(),
              folder);
  char *log = read_file(scratch_path(folder, "log.tsv"), NULL);
  ck_assert_msg(!strncmp(log, "step\tepoch\t", 11) && !strstr(log, "train-vit"), "%s",
                log);
  Safetensors *file = safetensors_read(scratch_path(folder, "model.safetensors"));
  ck_assert_msg(file != NULL, "%s", fail_message());
  safetensors_free(file), free(log);
}
END_TEST

TEST_MAIN("manners", lost_results_are_noticed, a_refused_command_changes_nothing,
          an_old_run_goes_as_a_whole, the_second_program_is_refused,
          a_killed_program_leaves_no_lock, other_data_are_refused,
          long_paths_are_whole, no_file_takes_a_standard_descriptor,
          scripts_speak_no_language, no_variable_adds_a_run, waiting_threads_sleep)
