/* Tangled from chapters/90-workshop.nw: edit that, not this. */
#include "base/files.h"

#include <unistd.h>

#include "testing.h"

#include "base/fail.h"

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

TEST_MAIN("files", a_file_is_replaced_whole, a_full_disk_leaves_the_old_file,
          what_cannot_be_read_is_named, folders_are_made_with_their_parents)
