/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "data/pieces.h"

#include "testing.h"

#include "base/error.h"
#include "models/text.h"

static const char model[] = "tests/fixtures/pieces/spiece.model";

/* NULL if this was built without SentencePiece, which the message must say. */
static Tokenizer *pieces(void) {
  Tokenizer *t = pieces_load(model);
  if (!t)
    ck_assert_msg(strstr(fail_message(), "expected a build with the library "
                                         "SentencePiece"), "%s", fail_message());
  return t;
}

/* \n and \t become what they stand for; returns the length. */
static size_t unescaped(char *text) {
  char *to = text;
  for (const char *c = text; *c; c++)
    *to++ = *c != '\\' ? *c : *++c == 'n' ? '\n' : '\t';
  return (size_t)(to - text);
}

START_TEST(texts_are_split_as_sentencepiece_does) {
  size_t size;
  int lines = 0;
  Tokenizer *t = pieces();
  if (!t) return;
  ck_assert_int_eq(tokenizer_end(t), 1);
  char *table = read_file("tests/fixtures/pieces/expected.tsv", &size);
  for (char *line = table, *next; line < table + size; line = next, lines++) {
    char *tab = strpbrk(line, "\t\n");
    int *ids, count = 0, *wanted = calloc(100, sizeof *wanted);
    next = strchr(line, '\n') + 1;
    for (char *at = tab; *at == '\t'; count++) wanted[count] = (int)strtol(at, &at, 10);
    *tab = 0;
    ck_assert_int_eq(tokenizer_split(t, line, unescaped(line), &ids), count);
    for (int i = 0; i < count; i++)
      ck_assert_msg(ids[i] == wanted[i], "%s: piece %d: %d, expected %d", line, i, ids[i],
                    wanted[i]);
    free(ids), free(wanted);
  }
  ck_assert_int_gt(lines, 10);
  free(table), tokenizer_free(t);
}
END_TEST

START_TEST(siglips_texts_end_with_ends) {
  const TextConfig config = {.vocabulary = 520, .context = 5, .style = TEXT_SIGLIP};
  int ids[5];
  Tokenizer *t = pieces();
  if (!t) return;
  ck_assert_int_eq(text_tokens(&config, t, "a dog", ids), 5);
  ck_assert_int_eq(ids[1], 18);
  for (int i = 2; i < 5; i++) ck_assert_int_eq(ids[i], 1);
  ck_assert(!text_truncated(&config, t, "a dog"));
  text_tokens(&config, t, "a photo of a dog and a photo of a cat", ids);
  ck_assert_int_eq(ids[4], 1);
  ck_assert_int_eq(ids[3], 35);
  ck_assert(text_truncated(&config, t, "a photo of a dog and a photo of a cat"));
  text_tokens(&config, t, "", ids);
  for (int i = 0; i < 5; i++) ck_assert_int_eq(ids[i], 1);
  tokenizer_free(t);
}
END_TEST

START_TEST(files_that_are_no_pieces_are_refused) {
  Tokenizer *t = pieces();
  if (!t) return;
  tokenizer_free(t);
  ck_assert_ptr_null(pieces_load("tests/fixtures/pieces/none"));
  ck_assert(strstr(fail_message(), "none: cannot open"));
  ck_assert_ptr_null(pieces_load("tests/fixtures/pieces/expected.tsv"));
  ck_assert(strstr(fail_message(), "expected a model of SentencePiece with an end </s>, "
                                   "found something else"));
}
END_TEST

/* The library throws at some damaged files; here that is a failure like another. */
START_TEST(damage_ends_nothing) {
  const char *path = text_of("%s", scratch_path(scratch_folder("pieces"), "damaged"));
  size_t size;
  int read = 0, refused = 0, *ids;
  char *bytes = read_file(model, &size);
  Tokenizer *t = pieces();
  if (t) tokenizer_free(t);
  for (size_t at = 0; t && at < size; at++) {
    const char was = bytes[at];
    bytes[at] = (char)(at % 2 ? 0xff : 0);
    write_file(path, bytes, size);
    bytes[at] = was;
    Tokenizer *damaged = pieces_load(path);
    if (damaged) {
      ck_assert_int_ge(tokenizer_split(damaged, "a photo", 7, &ids), 0);
      free(ids), tokenizer_free(damaged), read++;
    } else {
      ck_assert(strstr(fail_message(), "damaged: expected a model of SentencePiece"));
      refused++;
    }
  }
  ck_assert(!t || (read > 0 && refused > 0));
  free(bytes);
}
END_TEST

TEST_MAIN("pieces", texts_are_split_as_sentencepiece_does, siglips_texts_end_with_ends,
          files_that_are_no_pieces_are_refused, damage_ends_nothing)
