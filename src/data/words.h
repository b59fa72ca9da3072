/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "data/tokenizer.h"

/* A sorted list of words, each once. Owns them. */
typedef struct Words {
  char **word;
  int count, room;
} Words;

/* Add the words of a text: pieces as the tokenizer cuts them, quotes and the like too. */
void words_add(Words *words, const Tokenizer *tokenizer, const char *text);
void words_free(Words *words);

/* Write them, a line each; read such a file. False with a message. */
bool words_save(const Words *words, const char *path);
bool words_load(Words *words, const char *path);

/* The first word of a text that is not in the list, or NULL; the caller frees. */
char *words_missing(const Words *words, const Tokenizer *tokenizer, const char *text);
