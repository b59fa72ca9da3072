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
  ck_assert_str_eq(safetensors_name(f, 0), "b");
  ck_assert_str_eq(safetensors_name(f, 3), "z");
  ck_assert(safetensors_check(f, "a", SHAPE(2)) && safetensors_check(f, "b", SHAPE(2)));
  safetensors_free(f);
  /* types that we do not read do not matter, not even those of less than a byte */
  f = read_header("{" PLACED("a", "F32", "[2]", "[0,8]") ","
                  PLACED("s", "F8_E8M0", "[3]", "[8,11]") ","
                  PLACED("w", "F4", "[2,2]", "[11,13]") ","
                  PLACED("x", "F6_E2M3", "[4]", "[13,16]") "}", 16);
  ck_assert_msg(f != NULL, "%s", fail_message());
  ck_assert(safetensors_check(f, "a", SHAPE(2)));
  ck_assert(!safetensors_check(f, "w", SHAPE(2, 2)));
  ck_assert(strstr(fail_message(), "expected type F32, F64, F16, BF16, I64, I32, I16, "
                                   "I8, U8 or BOOL, found F4"));
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

// Types, shards and pickles
START_TEST(numbers_of_every_type_are_read) {
  static const struct {
    const char *type, *bytes;
    int width;
    double value[2];
  } cases[] = {
      {"F32", "\0\0\xc0\x3f\0\0\0\xc0", 4, {1.5, -2}},
      {"F64", "\0\0\0\0\0\0\xf8\x3f\0\0\0\0\0\0\0\xc0", 8, {1.5, -2}},
      {"F16", "\0\x3e\0\xc0", 2, {1.5, -2}},
      {"BF16", "\xc0\x3f\0\xc0", 2, {1.5, -2}},
      {"I64", "\7\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff", 8, {7, -2}},
      {"I32", "\7\0\0\0\xfe\xff\xff\xff", 4, {7, -2}},
      {"I16", "\7\1\xfe\xff", 2, {263, -2}},
      {"I8", "\7\xfe", 1, {7, -2}},
      {"U8", "\7\xfe", 1, {7, 254}},
      {"BOOL", "\1\0", 1, {1, 0}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path = scratch_path(scratch_folder("safetypes"), "m.safetensors");
    char header[200], bytes[300] = {0};
    const int width = cases[i].width;
    const int length = snprintf(header, sizeof header,
                                "{\"t\":{\"dtype\":\"%s\",\"shape\":[1,2],"
                                "\"data_offsets\":[0,%d]}}", cases[i].type, 2 * width);
    bytes[0] = (char)length;
    memcpy(bytes + 8, header, (size_t)length);
    memcpy(bytes + 8 + length, cases[i].bytes, 2 * (size_t)width);
    write_file(path, bytes, 8 + (size_t)length + 2 * (size_t)width);
    Safetensors *f = safetensors_read(path);
    ck_assert_msg(f != NULL, "%s", fail_message());
    real got[2], taken[2];
    Shape shape;
    char text[20];
    ck_assert_str_eq(safetensors_type(f, "t"), cases[i].type);
    ck_assert_str_eq(safetensors_shape(f, "t", text, sizeof text), "[1,2]");
    ck_assert(safetensors_sizes(f, "t", &shape) && shape_equal(shape, SHAPE(1, 2)));
    ck_assert(!safetensors_sizes(f, "u", &shape) && !safetensors_type(f, "u"));
    ck_assert(safetensors_check(f, "t", SHAPE(1, 2)));
    safetensors_get(f, "t", got);
    ck_assert(safetensors_take(f, "t", SHAPE(1, 2), taken));
    ck_assert(!safetensors_take(f, "t", SHAPE(2), taken));
    for (int k = 0; k < 2; k++) {
      ck_assert_msg((double)got[k] == cases[i].value[k], "%s: %g", cases[i].type,
                    (double)got[k]);
      ck_assert(got[k] == taken[k]);
    }
    safetensors_free(f);
  }
}
END_TEST

/* What the format's definition says of a half. */
static double half_value(int bits) {
  const int e = bits >> 10 & 31, f = bits & 1023;
  const double size = e == 31 ? (f ? NAN : INFINITY)
                      : e > 0 ? ldexp(1 + f / 1024., e - 15) : ldexp(f / 1024., -14);
  return bits >> 15 ? -size : size;
}

START_TEST(every_half_is_read_as_it_is_defined) {
  const char *path = scratch_path(scratch_folder("safehalf"), "m.safetensors");
  const char *header =
      "{\"t\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}} ";
  char bytes[100] = {(char)strlen(header)};
  memcpy(bytes + 8, header, strlen(header));
  for (int bits = 0; bits < 1 << 16; bits += bits < 4096 ? 1 : 37) {
    char *data = bytes + 8 + strlen(header);
    data[0] = (char)(bits & 255), data[1] = (char)(bits >> 8);
    write_file(path, bytes, 10 + strlen(header));
    Safetensors *f = safetensors_read(path);
    real got;
    ck_assert_msg(f != NULL, "%s", fail_message());
    safetensors_get(f, "t", &got);
    const double expected = half_value(bits);
    ck_assert_msg((double)got == expected || (isnan(got) && isnan(expected)),
                  "%04x: %.9g, expected %.9g", bits, (double)got, expected);
    ck_assert(safetensors_check(f, "t", SHAPE(1)) == (isfinite(expected) != 0));
    safetensors_free(f);
  }
}
END_TEST

/* Two shards in a folder, and the path of their index, in which is `map`. */
static const char *write_shards(const char *map) {
  const char *folder = scratch_folder("safeshards");
  SafetensorsItem items[] = {{"a", SHAPE(2, 3), a}, {"b", SHAPE(1), b}};
  Metadata metadata = {0};
  metadata_add(&metadata, "format", "pt");
  ck_assert(safetensors_write(scratch_path(folder, "one.safetensors"), items, 1,
                              &metadata));
  ck_assert(safetensors_write(scratch_path(folder, "two.safetensors"), items + 1, 1,
                              NULL));
  ck_assert(safetensors_write(scratch_path(folder, "both.safetensors"), items, 2, NULL));
  metadata_free(&metadata);
  const char *path = scratch_path(folder, "model.safetensors.index.json");
  write_file(path, map, strlen(map));
  return path;
}

START_TEST(shards_are_one_model) {
  Safetensors *f = safetensors_read(
      write_shards("{\"metadata\":{\"total_size\":28},\"weight_map\":{\"b\":"
                   "\"two.safetensors\",\"a\":\"one.safetensors\"}}"));
  ck_assert_msg(f != NULL, "%s", fail_message());
  real values[6], one;
  ck_assert_int_eq(safetensors_count(f), 2);
  ck_assert_str_eq(safetensors_name(f, 0), "b");
  ck_assert(safetensors_take(f, "a", SHAPE(2, 3), values));
  ck_assert(safetensors_take(f, "b", SHAPE(1), &one));
  ck_assert_mem_eq(values, a, sizeof a);
  ck_assert(one == b[0]);
  safetensors_free(f);
  static const struct {
    const char *map, *why;
  } bad[] = {
      {"{\"weight_map\":{}}", "expected weight_map, names of tensors"},
      {"[]", "expected weight_map"},
      {"{\"weight_map\":{\"a\":\"../one.safetensors\"}}", "expected names of files"},
      {"{\"weight_map\":{\"a\":7}}", "expected names of files"},
      {"{\"weight_map\":{\"a\":\"\"}}", "expected names of files in this folder"},
      {"{\"weight_map\":{\"a\":\"three.safetensors\"}}", "three.safetensors: cannot"},
      {"{\"weight_map\":{\"c\":\"one.safetensors\"}}", "expected a tensor c in"},
      {"{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"both.safetensors\"}}",
       "expected tensor a in one shard, found it in two"},
      {"{\"weight_map\":", "expected an index of shards in JSON"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_msg(!safetensors_read(write_shards(bad[i].map)), "%s", bad[i].map);
    ck_assert_msg(strstr(fail_message(), bad[i].why), "'%s' lacks '%s'", fail_message(),
                  bad[i].why);
  }
}
END_TEST

START_TEST(pickles_are_refused_with_the_way_out) {
  const char *path = scratch_path(scratch_folder("safepickle"), "m.pt");
  static const char *const begins[] = {"PK\3\4\0\0\10\10", "\x80\2}q\0.xx"};
  for (int i = 0; i < 2; i++) {
    write_file(path, begins[i], 8);
    ck_assert(!safetensors_read(path));
    ck_assert_msg(strstr(fail_message(), "m.pt: expected safetensors, found a pickle") &&
                      strstr(fail_message(), "weights_only=True"), "%s", fail_message());
  }
}
END_TEST

TEST_MAIN("safetensors", headers_refused_and_accepted,
          numbers_of_every_type_are_read, every_half_is_read_as_it_is_defined,
          shards_are_one_model, pickles_are_refused_with_the_way_out,
          the_data_starts_at_a_multiple_of_eight,
          tensors_and_notes_come_back, lying_headers_are_refused,
          cut_files_are_refused, a_full_disk_keeps_the_old_file,
          numbers_must_be_finite)
