/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "data/words.h"

#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"

/* Where the word is in the list, or where it would be. */
static int place_of(const Words *words, const char *word, bool *found) {
  int low = 0, high = words->count;
  *found = false;
  while (low < high) {
    const int middle = (low + high) / 2, order = strcmp(words->word[middle], word);
    if (order == 0) return *found = true, middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/* Takes the word over. */
static void add_word(Words *words, char *word) {
  bool found;
  const int at = place_of(words, word, &found);
  if (found) {
    free(word);
    return;
  }
  if (words->count == words->room) {
    words->room = 2 * words->room + 64;
    words->word = reallocate(words->word, (size_t)words->room * sizeof *words->word);
  }
  memmove(words->word + at + 1, words->word + at,
          (size_t)(words->count++ - at) * sizeof *words->word);
  words->word[at] = word;
}

/* The next word of ids[n], from *at on, which is moved behind it; NULL at the end. */
static char *next_word(const Tokenizer *tokenizer, const int *ids, int n, int *at) {
  const int first = *at;
  bool end = false;
  if (first == n) return NULL;
  while (*at < n && !end) {
    const char *symbol = tokenizer_symbol(tokenizer, ids[(*at)++]);
    const size_t length = strlen(symbol);
    end = length > 4 && strcmp(symbol + length - 4, "</w>") == 0;
  }
  return tokenizer_decode(tokenizer, ids + first, *at - first, NULL);
}

void words_add(Words *words, const Tokenizer *tokenizer, const char *text) {
  int *ids, at = 0, n = tokenizer_split(tokenizer, text, strlen(text), &ids);
  for (char *word; (word = next_word(tokenizer, ids, n, &at));) add_word(words, word);
  free(ids);
}

char *words_missing(const Words *words, const Tokenizer *tokenizer, const char *text) {
  int *ids, at = 0, n = tokenizer_split(tokenizer, text, strlen(text), &ids);
  char *word;
  for (bool found; (word = next_word(tokenizer, ids, n, &at)); free(word)) {
    place_of(words, word, &found);
    if (!found) break;
  }
  free(ids);
  return word;
}

void words_free(Words *words) {
  for (int i = 0; i < words->count; i++) free(words->word[i]);
  free(words->word);
  *words = (Words){NULL, 0, 0};
}

bool words_save(const Words *words, const char *path) {
  FILE *file = file_begin(path);
  for (int i = 0; file && i < words->count; i++) fprintf(file, "%s\n", words->word[i]);
  return file && file_commit(file, path);
}

bool words_load(Words *words, const char *path) {
  int count;
  char **line = file_lines(path, &count);
  if (!line) return false;
  for (int i = 0; i < count; i++) add_word(words, text_copy(line[i]));
  free(line);
  return true;
}
