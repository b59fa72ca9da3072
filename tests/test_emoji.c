/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/emoji.h"

#include <unistd.h>

#include "base/error.h"
#include "data/image.h"
#include "testing.h"

#define ITEM(name, shorts, category, x, y, google)                                     \
  "{\"name\":\"" name "\",\"short_names\":[" shorts "],\"category\":\"" category       \
  "\",\"subcategory\":\"food-sweet\",\"sheet_x\":" x ",\"sheet_y\":" y                 \
  ",\"has_img_twitter\":true,\"has_img_google\":" google "}"
#define SWEET(name, shorts, x, y) ITEM(name, shorts, "Food & Drink", x, y, "true")

/* A folder with the list and a sheet whose cell (x, y) is 100 + 50 x + 5 y with a
   border of zeros. */
static const char *write_source(const char *list, int width, int height) {
  static char folder[256];
  snprintf(folder, sizeof folder, "%s", scratch_folder("emoji"));
  Image sheet = image_new(width, height, 3, 0);
  for (int i = 0; i < width * height; i++) {
    int u = i % width % 34, v = i / width % 34;
    if (u > 0 && u < 33 && v > 0 && v < 33)
      sheet.pixels[3 * i] = (uint8_t)(100 + i % width / 34 * 50 + i / width / 34 * 5);
  }
  ck_assert(image_save(&sheet, scratch_path(folder, "google-32.png")));
  image_free(&sheet);
  write_file(scratch_path(folder, "emoji.json"), list, strlen(list));
  return folder;
}

// A small list
START_TEST(a_small_list_is_read) {
  const char *folder = write_source(
      "[" SWEET("HOT DOG", "\"hotdog\",\"hot_dog\",\"sausage-roll\"", "1", "0") ","
      ITEM("FLAG", "\"f\"", "Flags", "9", "9", "true") ","
      ITEM("SKIN", "\"s\"", "Component", "0", "1", "true") ","
      ITEM("RARE", "\"r\"", "Objects", "0", "1", "false") ","
      ITEM("RARE", "\"r\"", "Objects", "0", "1", "true,\"has_img_twitter\":false") ","
      ITEM("Caf\\u00e9\\nX", "\"cafe\"", "Objects", "1", "1", "true") "]", 68, 68);
  const char *caption[] = {"hot dog", "hotdog", "sausage roll",
                           "an emoji of hot dog", "hot dog: food sweet",
                           "caf\xc3\xa9 x", "cafe", "an emoji of caf\xc3\xa9 x",
                           "caf\xc3\xa9 x: food sweet"};
  Pairs pairs;
  ck_assert_msg(emoji_load(&pairs, folder, "google"), "%s", fail_message());
  // Expect two of the six, with captions and colours
  ck_assert_int_eq(pairs.pictures.count, 2);
  ck_assert_int_eq(pairs_captions(&pairs), 9);
  for (int i = 0; i < 9; i++) ck_assert_str_eq(pairs.caption[i], caption[i]);
  ck_assert_str_eq(pairs.pictures.class_names[pairs.pictures.labels[0]], "Food & Drink");
  ck_assert_str_eq(pairs.pictures.class_names[pairs.pictures.labels[1]], "Objects");
  for (int i = 0; i < 1024; i++) {
    ck_assert_int_eq(dataset_image(&pairs.pictures, 0)[3 * i], 150);
    ck_assert_int_eq(dataset_image(&pairs.pictures, 1)[3 * i], 155);
    ck_assert_int_eq(dataset_image(&pairs.pictures, 1)[3 * i + 1], 0);
  }
  pairs_free(&pairs);
}
END_TEST

START_TEST(names_are_told_apart) {
  Pairs pairs;
  ck_assert(emoji_load(&pairs, write_source(
      "[" SWEET("A", "\"person_a\"", "0", "0") "," SWEET("B", "\"b\"", "0", "1") ","
      SWEET("a", "\"a\"", "1", "0") "]", 68, 68), "google"));
  ck_assert_str_eq(pairs.caption[0], "person a");
  ck_assert_str_eq(pairs.caption[pairs.first[1]], "b");
  ck_assert_str_eq(pairs.caption[pairs.first[2]], "a");
  ck_assert_int_eq(pairs_captions(&pairs), 9); /* no short name says more */
  pairs_free(&pairs);
}
END_TEST

// Lists that lie
static void refused(const char *folder, const char *why) {
  Pairs pairs = {.caption = NULL}, before = pairs;
  ck_assert_msg(!emoji_load(&pairs, folder, "google"), "read despite '%s'", why);
  ck_assert_msg(strstr(fail_message(), why) && strstr(fail_message(), folder),
                "'%s' lacks '%s'", fail_message(), why);
  ck_assert_mem_eq(&pairs, &before, sizeof pairs);
}

