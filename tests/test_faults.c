/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include <ctype.h>

#include "base/random.h"
#include "testing.h"

// A run of milliseconds
static const char *tiny = "--data mnist --patch-size 4 --width 8 --depth 1 --heads 1 "
                          "--batch 4";
static char base[256];

static const char *train(const char *how, const char *run) {
  const bool resume = !strcmp(run, "resumed");
  return text_of("OMP_NUM_THREADS=1 %s %s/train-vit --data-dir %s/data %s %s/%s", how,
                 programs_folder(), base,
                 resume ? "--resume" : text_of("%s --steps 6 --out", tiny), base, run);
}

static void prepare(const char *name) {
  const char *printed;
  snprintf(base, sizeof base, "%s", scratch_folder(name));
  write_digits(text_of("%s/data/mnist", base));
  ck_assert_int_eq(run_command(&printed, "%s", train("", "whole")), 0);
  ck_assert_int_eq(run_command(&printed, "%s --stop-at 4", train("", "half")), 130);
}

// One call fails
typedef struct Call {
  const char *name, *error; /* error NULL: a request for memory */
} Call;

static const char *count_prefix(Call call) {
  return call.error ? text_of("strace -qq -o %s/count -e trace=%s", base, call.name)
                    : text_of("COUNT_REQUESTS=%s/count LD_PRELOAD=build/faults/shim.so",
                              base);
}

static const char *fail_prefix(Call call, int n) {
  return call.error ? text_of("strace -qq -o /dev/null -e trace=%s -e "
                              "inject=%s:error=%s:when=%d", call.name, call.name,
                              call.error, n)
                    : text_of("FAIL_REQUEST=%d LD_PRELOAD=build/faults/shim.so", n);
}
static void begin_run(const char *run) {
  const char *printed;
  run_command(&printed, "rm -rf %s/%s", base, run);
  if (!strcmp(run, "resumed")) run_command(&printed, "cp -r %s/half %s/%s", base, base,
                                           run);
}

static int count_calls(Call call, const char *run) {
  const char *printed;
  begin_run(run);
  ck_assert_msg(run_command(&printed, "%s", train(count_prefix(call), run)) == 0, "%s",
                printed);
  run_command(&printed, call.error ? "wc -l <%s/count" : "cat %s/count", base);
  int count = atoi(printed);
  ck_assert_msg(count > 0, "%s: expected calls, found none: %s", call.name, printed);
  return count;
}

// Judge what is left
static void expect_same_weights(const char *what, int n, const char *run) {
  size_t size[2];
  char *file[2];
  for (int i = 0; i < 2; i++)
    file[i] = read_weights(text_of("%s/%s", base, i ? run : "whole"), &size[i]);
  ck_assert_msg(size[0] == size[1] && !memcmp(file[0], file[1], size[0]),
                "%s %d: other weights than undisturbed", what, n);
  free(file[0]), free(file[1]);
  const char *printed;
  ck_assert_msg(run_command(&printed, "cmp %s/whole/log.tsv %s/%s/log.tsv", base, base,
                            run) == 0, "%s %d: %s", what, n, printed);
}
static void expect_reason(const char *what, int n, int status, const char *printed) {
  const char *end = printed + strlen(printed), *line = end;
  if (line > printed) line--;
  while (line > printed && line[-1] != '\n') line--;
  ck_assert_msg(status < 128, "%s %d: ended by signal %d: %s", what, n, status - 128,
                printed);
  ck_assert_msg(end - line > 12 && strchr(line, ':') && end[-1] == '\n',
                "%s %d: status %d, expected a reason, found '%s'", what, n, status,
                printed);
  ck_assert_msg(!strstr(line, " s left\n"), "%s %d: only progress: '%s'", what, n,
                printed);
}
static void judge(const char *what, int n, int status, const char *printed,
                  const char *run) {
  const char *more;
  if (status) {
    expect_reason(what, n, status, printed);
    bool begun = run_command(&more, "test -e %s/%s/checkpoint.safetensors", base,
                             run) == 0;
    ck_assert_msg(begun || strcmp(run, "resumed"), "%s %d: the checkpoint is gone", what,
                  n);
    if (!begun) return;
    const char *resume = text_of("%s/train-vit --data-dir %s/data --resume %s/%s",
                                 programs_folder(), base, base, run);
    ck_assert_msg(run_command(&more, "OMP_NUM_THREADS=1 %s", resume) == 0,
                  "%s %d: cannot be resumed: %s", what, n, more);
  }
  ck_assert_msg(run_command(&more, "cd %s/%s && ls *.new", base, run) != 0,
                "%s %d: left behind: %s", what, n, more);
  expect_same_weights(what, n, run);
}

// Every call fails once
static void fail_each(Call call, int stride) {
  prepare(call.name);
  const char *const runs[] = {"fresh", "resumed"};
  for (int r = 0; r < 2; r++) {
    const int count = count_calls(call, runs[r]);
    int failures = 0;
    for (int n = 1; n <= count; n += stride) {
      const char *printed;
      begin_run(runs[r]);
      int status = run_command(&printed, "%s", train(fail_prefix(call, n), runs[r]));
      failures += status != 0;
      judge(call.name, n, status, printed, runs[r]);
    }
    ck_assert_msg(failures > 0, "%s: nothing failed in %d calls", call.name, count);
  }
}
START_TEST(memory_runs_out) {
  const char *stride = getenv("FAULT_STRIDE");
  fail_each((Call){"memory", NULL}, stride ? atoi(stride) : 97);
}
END_TEST
START_TEST(files_cannot_be_opened) { fail_each((Call){"openat", "EACCES"}, 1); }
END_TEST
START_TEST(reads_fail) { fail_each((Call){"read", "EIO"}, 1); }
END_TEST
START_TEST(writes_fail) { fail_each((Call){"write", "ENOSPC"}, 1); }
END_TEST
START_TEST(flushes_fail) { fail_each((Call){"fsync", "EIO"}, 1); }
END_TEST
START_TEST(renames_fail) { fail_each((Call){"rename", "EACCES"}, 1); }
END_TEST
START_TEST(folders_cannot_be_made) { fail_each((Call){"mkdir", "ENOSPC"}, 1); }
END_TEST
START_TEST(a_full_disk) {
  const char *printed;
  prepare("full");
  for (int blocks = 0; blocks < 40; blocks += 2) { /* of 1024 bytes */
    begin_run("resumed");
    int status = run_command(&printed, "trap '' XFSZ; ulimit -f %d; %s", blocks,
                             train("", "resumed"));
    judge("blocks", blocks, status, printed, "resumed");
    if (blocks == 0) ck_assert_int_ne(status, 0);
  }
}
END_TEST

TEST_MAIN("faults", memory_runs_out, files_cannot_be_opened, reads_fail, writes_fail,
          flushes_fail, renames_fail, folders_cannot_be_made, a_full_disk)
