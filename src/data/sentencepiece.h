/* Tangled from chapters/63-tokenizer.nw: edit that, not this. */
#pragma once
/* SentencePiece for C: open a model out of memory, NULL if it is none; how many pieces;
   which is </s>, or -1; the pieces of a text, at most so many, -1 never. */
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif
void *sentencepiece_open(const char *bytes, size_t count);
void sentencepiece_close(void *processor);
int sentencepiece_size(const void *processor);
int sentencepiece_end(const void *processor);
int sentencepiece_encode(const void *processor, const char *text, size_t count, int *ids,
                         int most);
#ifdef __cplusplus
}
#endif
