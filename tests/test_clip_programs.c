/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/image.h"
#include "testing.h"

#include "base/error.h"

/* A small run, which the tests share. */
static const char small_options[] =
    "--patch-size 8 --width 16 --depth 1 --text-width 16 --text-depth 1 --embed 8 "
    "--batch 64 --steps 12 --warmup 0 --seed 3 --limit 256";

static const char *small_run(void) {
  static char folder[512];
  if (!folder[0]) {
    snprintf(folder, sizeof folder, "%s", scratch_folder("clip-run"));
    expect_program(0, "train-clip: loss", "train-clip",
                   text_of("%s --out %s", small_options, folder));
  }
  return folder;
}

static const char *picture(void) {
  static char path[512];
  Image image = image_new(40, 30, 3, 99);
  snprintf(path, sizeof path, "%s", scratch_path(small_run(), "picture.png"));
  ck_assert(image_save(&image, path));
  image_free(&image);
  return path;
}

// How the programs of clip are used
START_TEST(a_run_leaves_its_files) {
  static const char *const files[] = {
      "log.tsv", "eval.tsv", "summary.tsv", "merges.txt", "model.safetensors",
      "checkpoint.safetensors", "similarity-before.tsv", "similarity-after.tsv",
      "plane.tsv", "batches.tsv", "answers.tsv", "answer-0.png"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    size_t count;
    free(read_file(scratch_path(small_run(), files[i]), &count));
    ck_assert_msg(count > 0, "%s", files[i]);
  }
  char *log = read_file(scratch_path(small_run(), "log.tsv"), NULL);
  ck_assert(strstr(log, "batch_accuracy\tlogit_scale\timage_gradient\ttext_gradient\n"));
  free(log);
}
END_TEST

/* The whole log of a run with these options. */
static char *log_of(const char *name, const char *options) {
  char folder[512];
  snprintf(folder, sizeof folder, "%s", scratch_folder(name));
  expect_program(0, "train-clip: loss", "train-clip",
                 text_of("%s %s --out %s", small_options, options, folder));
  return read_file(scratch_path(folder, "log.tsv"), NULL);
}

START_TEST(threads_change_nothing) {
  char *one = log_of("clip-one", "--threads 1"), *three = log_of("clip-3", "--threads 3");
  ck_assert_str_eq(one, three);
  free(one), free(three);
}
END_TEST

START_TEST(a_stopped_run_goes_on_to_the_same_end) {
  char folder[512];
  snprintf(folder, sizeof folder, "%s", scratch_folder("clip-stop"));
  expect_program(130, "stopped; go on with", "train-clip",
                 text_of("%s --stop-at 5 --out %s", small_options, folder));
  expect_program(0, "train-clip: loss", "train-clip", text_of("--resume %s", folder));
  size_t sizes[2];
  char *a = read_file(scratch_path(folder, "log.tsv"), &sizes[0]);
  char *b = read_file(scratch_path(small_run(), "log.tsv"), &sizes[1]);
  ck_assert_str_eq(a, b);
  free(a), free(b);
}
END_TEST

START_TEST(captions_get_probabilities) {
  const char *output;
  char first[512], line[256];
  double p[3], sum = 0;
  snprintf(first, sizeof first, "%s", picture());
  int status = run_command(&output, "%s/zeroshot %s %s -- 'a red circle' '' 'zzz'",
                           programs_folder(), small_run(), first);
  ck_assert_msg(status == 0, "%s", output);
  for (int i = 0; i < 3; i++) {
    ck_assert(strncmp(output, first, strlen(first)) == 0);
    ck_assert_int_eq(sscanf(output + strlen(first), "%lf", &p[i]), 1);
    sum += p[i];
    output = strchr(output, '\n') + 1;
  }
  ck_assert_double_eq_tol(sum, 1, 2e-4);
  snprintf(line, sizeof line, "%.4f\ta caption", 1.0);
  expect_program(0, line, "zeroshot",
                 text_of("%s %s %s -- 'a caption'", small_run(), first, first));
}
END_TEST

START_TEST(templates_make_an_ensemble) {
  const char *path = text_of("%s", scratch_path(small_run(), "templates"));
  write_file(path, "a {}\nanother {}\n\n", 17);
  expect_program(0, "1.0000\tred", "zeroshot",
                 text_of("--templates %s %s %s -- red", path, small_run(), picture()));
  expect_program(0, "1.0000\t", "zeroshot",
                 text_of("%s %s -- \"$(head -c 100000 /dev/zero | tr '\\0' 'a')\"",
                         small_run(), picture()));
  expect_program(0, "\t", "zeroshot",
                 text_of("%s %s -- \"$(printf '\\377\\376\\300')\" b", small_run(),
                         picture()));
}
END_TEST

START_TEST(the_encoder_can_be_probed) {
  const char *run = small_run();
  expect_program(0, "neighbours\t0.", "probe",
                 text_of("--steps 20 --labels 100 --test 200 %s", run));
  expect_program(0, "linear\t0.", "probe",
                 text_of("--data shapes --steps 20 --test 100 --weights random %s", run));
}
END_TEST

