/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "eval/embed.h"

#include <string.h>

#include "base/least.h"
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