#define BARE "{\"category\":\"Objects\",\"has_img_google\":true,\"has_img_twitter\":true"
START_TEST(bad_lists_are_refused) {
  static const char *const bad[][2] = {
      // Lists in which something is missing
      {"", "expected a list in JSON, found line"},
      {"[1, 2", "expected a list in JSON, found line 1"},
      {"{}", "expected a list of 1 to 10000 items, found 0"},
      {"[]", "expected a list of 1 to 10000 items, found 0"},
      {"[7]", "expected \"category\" of 1 to 120 bytes in item 0, found none"},
      {"[{\"category\":\"Objects\"}]", "expected \"has_img_google\" true or false"},
      {"[" BARE "}]", "expected \"name\" of 1 to 120 bytes in item 0, found none"},
      {"[" BARE ",\"name\":\"\"}]", "in item 0, found another length"},
      {"[" BARE ",\"name\":\"A\"}]", "expected \"subcategory\""},
      {"[" BARE ",\"name\":\"A\",\"subcategory\":\"b\"}]", "\"sheet_x\" from 0 to 1"},
      {"[" SWEET("A", "", "0", "0") "]", "expected 1 to 16 \"short_names\""},
      {"[" SWEET("A", "7", "0", "0") "]", "in item 0, found others"},
      {"[" SWEET("A", "\"a\"", "2", "0") "]", "from 0 to 1 in item 0, found 2"},
      {"[" SWEET("A", "\"a\"", "0", "-1") "]", "\"sheet_y\" from 0 to 1 in item 0"},
      {"[" SWEET("A", "\"a\"", "4294967296", "0") "]", "found 4294967296"},
      {"[" SWEET("A", "\"a\"", "0.5", "0") "]", "expected \"sheet_x\""},
      {"[" SWEET("A", "\"a\"", "0", "1") "," SWEET("B", "\"b\"", "0", "1") "]",
       "found (0, 1) again in item 1"},
      {"[" SWEET("A", "\"a\"", "0", "0") "," SWEET("A", "\"a\"", "0", "1") "]",
       "found two called \"a\""},
      {"[" ITEM("A", "\"a\"", "Birds", "0", "0", "true") "]", "found \"Birds\""},
      {"[" ITEM("A", "\"a\"", "Objects", "0", "0", "1") "]", "found neither"},
      {"[" ITEM("A", "\"a\"", "Objects", "0", "0", "false") "]",
       "expected items drawn by google and twitter, found none"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    refused(write_source(bad[i][0], 68, 68), bad[i][1]);
}
END_TEST

START_TEST(bad_sheets_are_refused) {
  const char *list = "[" SWEET("A", "\"a\"", "0", "0") "]";
  refused(write_source(list, 70, 68), "expected whole cells of 34 pixels, found 70 x 68");
  refused(write_source(list, 68, 33), "expected whole cells of 34 pixels, found 68 x 33");
  const char *folder = write_source(list, 68, 68);
  write_file(scratch_path(folder, "google-32.png"), "no picture", 10);
  refused(folder, "google-32.png: expected a PNG or JPEG picture");
  remove(scratch_path(folder, "google-32.png"));
  refused(folder, "google-32.png: cannot open");
  remove(scratch_path(folder, "emoji.json"));
  refused(folder, "emoji.json: cannot open");
}
END_TEST

START_TEST(hostile_sizes_are_refused) {
  enum { SIZE = (1 << 24) + 1 };
  char *text = malloc(SIZE + 1), *end = text;
  *end++ = '[';
  for (int i = 0; i < 10001; i++) end += sprintf(end, "7,");
  strcpy(end - 1, "]");
  refused(write_source(text, 34, 34), "expected a list of 1 to 10000 items, found 10001");
  memset(text, ' ', SIZE);
  text[SIZE] = 0;
  refused(write_source(text, 34, 34), "expected at most 16777216 bytes, found 16777217");
  end = text + sprintf(text, "[" BARE ",\"name\":\"");
  memset(end, 'x', 121);
  strcpy(end + 121, "\"}]");
  refused(write_source(text, 34, 34), "in item 0, found another length");
  free(text);
}
END_TEST

// The real emoji
START_TEST(real_emoji) {
  Pairs google, twitter;
  if (access("data/emoji/twitter-32.png", R_OK) != 0) return;
  ck_assert_msg(emoji_load(&google, "data/emoji", "google"), "%s", fail_message());
  ck_assert_msg(emoji_load(&twitter, "data/emoji", "twitter"), "%s", fail_message());
  int count = google.pictures.count, same = 0, tuxedos = 0;
  ck_assert_int_eq(count, 1636);
  ck_assert_int_eq(twitter.pictures.count, count);
  for (int i = 0; i < pairs_captions(&google); i++)
    ck_assert_str_eq(google.caption[i], twitter.caption[i]);
  for (int i = 0; i < count; i++) {
    const char *name = google.caption[google.first[i]];
    for (int k = 0; k < i; k++) ck_assert_str_ne(name, google.caption[google.first[k]]);
    tuxedos += strstr(name, " in tuxedo") != NULL;
    same += !memcmp(dataset_image(&google.pictures, i),
                    dataset_image(&twitter.pictures, i), 3072);
  }
  ck_assert_int_eq(tuxedos, 3);
  ck_assert_int_eq(same, 0);
  pairs_free(&google), pairs_free(&twitter);
}
END_TEST

TEST_MAIN("emoji", a_small_list_is_read, names_are_told_apart, bad_lists_are_refused,
          bad_sheets_are_refused, hostile_sizes_are_refused, real_emoji)
