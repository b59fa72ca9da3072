/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "data/idx.h"

#include <zlib.h>

#include "testing.h"

#include "base/error.h"

static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3,
                                 0, 51, 102, 153, 204, 255, 9, 8, 7, 6, 5, 4};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};
static char image_path[512], label_path[512];

static void write_pair(const char *name) {
  const char *folder = scratch_folder(name);
  snprintf(image_path, sizeof image_path, "%s/images", folder);
  snprintf(label_path, sizeof label_path, "%s/labels", folder);
  write_file(image_path, images, sizeof images);
  write_file(label_path, labels, sizeof labels);
}

static void refused(const char *why) {
  Dataset data;
  ck_assert(!idx_load(&data, image_path, label_path));
  ck_assert(data.pixels == NULL && data.labels == NULL);
  ck_assert_msg(strstr(fail_message(), why) != NULL, "'%s' lacks '%s'",
                fail_message(), why);
}

START_TEST(a_pair_is_read_plain_and_compressed) {
  write_pair("idx");
  for (int compressed = 0; compressed < 2; compressed++) {
    Dataset data;
    if (compressed) {
      gzFile file = gzopen(image_path, "wb");
      gzwrite(file, images, sizeof images);
      gzclose(file);
    }
    ck_assert_msg(idx_load(&data, image_path, label_path), "%s", fail_message());
    ck_assert_int_eq(data.count, 2);
    ck_assert_int_eq(data.height, 2);
    ck_assert_int_eq(data.width, 3);
    ck_assert_int_eq(data.labels[0], 7);
    ck_assert_int_eq(dataset_image(&data, 1)[5], 4);
    ck_assert_double_eq_tol(data.mean[0], (765 + 39) / 12.0 / 255, 1e-6);
    dataset_free(&data);
  }
}
END_TEST

START_TEST(every_cut_is_noticed) {
  write_pair("idxcut");
  for (size_t cut = 0; cut < sizeof images; cut++) {
    write_file(image_path, images, cut);
    refused(cut < 16 ? "images: expected an IDX header of 16 bytes, found"
                     : "images: expected 12 bytes of data after the header, found "
                       "fewer");
  }
  write_pair("idxcut");
  for (size_t cut = 0; cut < sizeof labels; cut++) {
    write_file(label_path, labels, cut);
    refused("labels: expected");
  }
}
END_TEST

START_TEST(every_cut_of_a_compressed_file_is_noticed) {
  size_t count;
  write_pair("idxgz");
  gzFile file = gzopen(image_path, "wb");
  gzwrite(file, images, sizeof images);
  gzclose(file);
  char *bytes = read_file(image_path, &count);
  for (size_t cut = 0; cut < count; cut++) {
    write_file(image_path, bytes, cut);
    refused("images: expected");
  }
  bytes[count - 6] ^= 1; /* the checksum */
  write_file(image_path, bytes, count);
  refused("images: expected");
  free(bytes);
}
END_TEST

START_TEST(every_lie_is_noticed) {
  const struct {
    size_t at;
    uint8_t byte;
    const char *why;
  } lies[] = {{2, 9, "expected the magic number 00000803, found 00000903"},
              {3, 1, "expected the magic number 00000803, found 00000801"},
              {7, 3, "expected 18 bytes of data after the header, found fewer"},
              {7, 1, "expected 6 bytes of data after the header, found more"},
              {4, 255, "expected a size from 1 to 10000000 in the header"},
              {8, 1, "expected a size from 1 to 256 in the header, found 16777218"},
              {11, 0, "expected a size from 1 to 256 in the header, found 0"}};
  for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
    uint8_t bytes[sizeof images];
    write_pair("idxlie");
    memcpy(bytes, images, sizeof images);
    bytes[lies[i].at] = lies[i].byte;
    write_file(image_path, bytes, sizeof bytes);
    refused(lies[i].why);
  }
}
END_TEST

START_TEST(labels_must_fit) {
  uint8_t bytes[11];
  write_pair("idxlabel");
  memcpy(bytes, labels, 10);
  bytes[9] = 10;
  write_file(label_path, bytes, 10);
  refused("labels: expected labels below 10, found 10 at place 1");
  bytes[7] = 3, bytes[9] = bytes[10] = 0;
  write_file(label_path, bytes, 11);
  refused("labels: expected 2 labels, one per picture, found 3");
  remove(label_path);
  refused("labels: cannot open: No such file or directory");
}
END_TEST

START_TEST(batches_are_moved_and_normalized) {
  Dataset data;
  real planes[2 * 6];
  int got[2];
  write_pair("idxbatch");
  ck_assert(idx_load(&data, image_path, label_path));
  data.mean[0] = 0, data.std[0] = 1;
  dataset_batch(&data, (int[]){1, 0}, 2, (Augment){0}, random_key(0, "a"),
                planes, got);
  ck_assert_int_eq(got[0], 3);
  ck_assert_int_eq(got[1], 7);
  ck_assert_double_eq_tol(planes[6 + 5], 1, 1e-6);
  ck_assert_double_eq_tol(planes[0], 9 / 255.0, 1e-6);
  // Mirror and move one picture many times
  int flipped = 0, moved = 0;
  for (uint64_t k = 0; k < 64; k++) {
    RandomKey key = random_subkey(random_key(1, "b"), k);
    dataset_batch(&data, (int[]){0}, 1, (Augment){.flip = true}, key, planes, got);
    flipped += planes[0] > (real)0.39 && planes[2] == 0;
    dataset_batch(&data, (int[]){0}, 1, (Augment){.shift = 1}, key, planes, got);
    moved += planes[5] < 1;
  }
  ck_assert_int_gt(flipped, 16);
  ck_assert_int_lt(flipped, 48);
  ck_assert_int_gt(moved, 32);
  dataset_free(&data);
}
END_TEST

// Zeros that are not, and a decompression bomb
START_TEST(idx_lies_about_zeros_and_size) {
  write_pair("idxmore");
  for (int at = 0; at < 2; at++) {
    uint8_t bytes[sizeof images];
    memcpy(bytes, images, sizeof images);
    bytes[at] = 1;
    write_file(image_path, bytes, sizeof bytes);
    refused("expected the magic number 00000803");
  }
  /* 10,000,000 pictures of 256 x 256 in 17 bytes: refused, not allocated */
  uint8_t huge[] = {0, 0, 8, 3, 0, 0x98, 0x96, 0x80, 0, 0, 1, 0, 0, 0, 1, 0, 5};
  write_file(image_path, huge, sizeof huge);
  refused("expected 655360000000 bytes of data");
}
END_TEST

TEST_MAIN("idx", idx_lies_about_zeros_and_size,
          a_pair_is_read_plain_and_compressed, every_cut_is_noticed,
          every_cut_of_a_compressed_file_is_noticed, every_lie_is_noticed,
          labels_must_fit, batches_are_moved_and_normalized)
