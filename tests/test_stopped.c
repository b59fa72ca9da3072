/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include "base/error.h"
#include "testing.h"

START_TEST(the_first_tensor_is_named) {
  const char *folder = scratch_folder("stopped");
  expect_program(1, ": expected a finite loss and gradient, found NaN or infinity, "
                    "first in the ", "train-vit",
                 text_of("--limit 64 --width 8 --depth 1 --heads 1 --patch-size 16 "
                         "--batch 16 --warmup 0 --lr 100 --weight-decay 1 --out %s",
                         folder));
  // The checkpoint before is there, and finite
  Safetensors *file = safetensors_read(text_of("%s/checkpoint.safetensors", folder));
  ck_assert_msg(file != NULL, "%s", fail_message());
  ck_assert(safetensors_check(file, "head.bias", SHAPE(8)));
  safetensors_free(file);
  expect_program(1, ": expected a finite loss and gradient", "train-vit",
                 text_of("--resume %s", folder));
  // A checkpoint with an infinity is refused
  size_t count;
  const char *path = text_of("%s/checkpoint.safetensors", folder);
  char *bytes = read_file(path, &count);
  const float infinite = INFINITY;
  memcpy(bytes + count - 4, &infinite, 4); /* the last number of the last tensor */
  write_file(path, bytes, count);
  free(bytes);
  expect_program(1, "expected finite numbers, found inf at place", "train-vit",
                 text_of("--resume %s", folder));
}
END_TEST

TEST_MAIN("stopped", the_first_tensor_is_named)
