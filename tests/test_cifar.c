/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "data/cifar.h"

#include "data/image.h"
#include "testing.h"

#include "base/error.h"

enum { RECORD = 3073 };

static void refused(bool (*add)(Dataset *, const char *), const char *path,
                    const char *why) {
  Dataset data = {.count = 0};
  ck_assert(!add(&data, path));
  ck_assert_msg(strstr(fail_message(), why) != NULL, "'%s' lacks '%s'",
                fail_message(), why);
}

START_TEST(binary_batches) {
  static uint8_t file[2 * RECORD];
  const char *path = scratch_path(scratch_folder("cifarbin"), "test_batch.bin");
  Dataset data;
  file[0] = 3, file[RECORD] = 9;
  file[RECORD + 1 + 5] = 10, file[RECORD + 1 + 1024 + 5] = 20; /* red, green */
  write_file(path, file, sizeof file);
  ck_assert(cifar10_load(&data, "build/scratch/none", true) == false);
  char folder[512];
  snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
  ck_assert_msg(cifar10_load(&data, folder, false), "%s", fail_message());
  ck_assert_int_eq(data.count, 2);
  ck_assert_int_eq(data.labels[1], 9);
  ck_assert_str_eq(data.class_names[data.labels[0]], "cat");
  const uint8_t *pixel = dataset_image(&data, 1) + 5 * 3;
  ck_assert(pixel[0] == 10 && pixel[1] == 20 && pixel[2] == 0);
  dataset_free(&data);
  // Refuse a short record, an empty file and a strange label
  write_file(path, file, RECORD - 1);
  refused(cifar10_add_batch, path, "expected records of 3073 bytes, found 3072 bytes");
  write_file(path, file, 0);
  refused(cifar10_add_batch, path, "found 0 bytes");
  file[RECORD] = 77;
  write_file(path, file, sizeof file);
  refused(cifar10_add_batch, path, "expected labels below 10, found 77 in record 1");
}
END_TEST

START_TEST(sheets_and_labels) {
  const char *folder = scratch_folder("cifarpng");
  const char *sheet = scratch_path(folder, "test_batch.png");
  const char *labels = scratch_path(folder, "test_lables.json");
  Image image = image_new(1024, 2, 3, 7), narrow = image_new(1000, 2, 3, 7);
  Dataset data;
  image.pixels[3072 + 5] = 99;
  ck_assert(image_save(&image, sheet));
  write_file(labels, "[4, 0]", 6);
  ck_assert_msg(cifar10_load(&data, folder, false), "%s", fail_message());
  ck_assert(data.labels[0] == 4 && dataset_image(&data, 1)[5] == 99);
  dataset_free(&data);
  ck_assert(image_save(&narrow, sheet));
  refused(cifar10_add_sheet, sheet, "expected rows of 1024 pixels, found 1000");
  image_free(&image);
  image_free(&narrow);
}
END_TEST

START_TEST(labels_that_are_none) {
  const char *path = scratch_path(scratch_folder("cifarjson"), "l.json");
  const char *bad[][2] = {{"[1, 2", "expected a list in JSON, found line 1"},
                          {"", "expected a list in JSON"},
                          {"{}", "expected a list of 2 labels, found 0"},
                          {"[1]", "expected a list of 2 labels, found 1"},
                          {"[1, 10]", "expected labels from 0 to 9, found another"},
                          {"[1, -1]", "found another at place 1"},
                          {"[\"x\", 1]", "found another at place 0"}};
  for (int i = 0; i < 7; i++) {
    uint8_t labels[2];
    Dataset data = {.count = 2, .labels = labels};
    write_file(path, bad[i][0], strlen(bad[i][0]));
    ck_assert(!cifar10_read_labels(&data, path));
    ck_assert_msg(strstr(fail_message(), bad[i][1]) != NULL, "'%s' lacks '%s'",
                  fail_message(), bad[i][1]);
  }
}
END_TEST

// Five parts in order
START_TEST(all_five_batches_in_order) {
  static uint8_t record[RECORD];
  char folder[256], name[32];
  Dataset data;
  snprintf(folder, sizeof folder, "%s", scratch_folder("cifarfive"));
  write_file(scratch_path(folder, "test_batch.bin"), record, RECORD);
  for (int part = 1; part <= 5; part++) {
    record[0] = (uint8_t)part, record[1] = (uint8_t)(10 * part);
    snprintf(name, sizeof name, "data_batch_%d.bin", part);
    write_file(scratch_path(folder, name), record, RECORD);
  }
  ck_assert_msg(cifar10_load(&data, folder, true), "%s", fail_message());
  ck_assert_int_eq(data.count, 5);
  for (int i = 0; i < 5; i++)
    ck_assert(data.labels[i] == i + 1 && dataset_image(&data, i)[0] == 10 * (i + 1));
  dataset_free(&data);
  record[0] = 10;
  write_file(scratch_path(folder, "test_batch.bin"), record, RECORD);
  ck_assert(!cifar10_load(&data, folder, false));
}
END_TEST

// Sheets and batches hold the same
static void same(const Dataset *a, const Dataset *b) {
  ck_assert_int_eq(a->count, b->count);
  ck_assert(memcmp(a->labels, b->labels, (size_t)a->count) == 0);
  ck_assert(memcmp(a->pixels, b->pixels, (size_t)a->count * 3072) == 0);
}

/* All of `train` and `test`, two pictures a batch. */
static void save_batches(const Dataset *train, const Dataset *test, const char *folder) {
  for (int i = 0; i < 5; i++)
    ck_assert(cifar10_save_batch(train, 2 * i, 2 * i + 2,
                                 text_of("%s/data_batch_%d.bin", folder, i + 1)));
  ck_assert(cifar10_save_batch(test, 0, 2, scratch_path(folder, "test_batch.bin")));
}

START_TEST(unpacked_sheets_are_the_same) {
  char from[256], to[256];
  Dataset train, test, again;
  snprintf(from, sizeof from, "%s", scratch_folder("cifarsheets"));
  snprintf(to, sizeof to, "%s", scratch_folder("cifarbatches"));
  write_sheets(from, 2);
  ck_assert_msg(cifar10_load(&train, from, true), "%s", fail_message());
  ck_assert_msg(cifar10_load(&test, from, false), "%s", fail_message());
  save_batches(&train, &test, to);
  ck_assert(cifar10_load(&again, to, true));
  same(&train, &again);
  dataset_free(&again);
  ck_assert(cifar10_load(&again, to, false));
  same(&test, &again);
  dataset_free(&again), dataset_free(&train), dataset_free(&test);
  ck_assert(!cifar10_save_batch(&test, 0, 0, "build/scratch/none/test_batch.bin"));
}
END_TEST

TEST_MAIN("cifar", all_five_batches_in_order, unpacked_sheets_are_the_same,
          binary_batches, sheets_and_labels, labels_that_are_none)