// How the programs of clip refuse
START_TEST(bad_arguments_have_status_two) {
  const char *run = small_run(), *image = picture();
  expect_program(2, "expected MODEL and at least one IMAGE, found 0", "zeroshot", "");
  expect_program(2, "expected MODEL and at least one IMAGE, found 1", "zeroshot",
                 text_of("%s -- a", run));
  expect_program(2, "expected captions after --, found none", "zeroshot",
                 text_of("%s %s", run, image));
  expect_program(2, "expected captions after --, found none", "zeroshot",
                 text_of("%s %s --", run, image));
  expect_program(2, "expected the folder of one run, found 0", "probe", "");
  expect_program(1, "expected an encoder for 28 x 28 pictures of 1 channels", "probe",
                 text_of("--data mnist %s", run));
  expect_program(2, "--k: expected at most the 9 labelled pictures, found 20", "probe",
                 text_of("--labels 9 --test 10 %s", run));
  // Refuse sizes that cannot be trained
  expect_program(2, "--vocabulary: expected an integer from 514", "train-clip",
                 "--vocabulary 513");
  expect_program(2, "--text-heads: expected a divisor of text-width 64, found 5",
                 "train-clip", text_of("--text-heads 5 --out %s", scratch_folder("no")));
  expect_program(2, "--batch: expected at most the 256 training pictures, found 257",
                 "train-clip", text_of("--limit 256 --batch 257 --out %s",
                                       scratch_folder("no")));
  expect_program(2, "--batch: expected at most the 1000 test pictures, found 1001",
                 "train-clip", text_of("--limit 1001 --batch 1001 --out %s",
                                       scratch_folder("no")));
}
END_TEST

/* A copy of the run in which one file is replaced. */
static const char *spoilt(const char *file, const char *bytes, size_t count) {
  const char *output, *folder = text_of("%s", scratch_folder("spoilt"));
  run_command(&output, "cp %s/*.safetensors %s/merges.txt %s", small_run(), small_run(),
              folder);
  write_file(scratch_path(folder, file), bytes, count);
  return folder;
}

/* Emoji of which there are three. */
static const char *few_emoji(void) {
  static const char item[] =
      "{\"name\":\"A%d\",\"short_names\":[\"a%d\"],\"category\":\"Objects\","
      "\"subcategory\":\"s\",\"sheet_x\":%d,\"sheet_y\":0,\"has_img_google\":true,"
      "\"has_img_twitter\":true}";
  const char *folder = text_of("%s", scratch_folder("few-emoji"));
  const char *items[3], *output;
  run_command(&output, "mkdir %s/emoji", folder);
  for (int i = 0; i < 3; i++) items[i] = text_of(item, i, i, i);
  const char *list = text_of("[%s,%s,%s]", items[0], items[1], items[2]);
  Image sheet = image_new(3 * 34, 34, 3, 200);
  ck_assert(image_save(&sheet, text_of("%s/emoji/google-32.png", folder)));
  ck_assert(image_save(&sheet, text_of("%s/emoji/twitter-32.png", folder)));
  write_file(text_of("%s/emoji/emoji.json", folder), list, strlen(list));
  image_free(&sheet);
  return folder;
}

START_TEST(bad_files_are_named) {
  const char *image = picture(), *none = scratch_path(small_run(), "none");
  expect_program(1, "/nowhere: cannot open", "zeroshot",
                 text_of("/nowhere %s -- a", image));
  expect_program(1, "none: cannot open", "zeroshot",
                 text_of("%s %s -- a", small_run(), none));
  expect_program(1, "cannot open", "zeroshot",
                 text_of("--templates %s %s %s -- a", none, small_run(), image));
  expect_program(1, "merges.txt: expected", "zeroshot",
                 text_of("%s %s -- a", spoilt("merges.txt", "#version: 0.2\na b\n", 18),
                         image));
  expect_program(1, "model.safetensors: expected", "zeroshot",
                 text_of("%s %s -- a", spoilt("model.safetensors", "nonsense", 8),
                         image));
  // Name bad templates and bad data
  expect_program(1, "templates: expected {} in each prompt, found 'red'", "zeroshot",
                 text_of("--templates %s/templates %s %s -- a",
                         spoilt("templates", "red\n", 4), small_run(), image));
  expect_program(1, "templates: expected at least one prompt with {}, found none",
                 "zeroshot", text_of("--templates %s/templates %s %s -- a",
                                     spoilt("templates", "\n", 1), small_run(), image));
  expect_program(1, "emoji.json: cannot open", "train-clip",
                 text_of("--data emoji --data-dir %s --out %s", small_run(),
                         scratch_path(small_run(), "new")));
  const char *few = few_emoji();
  expect_program(1, "expected at least 200 test pictures, found 3", "train-clip",
                 text_of("--data emoji --data-dir %s --batch 2 --vocabulary 514 "
                         "--steps 1 --out %s/run", few, few));
}
END_TEST

START_TEST(full_disks_are_named) {
  static const char *const files[] = {"merges.txt", "similarity-before.tsv",
                                      "plane.tsv", "answers.tsv", "summary.tsv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const char *output, *folder = text_of("%s", scratch_folder("full"));
    run_command(&output, "ln -s /dev/full %s/%s.new", folder, files[i]);
    expect_program(1, text_of("%s: cannot write: No space left", files[i]), "train-clip",
                   text_of("%s --steps 2 --out %s", small_options, folder));
  }
}
END_TEST

TEST_MAIN("clip programs", a_run_leaves_its_files, threads_change_nothing,
          a_stopped_run_goes_on_to_the_same_end, captions_get_probabilities,
          templates_make_an_ensemble, the_encoder_can_be_probed,
          bad_arguments_have_status_two, bad_files_are_named, full_disks_are_named)
