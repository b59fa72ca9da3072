/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/captioned.h"

#include "base/error.h"
#include "data/image.h"
#include "testing.h"

enum { ITEMS = 10 };

/* DIR/emoji with ten concepts, Google's drawing of number i of grey 10 + i, Twitter's
   of 90 + i, OpenMoji's of 170 + i. */
static const char *emoji_folder(void) {
  static const char item[] =
      "{\"name\":\"E%d\",\"short_names\":[\"s%d\"],\"category\":\"Objects\","
      "\"subcategory\":\"x\",\"sheet_x\":%d,\"sheet_y\":0,\"has_img_google\":true,"
      "\"has_img_twitter\":true}%s";
  static char folder[256], list[4096];
  const char *output;
  int length = sprintf(list, "[");
  snprintf(folder, sizeof folder, "%s", scratch_folder("captioned"));
  run_command(&output, "mkdir %s/emoji", folder);
  for (int i = 0; i < ITEMS; i++)
    length += sprintf(list + length, item, i, i, i, i + 1 < ITEMS ? "," : "]");
  write_file(text_of("%s/emoji/emoji.json", folder), list, (size_t)length);
  // Draw the vendors' sheets
  static const char *const vendors[] = {"google", "twitter", "openmoji"};
  for (int vendor = 0; vendor < 3; vendor++) {
    Image sheet = image_new(ITEMS * 34, 34, 3, 0);
    for (int k = 0; k < ITEMS * 34 * 34; k++)
      for (int c = 0; c < 3; c++)
        sheet.pixels[3 * k + c] = (uint8_t)(10 + 80 * vendor + k % (ITEMS * 34) / 34);
    ck_assert(image_save(&sheet, text_of("%s/emoji/%s-32.png", folder, vendors[vendor])));
    image_free(&sheet);
  }
  return folder;
}

static int grey(const Pairs *pairs, int i) {
  return dataset_image(&pairs->pictures, i)[100];
}

START_TEST(a_third_vendor_is_the_test) {
  for (int two = 0; two < 2; two++) {
    Pairs train = {0}, test = {0};
    ck_assert_msg(captioned_open(two ? CAPTIONED_EMOJI_THREE : CAPTIONED_EMOJI_THIRD,
                                 emoji_folder(), 0, 1, &train, &test),
                  "%s", fail_message());
    ck_assert_int_eq(train.pictures.count, (1 + two) * ITEMS);
    ck_assert_int_eq(test.pictures.count, ITEMS);
    for (int i = 0; i < (1 + two) * ITEMS; i++) {
      ck_assert_int_eq(grey(&train, i), 10 + 80 * (i / ITEMS) + i % ITEMS);
      ck_assert_str_eq(train.caption[train.first[i]], text_of("e%d", i % ITEMS));
    }
    for (int i = 0; i < ITEMS; i++) {
      ck_assert_int_eq(grey(&test, i), 170 + i);
      ck_assert_str_eq(test.caption[test.first[i] + 1], text_of("s%d", i));
    }
    ck_assert_double_eq((double)train.pictures.mean[0], (double)test.pictures.mean[0]);
    pairs_free(&train), pairs_free(&test);
  }
}
END_TEST

START_TEST(photographs_get_the_names_of_their_classes) {
  static uint8_t file[7 * 3073];
  static const char *const want[] = {"a photo of a cat", "a small photo of a cat",
                                     "a cat", "a picture of a cat",
                                     "a photo of an airplane"};
  Pairs train = {0}, test = {0};
  const char *output, *folder = text_of("%s", scratch_folder("captioned-cifar"));
  run_command(&output, "mkdir %s/cifar10", folder);
  file[0] = 3; /* the others are airplanes */
  // Write six files in the official form
  for (int i = 0; i < 6; i++)
    write_file(i < 5 ? text_of("%s/cifar10/data_batch_%d.bin", folder, i + 1)
                     : text_of("%s/cifar10/test_batch.bin", folder),
               file, i < 5 ? 3073 : sizeof file);
  ck_assert_msg(captioned_open(CAPTIONED_CIFAR10, folder, 3, 1, &train, &test), "%s",
                fail_message());
  ck_assert_int_eq(train.pictures.count, 3);
  ck_assert_int_eq(test.pictures.count, 7);
  for (int i = 0; i < 5; i++) ck_assert_str_eq(test.caption[i], want[i]);
  pairs_free(&train), pairs_free(&test);
  ck_assert(!captioned_open(CAPTIONED_CIFAR10, "/nowhere", 0, 1, &train, &test));
  pairs_free(&train), pairs_free(&test);
}
END_TEST

TEST_MAIN("captioned", a_third_vendor_is_the_test,
          photographs_get_the_names_of_their_classes)
