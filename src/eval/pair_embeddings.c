/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "eval/pair_embeddings.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/embed.h"

PairEmbeddings pair_embeddings(const Clip *clip, const Tokenizer *tokenizer,
                               const Pairs *pairs) {
  const int n = pairs->pictures.count, E = clip->config.embed;
  const size_t size = (size_t)n * E;
  PairEmbeddings v =
      {n, E, allocate((size_t)n, sizeof(int)), allocate(size, sizeof(real)),
                      allocate(size, sizeof(real))};
  const char **texts = allocate((size_t)n, sizeof *texts);
  Tape *tape = tape_new();
  tape->recording = false;
  for (int i = 0; i < n; i++) {
    texts[i] = pairs->caption[pairs->first[i]];
    for (v.groups[i] = 0; strcmp(texts[v.groups[i]], texts[i]) != 0;) v.groups[i]++;
  }
  embed_images(clip, tape, &pairs->pictures, v.image);
  embed_texts(clip, tape, tokenizer, texts, n, v.text);
  tape_free(tape);
  free(texts);
  return v;
}

void pair_embeddings_free(PairEmbeddings *v) {
  free(v->groups), free(v->image), free(v->text);
  *v = (PairEmbeddings){0};
}

void pair_embeddings_recall(const PairEmbeddings *v, const char *name, FILE *file) {
  const real *side[] = {v->image, v->text};
  static const char *const ways[] = {"text", "image"};
  for (int i = 0; i < 2; i++) {
    const Recall r = recall_measure(side[i], v->groups, v->count, side[1 - i], v->groups,
                                    v->count, v->embed);
    fprintf(file, "%s_to_%s_r1\t%.4f\n%s_to_%s_r5\t%.4f\n%s_to_%s_r10\t%.4f\n"
            "%s_to_%s_median\t%.1f\n", name, ways[i], r.at1, name, ways[i], r.at5, name,
            ways[i], r.at10, name, ways[i], r.median);
  }
}
