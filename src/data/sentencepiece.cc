/* Tangled from chapters/63-tokenizer.nw: edit that, not this. */
#include "data/sentencepiece.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <vector>

using sentencepiece::SentencePieceProcessor;

static const SentencePieceProcessor *known(const void *processor) {
  return static_cast<const SentencePieceProcessor *>(processor);
}

void *sentencepiece_open(const char *bytes, size_t count) {
  SentencePieceProcessor *processor = new SentencePieceProcessor;
  try { /* it throws at some of what is no model */
    if (processor->LoadFromSerializedProto({bytes, count}).ok()) return processor;
  } catch (...) {
  }
  delete processor;
  return nullptr;
}

void sentencepiece_close(void *processor) { delete known(processor); }
int sentencepiece_size(const void *p) { return known(p)->GetPieceSize(); }
int sentencepiece_end(const void *p) { return known(p)->eos_id(); }

int sentencepiece_encode(const void *p, const char *text, size_t count, int *ids,
                         int most) {
  std::vector<int> found;
  try {
    if (!known(p)->Encode({text, count}, &found).ok()) return 0;
  } catch (...) {
    return 0;
  }
  const int n = std::min(most, static_cast<int>(found.size()));
  std::copy(found.begin(), found.begin() + n, ids);
  return n;
}
