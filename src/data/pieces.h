/* Tangled from chapters/63-tokenizer.nw: edit that, not this. */
#pragma once
#include "data/tokenizer.h"

/* SigLIP's tokenizer, out of a file spiece.model, by the library SentencePiece (Kudo and
   Richardson 2018). Texts are made plain as in Transformers' SiglipTokenizer; letters
   become lower case one by one. NULL with a message: the file is none, or this was built
   without the library. */
Tokenizer *pieces_load(const char *path);
