/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "io/safetensors.h"

#include <unistd.h>

#include "testing.h"

#include "base/error.h"

static const real a[] = {1, -2, 3, (real)0.1, 5, 6}, b[] = {7};

static const char *write_two(const char *folder) {
  const char *path = scratch_path(scratch_folder(folder), "m.safetensors");
  SafetensorsItem items[] = {{"a", SHAPE(2, 3), a}, {"b.bias", SHAPE(1), b}};
  Metadata metadata = {0};
  metadata_add(&metadata, "step", "%d", 12);
  metadata_add(&metadata, "odd", "%s", "\"quotes\" \\ and \xc3\xa9");
  ck_assert(safetensors_write(path, items, 2, &metadata));
  metadata_free(&metadata);
  return path;
}

START_TEST(tensors_and_notes_come_back) {
  const char *path = write_two("safe");
  Safetensors *file = safetensors_read(path);
  real values[6];
  ck_assert_msg(file != NULL, "%s", fail_message());
  ck_assert_int_eq(safetensors_count(file), 2);
  ck_assert_str_eq(safetensors_metadata(file, "step"), "12");
  ck_assert_str_eq(safetensors_metadata(file, "odd"), "\"quotes\" \\ and \xc3\xa9");
  ck_assert(safetensors_metadata(file, "none") == NULL);
  ck_assert(safetensors_check(file, "a", SHAPE(2, 3)));
  safetensors_get(file, "a", values);
  ck_assert_mem_eq(values, a, sizeof a);
  ck_assert(!safetensors_check(file, "a", SHAPE(3, 2)));
  ck_assert(strstr(fail_message(), "tensor a: expected shape [3,2,1,1] of rank 2, "
                                   "found [2,3]"));
  ck_assert(!safetensors_check(file, "c", SHAPE(1)));
  ck_assert(strstr(fail_message(), "expected a tensor c, found none"));
  safetensors_free(file);
}
END_TEST

static Safetensors *read_header(const char *header, size_t data) {
  const char *path = scratch_path(scratch_folder("safehead"), "m.safetensors");
  char bytes[2000] = {0};
  size_t length = strlen(header);
  bytes[0] = (char)(length & 255), bytes[1] = (char)(length >> 8);
  memcpy(bytes + 8, header, length);
  write_file(path, bytes, 8 + length + data);
  return safetensors_read(path);
}

static void refused(const char *header, size_t data, const char *why) {
  Safetensors *file = read_header(header, data);
  ck_assert_msg(file == NULL, "accepted: %s", header);
  ck_assert_msg(strstr(fail_message(), why) && strstr(fail_message(), "m.safetensors:"),
                "'%s' lacks '%s'", fail_message(), why);
}

START_TEST(lying_headers_are_refused) {
#define ENTRY(dtype, shape, begin, end)                                          \
  "\"t" #begin "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" \
  #begin "," #end "]}"
  refused("{", 0, "expected a header in JSON");
  refused("[1]", 0, "expected a header in JSON, found no object");
  refused("{" ENTRY("F32", "[2]", 0, 8) "}", 4, "place of that size within 4 bytes");
  refused("{" ENTRY("F32", "[2]", 0, 4) "}", 8, "expected type, shape and a place");
  refused("{" ENTRY("F32", "[2]", 0, 8) "}", 12, "without gaps or overlaps");
  refused("{" ENTRY("F32", "[1]", 0, 4) "," ENTRY("F32", "[2]", 0, 8) "}", 8, "JSON");
  refused("{" ENTRY("F32", "[2]", 0, 8) "," ENTRY("F32", "[1]", 4, 8) "}", 8,
          "without gaps or overlaps");
  refused("{" ENTRY("F32", "[1]", 4, 8) "}", 8, "without gaps or overlaps");
  refused("{" ENTRY("F31", "[2]", 0, 8) "}", 8, "expected type");
  refused("{" ENTRY("F32", "[-2]", 0, 8) "}", 8, "expected type");
  refused("{" ENTRY("F32", "[4294967296,4294967298]", 0, 8) "}", 8, "expected type");
  refused("{" ENTRY("F32", "2", 0, 8) "}", 8, "expected type");
  refused("{" ENTRY("F32", "[2]", 8, 0) "}", 8, "expected type");
  refused("{\"t\":7}", 0, "expected type");
  refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[0]}}", 0, "expected type");
}
END_TEST

START_TEST(cut_files_are_refused) {
  const char *path = write_two("safecut");
  size_t count;
  char *bytes = read_file(path, &count);
  for (size_t cut = 0; cut < count; cut++) {
    write_file(path, bytes, cut);
    ck_assert_msg(safetensors_read(path) == NULL, "accepted %zu bytes", cut);
  }
  memset(bytes, 255, 8); /* a header of 2^64 - 1 bytes */
  write_file(path, bytes, count);
  ck_assert(safetensors_read(path) == NULL);
  ck_assert(strstr(fail_message(), "expected a header of 18446744073709551615 bytes"));
  free(bytes);
}
END_TEST

