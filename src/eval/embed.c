/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "eval/embed.h"

#include <string.h>

#include "base/memory.h"
#include "nn/image_batch.h"

enum { AT_ONCE = 50 };

void embed_images(const Clip *clip, Tape *tape, const Dataset *data, real *vectors) {
  const size_t E = (size_t)clip->config.embed;
  ImageScan scan = image_scan(data, data->count, AT_ONCE);
  while (image_scan_next(&scan, tape))
    memcpy(vectors + (size_t)scan.first * E,
           clip_encode_image(tape, clip, scan.images)->value,
           (size_t)scan.count * E * sizeof(real));
}

void embed_texts(const Clip *clip, Tape *tape, const Tokenizer *tokenizer,
                 const char *const *texts, int count, real *vectors) {
  const size_t E = (size_t)clip->config.embed;
  const int T = clip->config.text.context;
  for (int first = 0; first < count; first += AT_ONCE) {
    const int n = least(AT_ONCE, count - first);
    tape_reset(tape, (RandomKey){0});
    int *ids = tape_memory(tape, (size_t)n * T * sizeof *ids);
    for (int i = 0; i < n; i++)
      text_tokens(&clip->config.text, tokenizer, texts[first + i], ids + (size_t)i * T);
    memcpy(vectors + (size_t)first * E, clip_encode_text(tape, clip, ids, n, T)->value,
           (size_t)n * E * sizeof(real));
  }
}

PairEmbeddings pair_embeddings(const Clip *clip, const Tokenizer *tokenizer,
                               const Pairs *pairs) {
  const int n = pairs->pictures.count, E = clip->config.embed;
  const size_t size = (size_t)n * E;
  PairEmbeddings v =
      {n, E, allocate((size_t)n, sizeof(int)), allocate(size, sizeof(real)),
                      allocate(size, sizeof(real))};
  const char **texts = allocate((size_t)n, sizeof *texts);
  Tape *tape = tape_no_grad();
  for (int i = 0; i < n; i++) {
    texts[i] = pairs->caption[pairs->first[i]];
    for (v.groups[i] = 0; strcmp(texts[v.groups[i]], texts[i]) != 0;) v.groups[i]++;
  }
  embed_images(clip, tape, &pairs->pictures, v.image);
  embed_texts(clip, tape, tokenizer, texts, n, v.text);
  tape_free(tape), free(texts);
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
