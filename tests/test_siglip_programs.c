/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/image.h"
#include "testing.h"

static const char small_options[] =
    "--patch-size 8 --width 16 --depth 1 --text-width 16 --text-depth 1 --embed 16 "
    "--batch 64 --steps 12 --warmup 0 --seed 3 --limit 256 --context 12";

static const char *small_run(void) {
  static char folder[512];
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "%s", scratch_folder("siglip-run"));
    expect_program(0, "train-siglip: loss", "train-siglip",
                   text_of("%s --out %s", small_options, folder));
  }
  return folder;
}

/* A file of a run of PROGRAM with these options besides; the caller frees. */
static char *file_of(const char *program, const char *name, const char *options,
                     const char *file) {
  char folder[512];
  snprintf(folder, sizeof folder, "%s", scratch_folder(name));
  expect_program(0, text_of("%s: loss", program), program,
                 text_of("%s %s --out %s", small_options, options, folder));
  return read_file(scratch_path(folder, file), NULL);
}

// How the programs of siglip are used
START_TEST(a_siglip_leaves_its_files) {
  char *log = read_file(scratch_path(small_run(), "log.tsv"), NULL);
  char *summary = read_file(scratch_path(small_run(), "summary.tsv"), NULL);
  ck_assert(strstr(log, "\tlogit_scale\timage_gradient\ttext_gradient\tlogit_bias\n"));
  ck_assert(strstr(log, "\t-10\n")); /* the first step */
  ck_assert(strstr(summary, "loss\tsigmoid\n") && strstr(summary, "pool\tmap\n"));
  ck_assert(strstr(summary, "last_bias\t-"));
  free(log), free(summary);
  size_t count;
  free(read_file(scratch_path(small_run(), "pulls.tsv"), &count));
  ck_assert(count > 24 * 24 * 10);
}
END_TEST

START_TEST(threads_and_stops_change_nothing) {
  char folder[512];
  char *one = file_of("train-siglip", "siglip-one", "--threads 1", "log.tsv");
  char *three = file_of("train-siglip", "siglip-three", "--threads 3", "log.tsv");
  ck_assert_str_eq(one, three);
  snprintf(folder, sizeof folder, "%s", scratch_folder("siglip-stop"));
  expect_program(130, "stopped; go on with", "train-siglip",
                 text_of("%s --stop-at 5 --out %s", small_options, folder));
  expect_program(0, "train-siglip: loss", "train-siglip", text_of("--resume %s", folder));
  char *resumed = read_file(scratch_path(folder, "log.tsv"), NULL);
  ck_assert_str_eq(one, resumed);
  free(one), free(three), free(resumed);
}
END_TEST

/* The loss of the last step in a log. */
static double last_loss(const char *log) {
  double loss = NAN;
  for (const char *line = log; line && *line; line = strchr(line, '\n') + 1)
    sscanf(line, "%*d\t%*d\t%lf", &loss);
  return loss;
}

START_TEST(chunks_change_little) {
  char *whole = file_of("train-siglip", "siglip-whole", "", "log.tsv");
  char *parts = file_of("train-siglip", "siglip-parts", "--chunks 5", "log.tsv");
  ck_assert_double_eq_tol(last_loss(whole), last_loss(parts), 1e-3);
  ck_assert_double_lt(last_loss(whole), 10);
  free(whole), free(parts);
}
END_TEST

START_TEST(every_option_has_its_way) {
  static const char *const with[][3] = {
      {"train-clip", "--loss sigmoid --bias balanced --scale 10", "\t-4.14313\n"},
      {"train-clip", "--loss sigmoid-mean --bias zero --positives captions", "\t0\n"},
      {"train-clip", "--loss sigmoid --bias none --pool mean --style siglip", "sigmoid"},
      {"train-siglip", "--loss half --bias none --scale 14.2857", "half"},
      {"train-siglip", "--text-style clip --project both --embed 8", "both"},
      {"train-siglip", "--repeat 2 --positives captions --logit-lr-scale 5",
       "repeat\t2\n"}};
  for (int i = 0; i < 6; i++) {
    char *found = file_of(with[i][0], "siglip-with", with[i][1],
                          i < 2 ? "log.tsv" : "summary.tsv");
    ck_assert_msg(strstr(found, with[i][2]) != NULL, "%s: no %s", with[i][1], with[i][2]);
    free(found);
  }
}
END_TEST

