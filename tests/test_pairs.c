/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/pairs.h"

#include "base/memory.h"
#include "testing.h"

static Pairs three_pictures(void) {
  Dataset pictures = {.count = 3, .channels = 1, .height = 1, .width = 1,
                      .pixels = allocate(3, 1), .labels = allocate(3, 1)};
  Pairs pairs = pairs_new(pictures);
  pairs_add(&pairs, 0, "one");
  pairs_add(&pairs, 1, "two");
  pairs_add(&pairs, 1, "three");
  for (int i = 0; i < 5; i++) pairs_add(&pairs, 2, (char[]){(char)('a' + i), 0});
  return pairs;
}

START_TEST(captions_stay_with_their_pictures) {
  Pairs pairs = three_pictures();
  const int first[] = {0, 1, 3, 8};
  const char *caption[] = {"one", "two", "three", "a", "b", "c", "d", "e"};
  ck_assert_int_eq(pairs_captions(&pairs), 8);
  for (int i = 0; i < 4; i++) ck_assert_int_eq(pairs.first[i], first[i]);
  for (int i = 0; i < 8; i++) ck_assert_str_eq(pairs.caption[i], caption[i]);
  pairs_limit(&pairs, 5); /* there are fewer */
  ck_assert_int_eq(pairs_captions(&pairs), 8);
  pairs_limit(&pairs, 2);
  ck_assert_int_eq(pairs_captions(&pairs), 3);
  ck_assert_str_eq(pairs.caption[2], "three");
  pairs_free(&pairs);
  ck_assert_int_eq(pairs_captions(&pairs), 0);
  pairs_free(&pairs); /* twice does no harm */
}
END_TEST

// Draws of captions
START_TEST(there_is_room_for_many) {
  Dataset one = {.count = 1, .pixels = allocate(1, 1), .labels = allocate(1, 1)};
  Pairs pairs = pairs_new(one);
  char text[32];
  for (int i = 0; i < 1000; i++) {
    snprintf(text, sizeof text, "caption %d", i);
    pairs_add(&pairs, 0, text);
  }
  ck_assert_int_eq(pairs_captions(&pairs), 1000);
  for (int i = 0; i < 1000; i++) ck_assert_int_eq(atoi(pairs.caption[i] + 8), i);
  pairs_free(&pairs);
}
END_TEST

START_TEST(each_caption_is_as_likely) {
  Pairs pairs = three_pictures();
  RandomKey key = random_key(1, "captions");
  int counts[5] = {0}, differ = 0;
  for (uint64_t i = 0; i < 1000; i++) {
    RandomKey own = random_subkey(key, i);
    const char *text = pairs.caption[pairs_draw(&pairs, 2, own)];
    ck_assert_str_eq(pairs.caption[pairs_draw(&pairs, 2, own)], text);
    ck_assert_int_eq(pairs_draw(&pairs, 0, own), 0);
    counts[text[0] - 'a']++;
    differ += (text[0] < 'c') !=
              (pairs.caption[pairs_draw(&pairs, 1, own)][1] == 'w');
  }
  for (int i = 0; i < 5; i++) ck_assert_int_lt(abs(counts[i] - 200), 64);
  ck_assert(differ > 400 && differ < 600); /* pictures draw for themselves */
  pairs_free(&pairs);
}
END_TEST

TEST_MAIN("pairs", captions_stay_with_their_pictures, there_is_room_for_many,
          each_caption_is_as_likely)
