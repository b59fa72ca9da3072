/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "data/image.h"
#include "data/tokenizer.h"
#include "models/generate.h"

/* An answer in words. Owns the text; `answer` is the tape's memory. */
typedef struct Spoken {
  char *text;
  double probability; /* of all of it, its end included */
  Answer answer;
  Tensor *seen; /* how much of each patch is in each image token, [M][N], or NULL */
} Spoken;

/* Answer a question ("": describe) about image[1][C][S][S]. The question must fit: see
   speak_question. */
Spoken speak(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer, Tensor *image,
             const char *question, const Sampling *sampling, bool look);

/* Tokens in words, on one line: control characters become question marks. The caller
   frees. */
char *speak_words(const Tokenizer *tokenizer, const int *ids, int count);

/* How many tokens a question has, and how many it may have. */
int speak_question(const Tokenizer *tokenizer, const char *question);
int speak_room(const Vlm *vlm);

/* The picture that is seen, then for each word, and for the end, the same with each patch
   the brighter the more attention it got. */
Image speak_look(const Vlm *vlm, const Spoken *spoken, const Image *picture);
