/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/words.h"

#include "base/error.h"
#include "testing.h"

START_TEST(words_are_kept) {
  const char *const texts[] = {"is there a red bar?", "what's a Star?", "a bar"};
  Tokenizer *t = tokenizer_train(texts, 3, TOKENIZER_SYMBOLS + 12);
  const char *path = text_of("%s/words.txt", scratch_folder("words"));
  Words words = {.count = 0}, read = {.count = 0};
  for (int i = 0; i < 3; i++) words_add(&words, t, texts[i]);
  ck_assert(words_save(&words, path));
  char *file = read_file(path, NULL);
  ck_assert_str_eq(file, "'s\n?\na\nbar\nis\nred\nstar\nthere\nwhat\n");
  ck_assert(words_load(&read, path));
  ck_assert_int_eq(read.count, 9);
  static const char *const asked[][2] = {{"is a star red?", NULL},
                                         {"IS THERE A BAR", NULL},
                                         {"is there a pink bar?", "pink"},
                                         {"bars", "bars"},
                                         {"", NULL}};
  for (int i = 0; i < 5; i++) {
    char *missing = words_missing(&read, t, asked[i][0]);
    ck_assert((missing == NULL) == (asked[i][1] == NULL));
    if (missing) ck_assert_str_eq(missing, asked[i][1]);
    free(missing);
  }
  ck_assert(!words_load(&read, "/nowhere/words.txt"));
  ck_assert(strstr(fail_message(), "/nowhere/words.txt"));
  free(file), words_free(&words), words_free(&read), tokenizer_free(t);
}
END_TEST

TEST_MAIN("words", words_are_kept)