START_TEST(a_full_disk_keeps_the_old_file) {
  const char *path = write_two("safefull");
  char aside[600];
  size_t before, after;
  SafetensorsItem item = {"a", SHAPE(2, 3), a};
  snprintf(aside, sizeof aside, "%s.new", path);
  char *old = read_file(path, &before);
  ck_assert_int_eq(symlink("/dev/full", aside), 0);
  ck_assert(!safetensors_write(path, &item, 1, NULL));
  ck_assert(strstr(fail_message(), "No space left on device"));
  char *new = read_file(path, &after);
  ck_assert_uint_eq(before, after);
  ck_assert_mem_eq(old, new, before);
  free(old);
  free(new);
}
END_TEST

// Orders, overflows and alignment
START_TEST(headers_refused_and_accepted) {
#define PLACED(name, dtype, shape, place) \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" place "}"
  ck_assert(!read_header("{" PLACED("t", "F32", "[4611686018427387906]", "[0,8]") "}",
                         8));
  ck_assert(!read_header("{" PLACED("t", "F32", "[0,-1]", "[0,0]") "}", 0));
  /* another order in the header than in the data, and an empty tensor */
  Safetensors *f = read_header(
      "{" PLACED("b", "F16", "[2]", "[8,12]") "," PLACED("a", "F32", "[2]", "[0,8]") ","
      PLACED("e", "F32", "[0]", "[0,0]") "," PLACED("z", "F32", "[0]", "[8,8]") "}", 12);
  ck_assert_msg(f != NULL, "%s", fail_message());
  ck_assert_int_eq(safetensors_count(f), 4);
  ck_assert(!safetensors_check(f, "b", SHAPE(2)));
  ck_assert(strstr(fail_message(), "expected type F32 or F64, found F16"));
  ck_assert(safetensors_check(f, "a", SHAPE(2)));
  safetensors_free(f);
  /* types that we do not read do not matter, not even those of less than a byte */
  f = read_header("{" PLACED("a", "F32", "[2]", "[0,8]") ","
                  PLACED("s", "F8_E8M0", "[3]", "[8,11]") ","
                  PLACED("w", "F4", "[2,2]", "[11,13]") ","
                  PLACED("x", "F6_E2M3", "[4]", "[13,16]") "}", 16);
  ck_assert_msg(f != NULL, "%s", fail_message());
  ck_assert(safetensors_check(f, "a", SHAPE(2)));
  ck_assert(!safetensors_check(f, "w", SHAPE(2, 2)));
  ck_assert(strstr(fail_message(), "expected type F32 or F64, found F4"));
  safetensors_free(f);
  f = read_header("{" PLACED("t", "F32", "[2,3]", "[0,24]") "}", 24);
  ck_assert(!safetensors_check(f, "t", SHAPE(2)));
  safetensors_free(f);
}
END_TEST

START_TEST(numbers_must_be_finite) {
  const char *path = scratch_path(scratch_folder("safefinite"), "m.safetensors");
  for (int i = 0; i < 6; i++) {
    real numbers[6] = {1, 2, 3, 4, 5, 6};
    numbers[i] = (real)(i % 2 ? NAN : -INFINITY);
    SafetensorsItem item = {"t", SHAPE(2, 3), numbers};
    ck_assert(safetensors_write(path, &item, 1, NULL));
    Safetensors *f = safetensors_read(path);
    ck_assert(!safetensors_check(f, "t", SHAPE(2, 3)));
    ck_assert(strstr(fail_message(), text_of("tensor t: expected finite numbers, found "
                                             "%s at place %d", i % 2 ? "nan" : "-inf",
                                             i)));
    safetensors_free(f);
  }
}
END_TEST

START_TEST(the_data_starts_at_a_multiple_of_eight) {
  const char *path = scratch_path(scratch_folder("safealign"), "m.safetensors");
  for (int i = 0; i < 8; i++) {
    SafetensorsItem item = {&"ttttttttt"[i], SHAPE(1), b};
    ck_assert(safetensors_write(path, &item, 1, NULL));
    char *bytes = read_file(path, NULL);
    ck_assert_int_eq(bytes[0] & 7, 0);
    free(bytes);
  }
}
END_TEST

TEST_MAIN("safetensors", headers_refused_and_accepted,
          the_data_starts_at_a_multiple_of_eight,
          tensors_and_notes_come_back, lying_headers_are_refused,
          cut_files_are_refused, a_full_disk_keeps_the_old_file,
          numbers_must_be_finite)
