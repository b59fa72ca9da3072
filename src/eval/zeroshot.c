/* Tangled from chapters/08-clip.nw: edit that, not this. */
#include "eval/zeroshot.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernels/dot.h"

void prompt_fill(char *text, size_t size, const char *template, const char *name) {
  const char *gap = strstr(template, "{}");
  const char *rest = gap ? gap + 2 : "";
  int before = (int)(gap ? gap - template : (long)strlen(template));
  bool article = gap && before >= 2 && strncmp(gap - 2, "a ", 2) == 0 &&
                 (before == 2 || gap[-3] == ' ');
  bool vowel = strchr("aeiou", tolower((unsigned char)name[0])) && name[0];
  if (article && vowel)
    snprintf(text, size, "%.*sn %s%s", before - 1, template, name, rest);
  else snprintf(text, size, "%.*s%s%s", before, template, gap ? name : "", rest);
}

static void make_unit(real *vector, int E) {
  const double length = sqrt((double)dot(vector, vector, E));
  for (int i = 0; i < E; i++) vector[i] = (real)((double)vector[i] / length);
}

void zeroshot_classes(const Clip *clip, Tape *tape, const Tokenizer *tokenizer,
                      const char *const *names, int K, const char *const *templates,
                      int M, real *vectors) {
  enum { TEXT = 256 };
  const int E = clip->config.embed;
  char(*text)[TEXT] = allocate((size_t)M, sizeof *text);
  const char **texts = allocate((size_t)M, sizeof *texts);
  real *each = allocate((size_t)M * E, sizeof *each);
  assert(M > 0);
  for (int k = 0; k < K; k++) {
    real *mean = vectors + (size_t)k * E;
    for (int i = 0; i < M; i++) {
      prompt_fill(text[i], TEXT, templates[i], names[k]);
      texts[i] = text[i];
    }
    embed_texts(clip, tape, tokenizer, texts, M, each);
    memset(mean, 0, (size_t)E * sizeof *mean);
    for (int i = 0; i < M * E; i++) mean[i % E] += each[i];
    make_unit(mean, E);
  }
  free(text), free(texts), free(each);
}
