/* Tangled from chapters/63-tokenizer.nw: edit that, not this. */
#include "data/pieces.h"

#include "base/error.h"

#ifdef SENTENCEPIECE
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <unistr.h>

#include "base/files.h"
#include "base/memory.h"
#include "data/sentencepiece.h"

typedef struct Pieces {
  OtherTokenizer kind; /* first, so that a pointer to it is one to the whole */
  void *processor;
} Pieces;

static const char ascii_punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/* In lower case, without punctuation, one space between words; what is no UTF-8 becomes
   U+FFFD. The caller frees. */
static char *plain(const char *text, size_t length, size_t *count) {
  char *out = allocate(6 * length + 1, 1);
  size_t n = 0;
  for (size_t at = 0; at < length;) {
    ucs4_t c;
    const int used = u8_mbtoucr(&c, (const uint8_t *)text + at, length - at);
    at += used > 0 ? (size_t)used : 1;
    if (used <= 0) c = 0xfffd;
    if (c > ' ' && c < 128 && strchr(ascii_punctuation, (int)c)) continue;
    if (!uc_is_property_white_space(c) && c != 0x2581) { /* the space of pieces */
      const int put = u8_uctomb((uint8_t *)out + n, uc_tolower(c), 6);
      n += put > 0 ? (size_t)put : 0;
    } else if (n > 0 && out[n - 1] != ' ') out[n++] = ' ';
  }
  *count = n > 0 && out[n - 1] == ' ' ? n - 1 : n;
  return out;
}

static int split(const OtherTokenizer *kind, const char *text, size_t length,
                 int **ids) {
  size_t count;
  char *bytes = plain(text, length, &count);
  const size_t most = count + 1; /* a piece has a byte at least, and a space is added */
  *ids = allocate(most + 1, sizeof **ids);
  const int found = sentencepiece_encode(((const Pieces *)kind)->processor, bytes,
                                         count, *ids, (int)most);
  free(bytes);
  return found;
}

static void free_pieces(OtherTokenizer *kind) {
  Pieces *p = (Pieces *)kind;
  sentencepiece_close(p->processor);
  free(p);
}

Tokenizer *pieces_load(const char *path) {
  size_t count;
  char *bytes = file_read(path, &count);
  if (!bytes) return NULL;
  void *processor = sentencepiece_open(bytes, count);
  free(bytes);
  const int size = processor ? sentencepiece_size(processor) : 0;
  const int end = processor ? sentencepiece_end(processor) : -1;
  if (end < 0 || end >= size) {
    if (processor) sentencepiece_close(processor);
    fail("%s: expected a model of SentencePiece with an end </s>, found %s", path,
         processor ? "one without" : "something else");
    return NULL;
  }
  Pieces *p = allocate(1, sizeof *p);
  *p = (Pieces){{size, end, split, free_pieces}, processor};
  return tokenizer_of_other(&p->kind);
}

#else
Tokenizer *pieces_load(const char *path) {
  fail("%s: expected a build with the library SentencePiece, which SigLIP's texts need, "
       "found one without: install libsentencepiece-dev and g++, then make clean and "
       "make again", path);
  return NULL;
}
#endif
