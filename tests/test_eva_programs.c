/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "testing.h"

#include "base/error.h"
#include "io/safetensors.h"

static const char few[] = "--batch 64 --steps 4 --warmup 0 --limit 256";
static const char tiny_student[] = "--width 16 --depth 1 --heads 2";
static const char tiny_text[] = "--text-width 16 --text-depth 1 --text-heads 2 --embed 8 "
                                "--vocabulary 520";

/* The folder of a tiny CLIP. */
static const char *teacher_of(const char *name) {
  const char *folder = text_of("%s", scratch_folder(name));
  expect_program(0, "train-clip: loss", "train-clip",
                 text_of("%s %s %s --out %s", few, tiny_student, tiny_text, folder));
  return folder;
}

static char *log_of(const char *program, const char *folder, const char *options) {
  expect_program(0, "after 4 steps", program,
                 text_of("%s %s --out %s", few, options, folder));
  return read_file(scratch_path(folder, "log.tsv"), NULL);
}

// Both stages leave their files
static void expect_files(const char *folder, const char *const *files, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(read_file(scratch_path(folder, files[i]), NULL));
}

START_TEST(both_stages) {
  static const char *const first[] = {"eval.tsv", "summary.tsv", "masks.png",
                                      "features.png", "model.safetensors"};
  static const char *const second[] = {"eval.tsv", "summary.tsv", "merges.txt"};
  const char *teacher = teacher_of("eva-teacher");
  const char *student = text_of("%s", scratch_folder("eva-student"));
  const char *clip = text_of("%s", scratch_folder("eva-clip"));
  const char *learn = text_of("%s --teacher %s", tiny_student, teacher);
  char *log = log_of("train-eva", student, text_of("%s --threads 1", learn));
  ck_assert(strstr(log, "\tnormalized_error\n"));
  expect_files(student, first, sizeof first / sizeof *first);
  char *again = log_of("train-eva", text_of("%s", scratch_folder("eva-again")),
                       text_of("%s --threads 3", learn));
  ck_assert_str_eq(log, again);
  free(log), free(again);
  free(log_of("train-clip", clip, text_of("%s --image-encoder %s", tiny_text, student)));
  expect_files(clip, second, sizeof second / sizeof *second);
  expect_program(0, "linear\t0.", "probe",
                 text_of("--labels 200 --steps 20 --test 100 %s", clip));
  free(log_of("train-eva", text_of("%s", scratch_folder("eva-pixels")),
              text_of("%s --target pixels --masks random --ratio 0.75", tiny_student)));
  free(log_of("train-eva", text_of("%s", scratch_folder("eva-seen")),
              text_of("%s --masks none", learn)));
}
END_TEST

// Stage two begins where stage one ended
static void read_projection(const char *folder, const char *name, real *value) {
  Safetensors *file = safetensors_read(scratch_path(folder, "model.safetensors"));
  ck_assert_msg(file && safetensors_check(file, name, SHAPE(16, 3, 4, 4)), "%s",
                fail_message());
  safetensors_get(file, name, value);
  safetensors_free(file);
}

START_TEST(an_encoder_is_taken_over) {
  real before[16 * 48], after[16 * 48], fresh[16 * 48];
  const char *student = text_of("%s", scratch_folder("eva-first"));
  const char *taken = text_of("%s", scratch_folder("eva-taken"));
  const char *sizes = text_of("%s", scratch_folder("eva-sizes"));
  free(log_of("train-eva", student, text_of("%s --target pixels", tiny_student)));
  free(log_of("train-clip", taken,
              text_of("%s --image-encoder %s --lr 0", tiny_text, student)));
  free(log_of("train-clip", sizes,
              text_of("%s --image-encoder %s --lr 0 --init random", tiny_text, student)));
  read_projection(student, "patch_embed.proj.weight", before);
  read_projection(taken, "visual.patch_embed.proj.weight", after);
  read_projection(sizes, "visual.patch_embed.proj.weight", fresh);
  ck_assert_mem_eq(before, after, sizeof before);
  ck_assert_mem_ne(before, fresh, sizeof before);
}
END_TEST

// Stopped and resumed in both stages
START_TEST(stopped_runs_go_on) {
  const char *teacher = teacher_of("eva-teacher-2");
  const char *options[] = {text_of("%s --teacher %s", tiny_student, teacher),
                           text_of("%s --image-encoder %s --optimizer lamb "
                                   "--layer-decay 0.5", tiny_text, teacher)};
  static const char *const programs[] = {"train-eva", "train-clip"};
  for (int stage = 0; stage < 2; stage++) {
    const char *folder = text_of("%s", scratch_folder("eva-stop"));
    expect_program(130, "stopped; go on with", programs[stage],
                   text_of("%s %s --stop-at 2 --out %s", few, options[stage], folder));
    expect_program(0, "after 4 steps", programs[stage], text_of("--resume %s", folder));
    char *a = read_file(scratch_path(folder, "log.tsv"), NULL);
    char *b = log_of(programs[stage], text_of("%s", scratch_folder("eva-whole")),
                     options[stage]);
    ck_assert_str_eq(a, b);
    free(a), free(b);
  }
}
END_TEST

// Impossible stages
START_TEST(what_is_impossible_is_named) {
  const char *teacher = teacher_of("eva-teacher-3");
  expect_program(2, "--teacher: expected the folder of a trained CLIP", "train-eva", "");
  expect_program(2, "--width: expected none with --image-encoder, which decides it",
                 "train-clip", "--image-encoder a --width 8");
  expect_program(2, "--init: expected none without --image-encoder", "train-clip",
                 "--init random");
  expect_program(2, "--masks: expected blocks or random", "train-eva",
                 "--target pixels --masks none --limit 64");
  expect_program(2, "--ratio: expected to hide at least one of 1 patches, found 0.41",
                 "train-eva", "--target pixels --masks random --patch-size 32 --limit 64 "
                 "--batch 8 --steps 2");
  expect_program(2, "--teacher: expected none with --target pixels", "train-eva",
                 "--teacher a --target pixels");
  expect_program(2, "--patch-size: expected the teacher's 4, found 8", "train-eva",
                 text_of("--teacher %s --patch-size 8", teacher));
  expect_program(1, "nowhere/model.safetensors: cannot open", "train-clip",
                 "--image-encoder nowhere");
  expect_program(1, "nowhere/model.safetensors: cannot open", "train-eva",
                 "--teacher nowhere");
  expect_program(2, "--batch: expected at most the 1000 test pictures, found 1001",
                 "train-clip", text_of("--image-encoder %s --batch 1001", teacher));
}
END_TEST

START_TEST(full_disks_are_named) {
  static const char *const files[] = {"masks.png", "features.png", "summary.tsv"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const char *output, *folder = text_of("%s", scratch_folder("eva-full"));
    run_command(&output, "ln -s /dev/full %s/%s.new", folder, files[i]);
    expect_program(1, text_of("%s: cannot write: No space left", files[i]), "train-eva",
                   text_of("%s %s --target pixels --out %s", few, tiny_student, folder));
  }
}
END_TEST

TEST_MAIN("eva programs", both_stages, an_encoder_is_taken_over, stopped_runs_go_on,
          what_is_impossible_is_named, full_disks_are_named)
