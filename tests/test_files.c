/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "base/files.h"

#include <errno.h>
#include <unistd.h>
#include <zlib.h>

#include "testing.h"

#include "base/error.h"

START_TEST(a_file_is_replaced_whole) {
  const char *path = scratch_path(scratch_folder("files"), "a");
  size_t count;
  ck_assert(file_replace(path, "first", 5));
  ck_assert(file_replace(path, "second!", 7));
  char *bytes = file_read(path, &count);
  ck_assert_uint_eq(count, 7);
  ck_assert_str_eq(bytes, "second!");
  free(bytes);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_file) {
  const char *folder = scratch_folder("full");
  const char *path = scratch_path(folder, "a");
  ck_assert(file_replace(path, "old", 3));
  ck_assert_int_eq(symlink("/dev/full", scratch_path(folder, "a.new")), 0);
  ck_assert(!file_replace(path, "new", 3));
  ck_assert(strstr(fail_message(), "a: cannot write: No space left on device"));
  char *bytes = read_file(path, NULL);
  ck_assert_str_eq(bytes, "old");
  free(bytes);
  ck_assert(file_replace(path, "new", 3)); /* the link is gone */
}
END_TEST

START_TEST(lines_are_read) {
  const char *path = scratch_path(scratch_folder("lines"), "a");
  int count;
  ck_assert(file_replace(path, "one\n\ntwo words\r\n3", 17));
  char **line = file_lines(path, &count);
  ck_assert_int_eq(count, 3);
  ck_assert_str_eq(line[0], "one");
  ck_assert_str_eq(line[1], "two words");
  ck_assert_str_eq(line[2], "3");
  free(line);
  ck_assert(file_replace(path, "", 0));
  line = file_lines(path, &count);
  ck_assert(line && count == 0);
  free(line);
  ck_assert(!file_lines("build/no-such-file", &count));
}
END_TEST

START_TEST(what_cannot_be_read_is_named) {
  size_t count;
  ck_assert(!file_read("build/no-such-file", &count));
  ck_assert_str_eq(fail_message(),
                   "build/no-such-file: cannot open: No such file or directory");
  ck_assert(!file_read("build", &count));
  ck_assert_str_eq(fail_message(),
                   "build: expected a file, found a folder or a device");
}
END_TEST

START_TEST(files_are_unpacked) {
  const char *path = scratch_path(scratch_folder("unpack"), "a");
  static char zeros[100000];
  size_t count, packed;
  write_file(path, "plain", 5);
  char *bytes = file_unpack(path, 5, &count);
  ck_assert(bytes && count == 5 && strcmp(bytes, "plain") == 0);
  free(bytes);
  ck_assert(!file_unpack(path, 4, &count));
  ck_assert(strstr(fail_message(), "a: expected at most 4 bytes, found more"));
  gzFile file = gzopen(path, "wb");
  gzwrite(file, zeros, sizeof zeros);
  gzclose(file);
  bytes = file_unpack(path, sizeof zeros, &count);
  ck_assert(bytes && count == sizeof zeros && memcmp(bytes, zeros, count) == 0);
  free(bytes);
  ck_assert(!file_unpack(path, sizeof zeros - 1, &count));
  // Refuse what follows the end, cuts and damage
  bytes = read_file(path, &packed);
  char *more = memcpy(malloc(packed + 4), bytes, packed); /* its length once more */
  memcpy(more + packed, bytes + packed - 4, 4);
  write_file(path, more, packed + 4);
  ck_assert(!file_unpack(path, sizeof zeros, &count));
  free(more);
  for (size_t i = 2; i < packed + 4; i++) { /* cut at i; then each byte of the end */
    if (i >= packed) bytes[2 * packed - i - 1] ^= 1;
    write_file(path, bytes, i < packed ? i : packed);
    ck_assert(!file_unpack(path, 1 << 20, &count));
    ck_assert(strstr(fail_message(), "a: expected at most 1048576 bytes packed"));
  }
  free(bytes);
}
END_TEST

START_TEST(folders_are_made_with_their_parents) {
  const char *folder = scratch_folder("folders");
  const char *deep = scratch_path(folder, "a/b/c");
  ck_assert(folder_make(deep));
  ck_assert(folder_make(deep));
  const char *file = scratch_path(deep, "file");
  write_file(file, "x", 1);
  ck_assert(!folder_make(file));
  ck_assert(strstr(fail_message(), "c/file: expected a folder, found a file"));
  ck_assert(!folder_make(scratch_path(file, "d")));
  ck_assert(strstr(fail_message(), "Not a directory"));
}
END_TEST

// What reaches the disk
START_TEST(an_earlier_error_is_remembered) {
  FILE *file = fopen("/dev/full", "w");
  setvbuf(file, NULL, _IONBF, 0);
  fputc('x', file); /* the error is here; nothing is left to flush */
  ck_assert_int_eq(file_flush(file), ENOSPC);
  fclose(file);
}
END_TEST

static int fsyncs;
int fsync(int fd) { return (void)fd, fsyncs++, 0; } /* counted, like malloc */

START_TEST(files_are_synced_and_abandoned) {
  const char *path = scratch_path(scratch_folder("abandon"), "a");
  char aside[600];
  fsyncs = 0;
  ck_assert(file_replace(path, "x", 1));
  ck_assert_int_eq(fsyncs, 2); /* the file, and the folder */
  snprintf(aside, sizeof aside, "%s.new", path);
  FILE *file = file_begin(path);
  ck_assert_int_eq(access(aside, F_OK), 0);
  file_abandon(file, path);
  ck_assert_int_ne(access(aside, F_OK), 0);
  ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(folders_must_be_writable) {
  const char *folder = scratch_folder("locked");
  if (geteuid() == 0) return; /* root may write anywhere */
  const char *output;
  ck_assert_int_eq(run_command(&output, "chmod 500 %s", folder), 0);
  ck_assert(!folder_make(folder));
  ck_assert(strstr(fail_message(), "cannot write in this folder"));
}
END_TEST

TEST_MAIN("files", files_are_unpacked, an_earlier_error_is_remembered,
          files_are_synced_and_abandoned, folders_must_be_writable,
          a_file_is_replaced_whole, a_full_disk_leaves_the_old_file, lines_are_read,
          what_cannot_be_read_is_named, folders_are_made_with_their_parents)
