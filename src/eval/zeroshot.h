/* Tangled from chapters/08-clip.nw: edit that, not this. */
#pragma once
#include "eval/embed.h"

/* Put `name` in the place of {} in the template; "a" before a vowel becomes "an".
   Truncated to `size`. */
void prompt_fill(char *text, size_t size, const char *template, const char *name);

/* One unit vector for each of K class names, vectors[K][E]: the mean over the M
   templates of the unit vectors of the prompts, made a unit vector again. Prompts
   are cut to 255 bytes. Source: CLIP, section 3.1.4. Asserts M > 0. */
void zeroshot_classes(const Clip *clip, Tape *tape, const Tokenizer *tokenizer,
                      const char *const *names, int K, const char *const *templates,
                      int M, real *vectors);
