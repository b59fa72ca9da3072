/* Tangled from chapters/09-clip.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "models/clip.h"

/* Unit vectors[count][E] of all pictures of a data set (with labels or without), and of
   texts. The tape must not be recording; it is reset. */
void embed_images(const Clip *clip, Tape *tape, const Dataset *data, real *vectors);
void embed_texts(const Clip *clip, Tape *tape, const Tokenizer *tokenizer,
                 const char *const *texts, int count, real *vectors);