/* A softmax over one caption is 1; a sigmoid is what it is. */
START_TEST(captions_get_their_own_answer) {
  const char *output, *path = text_of("%s/picture.png", small_run());
  Image image = image_new(40, 30, 3, 99);
  double p = 2;
  ck_assert(image_save(&image, path));
  image_free(&image);
  ck_assert_int_eq(run_command(&output, "%s/zeroshot %s %s -- 'a red circle'",
                               programs_folder(), small_run(), path), 0);
  double logit;
  int rank = 0;
  ck_assert_int_eq(sscanf(output + strlen(path), "%lf logit %lf rank %d", &p, &logit,
                          &rank), 3);
  ck_assert(p >= 0 && p < 0.5 && rank == 1);
  ck_assert_double_eq_tol(logit, log(p / (1 - p)), 0.02);
}
END_TEST

START_TEST(a_siglip_is_no_teacher) {
  expect_program(2, "--teacher: expected an encoder with CLS or a mean", "train-eva",
                 text_of("--teacher %s --patch-size 8 --limit 256 --steps 2 --out %s",
                         small_run(), scratch_folder("siglip-eva")));
  expect_program(0, "linear\t0.", "probe", /* but its encoder can be looked at */
                 text_of("--steps 20 --labels 100 --test 200 %s", small_run()));
}
END_TEST

START_TEST(memory_is_printed) {
  const char *output;
  double at[8];
  int N;
  ck_assert_int_eq(run_command(&output, "%s/pair-memory --most 1024", programs_folder()),
                   0);
  const char *last = strstr(output, "1024\t");
  ck_assert_int_eq(sscanf(last, "%d%lf%lf%lf%lf%lf%lf%lf%lf", &N, &at[0], &at[1], &at[2],
                          &at[3], &at[4], &at[5], &at[6], &at[7]), 9);
  ck_assert_double_gt(at[2], 2 * at[4]); /* all at once, or in sixteen chunks */
  expect_program(2, "--most: expected an integer from 64", "pair-memory", "--most 1");
  expect_program(2, "expected options only, found 'x'", "pair-memory", "x");
}
END_TEST

// How the programs of siglip refuse
START_TEST(impossible_siglips_are_refused) {
  static const char *const bad[][2] = {
      {"--loss half", "--bias: expected none with InfoNCE, found paper"},
      {"--loss half --bias none --chunks 2", "--chunks: expected loss sigmoid"},
      {"--chunks 65", "--chunks: expected at most --batch 64, found 65"},
      {"--repeat 3", "--repeat: expected a divisor of --batch 64, found 3"},
      {"--embed 12", "--embed: expected the image encoder's width 16"}};
  for (int i = 0; i < 5; i++)
    expect_program(2, bad[i][1], "train-siglip",
                   text_of("--patch-size 8 --width 16 --text-width 16 --embed 16 "
                           "--batch 64 --limit 256 --steps 2 --out %s %s",
                           scratch_folder("siglip-no"), bad[i][0]));
  expect_program(1, "emoji.json: cannot open", "train-siglip",
                 text_of("--data emoji-three --data-dir /nowhere --out %s",
                         scratch_folder("siglip-no")));
}
END_TEST

TEST_MAIN("siglip programs", a_siglip_leaves_its_files, threads_and_stops_change_nothing,
          chunks_change_little, every_option_has_its_way, captions_get_their_own_answer,
          a_siglip_is_no_teacher, memory_is_printed,
          impossible_siglips_are_refused)
