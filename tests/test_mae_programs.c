/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "testing.h"

#include "base/error.h"
#include "io/safetensors.h"

static const char small_options[] =
    "--width 16 --depth 1 --decoder-width 8 --batch 64 --steps 8 --warmup 0 --limit 256";

static char *log_of(const char *folder, const char *options) {
  expect_program(0, "train-mae: error", "train-mae",
                 text_of("%s %s --out %s", small_options, options, folder));
  return read_file(scratch_path(folder, "log.tsv"), NULL);
}

START_TEST(a_run_leaves_its_files) {
  static const char *const files[] = {"log.tsv",      "eval.tsv",   "summary.tsv",
                                      "filled-4.png", "ratios.png", "model.safetensors"};
  const char *folder = text_of("%s", scratch_folder("mae"));
  char *log = log_of(folder, "--threads 1");
  ck_assert(strstr(log, "\tnormalized_error\n"));
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    free(read_file(scratch_path(folder, files[i]), NULL));
  expect_program(0, "linear\t0.", "probe",
                 text_of("--data shapes --steps 20 --test 100 %s", folder));
  char *more = log_of(text_of("%s", scratch_folder("mae-3")), "--threads 3");
  ck_assert_str_eq(log, more);
  free(log), free(more);
}
END_TEST

START_TEST(a_stopped_run_goes_on_to_the_same_end) {
  const char *folder = text_of("%s", scratch_folder("mae-stop"));
  expect_program(130, "stopped; go on with", "train-mae",
                 text_of("%s --stop-at 5 --out %s", small_options, folder));
  expect_program(0, "train-mae: error", "train-mae", text_of("--resume %s", folder));
  char *a = read_file(scratch_path(folder, "log.tsv"), NULL);
  char *b = log_of(text_of("%s", scratch_folder("mae-whole")), "");
  ck_assert_str_eq(a, b);
  free(a), free(b);
}
END_TEST

START_TEST(what_is_impossible_is_named) {
  const char *folder = text_of("%s", scratch_folder("mae-bad"));
  expect_program(2, "--patch-size: expected less than the whole picture, found 32",
                 "train-mae", "--patch-size 32");
  expect_program(2, "--ratio: expected a number from 0.01 to 0.99, found '1'",
                 "train-mae", "--ratio 1");
  expect_program(2, "--decoder-heads: expected a divisor of decoder-width 48, found 5",
                 "train-mae", "--decoder-heads 5");
  expect_program(2, "--decoder-width: expected a multiple of 4, found 6", "train-mae",
                 "--decoder-width 6 --decoder-heads 2");
  expect_program(2, "--width: expected a multiple of 4 for sincos positions, found 6",
                 "train-mae", "--width 6 --heads 2");
  expect_program(1, "mnist/train-images-idx3-ubyte: expected this file", "train-mae",
                 text_of("--data mnist --data-dir %s", folder));
}
END_TEST

START_TEST(full_disks_are_named) {
  static const char *const files[] = {"filled-4.png", "ratios.png", "summary.tsv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const char *output, *folder = text_of("%s", scratch_folder("mae-full"));
    run_command(&output, "ln -s /dev/full %s/%s.new", folder, files[i]);
    expect_program(1, text_of("%s: cannot write: No space left", files[i]), "train-mae",
                   text_of("%s --out %s", small_options, folder));
  }
}
END_TEST

// Fine-tuning a run's encoder
START_TEST(an_encoder_is_fine_tuned) {
  static const char few[] = "--batch 32 --steps 4 --warmup 0 --lr 0 --labels 160";
  const char *first = text_of("%s", scratch_folder("tune-first"));
  const char *second = text_of("%s", scratch_folder("tune-second"));
  expect_program(0, "train-mae: error", "train-mae",
                 text_of("--width 16 --depth 1 --decoder-width 8 --steps 2 --warmup 0 "
                         "--limit 256 --out %s", first));
  expect_program(0, "test accuracy", "train-vit",
                 text_of("%s --from %s --out %s", few, first, second));
  real value[2][16 * 48];
  const char *folders[] = {first, second};
  // Read the projections of both runs
  for (int i = 0; i < 2; i++) {
    Safetensors *file =
        safetensors_read(scratch_path(folders[i], "model.safetensors"));
    ck_assert(file && safetensors_check(file, "patch_embed.proj.weight",
                                        SHAPE(16, 3, 4, 4)));
    safetensors_get(file, "patch_embed.proj.weight", value[i]);
    safetensors_free(file);
  }
  ck_assert_mem_eq(value[0], value[1], sizeof value[0]);
  char *summary = read_file(scratch_path(second, "summary.tsv"), NULL);
  ck_assert(strstr(summary, "\ntrain_images\t160\n"));
  free(summary);
  // Try what can't be fine-tuned
  expect_program(2, "--width: expected none with --from", "train-vit",
                 text_of("--from %s --width 16", first));
  expect_program(2, "--from: expected an encoder for 28 x 28 pictures of 1 channels, found "
                 "one for 32 x 32 of 3", "train-vit",
                 text_of("--data mnist --from %s", first));
  expect_program(1, "nowhere/model.safetensors: cannot open", "train-vit",
                 "--from nowhere");
  expect_program(2, "--labels: expected at least the 8 classes, found 7", "train-vit",
                 "--labels 7");
}
END_TEST

TEST_MAIN("mae programs", a_run_leaves_its_files, a_stopped_run_goes_on_to_the_same_end,
          what_is_impossible_is_named, full_disks_are_named, an_encoder_is_fine_tuned)
