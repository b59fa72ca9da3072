/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include <stb/stb_image_write.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/image.h"
#include "testing.h"

// What must be refused
START_TEST(bad_options_have_status_two) {
  const struct {
    const char *arguments, *text;
  } bad[] = {
      // Bad options, and what is said of them
      {"--no-such", "train-vit: --no-such: unknown option"},
      {"--epochs", "--epochs: unknown option, ambiguous, or its value is missing"},
      {"--batch 0", "--batch: expected an integer from 1 to 65536, found '0'"},
      {"--batch 9999999999999", "--batch: expected an integer"},
      {"--lr x", "--lr: expected a number from 0 to 100, found 'x'"},
      {"--lr nan", "--lr: expected a number"},
      {"--data cats",
       "--data: expected one of shapes|mnist|cifar10|scenes|emoji, found 'cats'"},
      {"--patch-size 5",
       "--patch-size: expected a divisor of the image size 32, found 5"},
      {"--heads 5", "--heads: expected a divisor of width 64, found 5"},
      {"--width 66 --heads 3 --position sincos", "--width: expected a multiple of 4"},
      {"--shards 0", "--shards: expected an integer from 1 to 64, found '0'"},
      {"--micro-batch -1", "--micro-batch: expected an integer from 0 to 65536, found '-1'"},
      {"surprise", "expected options only, found 'surprise'"},
      {"surprise --bogus", "--bogus: unknown option"},
      {"--warmup 20 --steps 20",
       "--warmup: expected less than the 20 steps of the run, found 20"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    expect_program(2, bad[i].text, "train-vit", bad[i].arguments);
  expect_program(2, "--patch-size: expected a divisor of --size 224, found 15", "patches",
                 "--patch-size 15");
  expect_program(2, "expected at most one IMAGE, found 2", "patches", "a.png b.png");
}
END_TEST

START_TEST(bad_files_have_status_one) {
  const char *folder = scratch_folder("badfiles");
  expect_program(1, "patches: no.png: cannot open: No such file", "patches", "no.png");
  const char *empty = scratch_path(folder, "empty.png");
  write_file(empty, "", 0);
  expect_program(1, "empty.png: expected a PNG or JPEG picture, found 0 bytes", "patches",
                 empty);
  expect_program(1, "mnist/train-images-idx3-ubyte: expected this file of the data "
                 "set, found none of that name; `make data` fetches it, --data-dir",
                 "train-vit", text_of("--data mnist --data-dir %s", folder));
  expect_program(1, "cifar10/test_batch: expected this file", "train-vit",
                 text_of("--data cifar10 --data-dir %s", folder));
  expect_program(1, "checkpoint.safetensors: cannot open", "train-vit",
                 text_of("--resume %s", folder));
  expect_program(2, "--batch: expected at most the 50 training pictures, found 64",
                 "train-vit", "--limit 50");
}
END_TEST

START_TEST(bad_folders_are_named) {
  const char *file = scratch_path(scratch_folder("badfolders"), "file");
  write_file(file, "x", 1);
  expect_program(1, "file: expected a folder, found a file", "train-vit",
                 text_of("--out %s", file));
  expect_program(1, "/proc/nowhere: cannot make the folder", "train-vit",
                 "--out /proc/nowhere");
  expect_program(1, "/proc/nowhere: cannot make the folder", "patches",
                 "--out /proc/nowhere");
}
END_TEST

START_TEST(a_full_disk_ends_a_run) {
  const char *names[] = {"log.tsv", "checkpoint.safetensors", "model.safetensors",
                         "summary.tsv", "confusion.tsv", "attention.png"};
  for (int i = 0; i < 6; i++) {
    const char *folder = scratch_folder("fullrun");
    ck_assert_int_eq(
        symlink("/dev/full", scratch_path(folder, text_of("%s.new", names[i]))), 0);
    expect_program(1, text_of("%s: cannot write: No space left on device", names[i]),
                   "train-vit",
                   text_of("--steps 1 --limit 64 --depth 1 --width 8 --out %s", folder));
  }
}
END_TEST

// What must be the same
#define SMALL "--steps 12 --limit 256 --batch 32 --depth 2 --width 32 --dropout 0.1 "

static void same(const char *a, const char *b, const char *name) {
  size_t n, m;
  char *x = read_file(text_of("%s/%s", a, name), &n);
  char *y = read_file(text_of("%s/%s", b, name), &m);
  ck_assert_msg(n == m && memcmp(x, y, n) == 0, "%s and %s: %s differs", a, b, name);
  free(x), free(y);
}

START_TEST(threads_do_not_change_a_run) {
  const char *folder = scratch_folder("threads");
  const char *one = text_of("%s/one", folder), *two = text_of("%s/two", folder);
  expect_program(0, "test accuracy", "train-vit",
                 text_of(SMALL "--threads 1 --out %s", one));
  expect_program(0, "test accuracy", "train-vit",
                 text_of(SMALL "--threads 2 --out %s", two));
  same(one, two, "log.tsv");
  same(one, two, "eval.tsv");
  same(one, two, "gradients.tsv");
  same(one, two, "attention.png");
  const char *more = text_of("%s/more", folder), *all = text_of("%s/all", folder);
  const char *cut =
      SMALL "--shards 3 --micro-batch 2 --dropout 0.1 --threads %d --out %s";
  expect_program(0, "test accuracy", "train-vit", text_of(cut, 1, more));
  expect_program(0, "test accuracy", "train-vit", text_of(cut, 3, all));
  same(more, all, "log.tsv");
  same(more, all, "gradients.tsv");
}
END_TEST

/* The length of each parameter's gradient in a run of two steps, and its loss. */
static int read_gradients(double *length, const char *folder) {
  int count = 0;
  char *table = read_file(text_of("%s/gradients.tsv", folder), NULL);
  char *log = read_file(text_of("%s/log.tsv", folder), NULL);
  for (char *row = strchr(table, '\n'); row[1]; row = strchr(row + 1, '\n'))
    ck_assert_int_eq(sscanf(row + 1, "%*d %*s %lf", &length[count++]), 1);
  ck_assert_int_eq(sscanf(strchr(log, '\n'), "%*d %*d %lf", &length[count++]), 1);
  free(table), free(log);
  return count;
}

START_TEST(both_sets_of_kernels_train_alike) {
  const char *folder = scratch_folder("kernels");
  static double naive[200], fast[200];
  const char *one = text_of("%s/naive", folder), *two = text_of("%s/fast", folder);
  const char *printed, *naive_program = "build/naive/train-vit";
  ck_assert_int_eq(run_command(&printed,
                               "%s " SMALL "--steps 2 --smoothing 0.1 --gelu tanh "
                               "--out %s", naive_program, one), 0);
  expect_program(0, "test accuracy", "train-vit",
                 text_of(SMALL "--steps 2 --smoothing 0.1 --gelu tanh --out %s", two));
  const int count = read_gradients(naive, one);
  ck_assert_int_eq(read_gradients(fast, two), count);
  ck_assert_int_gt(count, 60);
  for (int i = 0; i < count; i++)
    ck_assert_double_le(fabs(naive[i] - fast[i]), 1e-5 * fabs(naive[i]) + 1e-9);
}
END_TEST

/* A row with one thread and a row with two, on the screen and in a file. */
START_TEST(the_benchmark_writes_its_table) {
  const char *file = text_of("%s/bench.tsv", scratch_folder("bench"));
  const char *options = "--set kernels --only adamw --samples 1 --threads 2 --out %s";
  expect_program(0, "% peak", "bench", text_of(options, file));
  char *table = read_file(file, NULL);
  ck_assert(strncmp(table, "set\tname\tthreads\t", 17) == 0);
  ck_assert(strstr(table, "kernels\tadamw\t1\t") != NULL);
  ck_assert(strstr(table, "kernels\tadamw\t2\t") != NULL);
  free(table);
  expect_program(0, "vit-mnist", "bench",
                 "--set steps --only vit-mnist --samples 1 --threads 1 --shards 2 "
                 "--micro-batch 8");
  expect_program(2, "--set: expected one of all|ceilings|kernels", "bench", "--set none");
  expect_program(2, "expected options only, found 'fast'", "bench", "fast");
}
END_TEST

START_TEST(a_resumed_run_ends_the_same) {
  const char *folder = scratch_folder("resume");
  const char *one = text_of("%s/one", folder), *two = text_of("%s/two", folder);
  expect_program(0, "test accuracy", "train-vit", text_of(SMALL "--out %s", one));
  const char *how =
      text_of("go on with: %s/train-vit --resume %s", programs_folder(), two);
  expect_program(130, how, "train-vit", text_of(SMALL "--stop-at 5 --out %s", two));
  expect_program(2, "--batch: cannot be changed when a run is resumed", "train-vit",
                 text_of("--resume %s --batch 7", two));
  expect_program(2, "--out: expected none with --resume", "train-vit",
                 text_of("--resume %s --out x", two));
  expect_program(0, "test accuracy", "train-vit", text_of("--resume %s", two));
  same(one, two, "log.tsv");
  same(one, two, "mistakes.tsv");
  ck_assert_int_eq(access(text_of("%s/summary.tsv", two), F_OK), 0);
  expect_program(0, "test accuracy", "train-vit",
                 text_of("--resume %s", two)); /* once more */
  same(one, two, "log.tsv");
}
END_TEST

START_TEST(an_interrupted_run_can_go_on) {
  const char *folder = scratch_folder("interrupt"), *output;
  const char *run = text_of("%s/train-vit --steps 100000 --limit 64 --width 16",
                            programs_folder());
  for (int part = 0; part < 2; part++) { /* start, then go on */
    const char *what = part ? text_of("%s/train-vit --resume %s",
                                      programs_folder(), folder)
                            : text_of("%s --out %s", run, folder);
    int status = run_command(&output,
                             "rm -f %s/log.tsv; %s & until [ -s %s/log.tsv ]; do "
                             "sleep 0.1; done; sleep 1; kill -%s $!; wait $!",
                             folder, what, folder, part ? "TERM" : "INT");
    ck_assert_msg(status == 130, "status %d: %s", status, output);
    ck_assert_msg(strstr(output, "stopped; go on with: "), "%s", output);
  }
}
END_TEST

START_TEST(a_damaged_run_is_refused) {
  const char *folder = scratch_folder("damaged");
  expect_program(130, "stopped", "train-vit",
                 text_of(SMALL "--stop-at 2 --out %s", folder));
  const char *path = text_of("%s/checkpoint.safetensors", folder);
  size_t count;
  char *bytes = read_file(path, &count);
  write_file(path, bytes, count / 2);
  expect_program(1, "checkpoint.safetensors: tensor", "train-vit",
                 text_of("--resume %s", folder));
  char *option = strstr(bytes + 8, "option.depth\":\"2");
  ck_assert(option != NULL);
  option[strlen("option.depth\":\"")] = '3';
  write_file(path, bytes, count);
  expect_program(1, "expected a tensor blocks.2.", "train-vit",
                 text_of("--resume %s", folder));
  option[strlen("option.depth\":\"")] = 'x';
  write_file(path, bytes, count);
  expect_program(1, "checkpoint.safetensors: --depth: expected an integer", "train-vit",
                 text_of("--resume %s", folder));
  free(bytes);
}
END_TEST

// What is unpacked once
START_TEST(sheets_are_unpacked_once) {
  const char *base = scratch_folder("unpack"), *folder = text_of("%s/cifar10", base);
  const char *there = text_of("--data-dir %s", base);
  expect_program(1, "cifar10/test_batch: expected this file", "unpack-cifar10", there);
  write_sheets(folder, 1);
  ck_assert_int_eq(symlink("/dev/full", text_of("%s/test_batch.bin.new", folder)), 0);
  expect_program(1, "test_batch.bin: cannot write: No space", "unpack-cifar10", there);
  expect_program(0, "wrote 5 and 1 pictures", "unpack-cifar10", there);
  const char *output;
  ck_assert_int_eq(run_command(&output, "rm %s/*.png %s/*.json", folder, folder), 0);
  expect_program(0, "wrote 5 and 1 pictures", "unpack-cifar10", there);
  size_t count;
  char *batch = read_file(text_of("%s/data_batch_4.bin", folder), &count);
  ck_assert(count == 3073 && batch[0] == 4 && batch[1] == 40 && batch[3072] == 40);
  free(batch);
}
END_TEST

// What must be small
START_TEST(patches_are_cut_and_joined) {
  const char *folder = scratch_folder("patches");
  expect_program(0,
                 "image [3, 224, 224] -> patches [196, 768]\njoined again: every pixel "
                 "as before", "patches", text_of("--out %s", folder));
  Image apart, joined;
  ck_assert(image_load(&apart, text_of("%s/patches.png", folder), 0));
  ck_assert(image_load(&joined, text_of("%s/joined.png", folder), 0));
  ck_assert_int_eq(apart.width, 14 * 20 - 4);
  ck_assert_int_eq(joined.width, 224);
  ck_assert(apart.pixels[3 * 16] == 255 && joined.pixels[3 * 16] != 255);
  const uint8_t grey[48 * 40] = {0};
  const char *jpeg = text_of("%s/grey.jpg", folder);
  ck_assert(stbi_write_jpg(jpeg, 48, 40, 1, grey, 90));
  expect_program(0, "-> patches [4, 768]", "patches",
                 text_of("--size 32 --out %s %s", folder, jpeg));
  image_free(&apart), image_free(&joined);
}
END_TEST

START_TEST(help_names_every_option) {
  expect_program(0, "--smoothing X", "train-vit", "--help");
  expect_program(0, "--data shapes|mnist|cifar10", "train-vit", "--help");
  expect_program(0, "(0.001)", "train-vit", "--help");
  expect_program(0, "usage: patches [OPTION...] [IMAGE]", "patches", "--help");
}
END_TEST

/* 60,000 + 10,000 pictures of noise in MNIST's form. */
static void write_large_digits(const char *folder) {
  mkdir(text_of("%s/mnist", folder), 0777);
  for (int part = 0; part < 2; part++) {
    uint32_t count = part ? 10000 : 60000;
    size_t size = 16 + (size_t)count * 784;
    uint8_t *bytes = malloc(size), head[16] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28,
                                               0, 0, 0, 28};
    head[6] = (uint8_t)(count >> 8), head[7] = (uint8_t)count;
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 2654435761u >> 24);
    memcpy(bytes, head, 16);
    write_file(text_of("%s/mnist/%s-images-idx3-ubyte", folder, part ? "t10k" : "train"),
               bytes, size);
    head[3] = 1;
    for (size_t i = 0; i < count; i++) bytes[8 + i] = (uint8_t)(i % 10);
    memcpy(bytes, head, 8);
    write_file(text_of("%s/mnist/%s-labels-idx1-ubyte", folder, part ? "t10k" : "train"),
               bytes, 8 + count);
    free(bytes);
  }
}

START_TEST(digits_fit_in_200_mebibytes) {
  const char *folder = scratch_folder("digits");
  write_large_digits(folder);
  expect_program(0, "test accuracy", "train-vit",
                 text_of("--data mnist --steps 2 --data-dir %s --out %s/run", folder,
                         folder));
  char *summary = read_file(text_of("%s/run/summary.tsv", folder), NULL);
  const char *peak = strstr(summary, "peak_mebibytes\t");
  ck_assert(peak != NULL);
  ck_assert_int_gt(atoi(peak + 15), 50); /* the pictures alone */
#ifndef __SANITIZE_ADDRESS__
  ck_assert_int_lt(atoi(peak + 15), 200);
#endif
  free(summary);
}
END_TEST

TEST_MAIN("programs", bad_options_have_status_two, bad_files_have_status_one,
          bad_folders_are_named, a_full_disk_ends_a_run, patches_are_cut_and_joined,
          sheets_are_unpacked_once,
          help_names_every_option, threads_do_not_change_a_run,
          both_sets_of_kernels_train_alike, the_benchmark_writes_its_table,
          a_resumed_run_ends_the_same, an_interrupted_run_can_go_on,
          a_damaged_run_is_refused, digits_fit_in_200_mebibytes)
