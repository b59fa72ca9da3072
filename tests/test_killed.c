/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include "base/random.h"
#include "base/stopwatch.h"
#include "testing.h"

static char base[256];

static const char *train(const char *before, const char *run, bool resume) {
  const char *how = resume ? "--resume"
                           : "--data mnist --patch-size 4 --width 8 --depth 1 --heads 1 "
                             "--batch 4 --steps 60 --out";
  return text_of("OMP_NUM_THREADS=1 %s %s/train-vit --data-dir %s/data %s %s/%s", before,
                 programs_folder(), base, how, base, run);
}
START_TEST(a_killed_run_comes_to_the_same_weights) {
  const char *printed, *times = getenv("KILLS");
  const int kills = times ? atoi(times) : 200;
  RandomKey key = random_key((uint64_t)kills, "kill");
  snprintf(base, sizeof base, "%s", scratch_folder("killed"));
  write_digits(text_of("%s/data/mnist", base));
  double start = stopwatch();
  ck_assert_int_eq(run_command(&printed, "%s", train("", "whole", false)), 0);
  const double seconds = stopwatch() - start;
  size_t size, other;
  char *whole = read_weights(text_of("%s/whole", base), &size);
  int struck = 0;
  for (int k = 0; k < kills; k++) {
    bool begun = false;
    run_command(&printed, "rm -rf %s/run", base);
    // Kill it a few times
    for (int again = 0; again < (k % 3 ? 1 : 2); again++) {
      double moment = seconds * random_uniform(random_subkey(key, (uint64_t)k),
                                               (uint64_t)again);
      const char *timeout = text_of("timeout -s KILL %.4f", moment + 0.001);
      const char *command = train(timeout, "run", begun);
      bool killed = run_command(&printed, "exec 2>/dev/null; %s || exit 9", command) != 0;
      struck += killed && !again;
      begun = run_command(&printed, "test -e %s/run/checkpoint.safetensors", base) == 0;
    }
    // Let it finish and compare
    int status = run_command(&printed, "%s", train("", "run", begun));
    ck_assert_msg(status == 0, "kill %d: cannot be resumed: %s", k, printed);
    char *run = read_weights(text_of("%s/run", base), &other);
    ck_assert_msg(other == size && !memcmp(run, whole, size), "kill %d: other weights", k);
    ck_assert_msg(run_command(&printed, "cmp %s/whole/log.tsv %s/run/log.tsv", base,
                              base) == 0, "kill %d: %s", k, printed);
    free(run);
  }
  ck_assert_msg(struck > kills / 2, "only %d of %d runs were killed", struck, kills);
  free(whole);
}
END_TEST

TEST_MAIN("killed", a_killed_run_comes_to_the_same_weights)
