/* Tangled from chapters/07-text.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Byte-level byte-pair encoding as CLIP has it (clip/simple_tokenizer.py), but
   that no text is special ("<|endoftext|>" in a caption is just letters), and that of
   what ftfy repairs only quotes, ligatures, widths and accents are, and of HTML's
   entities the numbers and the commonest names. */
typedef struct Tokenizer Tokenizer;

/* Bytes, with and without </w>; the merges that CLIP uses of its file. */
enum { TOKENIZER_SYMBOLS = 512, TOKENIZER_CLIP_MERGES = 48894 };

/* Learn merges from texts until there are `vocabulary` tokens (at least
   TOKENIZER_SYMBOLS + 2) or no pair occurs twice. Of equally frequent pairs the
   one of smaller symbols is taken. */
Tokenizer *tokenizer_train(const char *const *texts, int count, int vocabulary);

/* Read a merges file, plain or gzip: a line with "#version", then LEFT RIGHT on
   each line, symbols in printable form made by earlier lines. Takes the first
   `merges` merges and does not look at more; 0: all there are, but of CLIP's own file,
   known by its first line, those that CLIP takes. NULL with a message. */
Tokenizer *tokenizer_load(const char *path, int merges);

/* Write such a file. Its first line also says how many merges there are, so
   that tokenizer_load notices a file that was cut. */
bool tokenizer_save(const Tokenizer *t, const char *path);

/* A tokenizer of another kind, such as SigLIP's (see pieces_load), in the same clothes:
   how many tokens it has, which is the end, and how it splits and is freed. It is freed
   with what is returned. tokenizer_decode, _symbol and _save are not for it. */
typedef struct OtherTokenizer {
  int size, end;
  int (*split)(const struct OtherTokenizer *other, const char *text, size_t length,
               int **ids);
  void (*free)(struct OtherTokenizer *other);
} OtherTokenizer;
Tokenizer *tokenizer_of_other(OtherTokenizer *other);

void tokenizer_free(Tokenizer *t);

/* How many tokens: TOKENIZER_SYMBOLS + merges + 2; start is the last but one,
   end the last. (Of another kind: as it says.) */
int tokenizer_size(const Tokenizer *t);
int tokenizer_end(const Tokenizer *t);

/* ids[context]: start, tokens, end, zeros. What is too long is cut so that the
   last is end. Returns how many count, end included: from 2 to context. */
int tokenizer_encode(const Tokenizer *t, const char *text, size_t length, int *ids,
                     int context);

/* All tokens of the text, without start and end; the caller frees *ids. */
int tokenizer_split(const Tokenizer *t, const char *text, size_t length, int **ids);

/* Tokens to text, one space between pieces; start is left out, and the first
   end ends it. *length may be NULL; a zero byte follows. The caller frees. */
char *tokenizer_decode(const Tokenizer *t, const int *ids, int count, size_t *length);

/* The printable form, such as "photo</w>", in UTF-8; owned by the tokenizer. */
const char *tokenizer_symbol(const Tokenizer *t, int id);
