/* Tangled from chapters/13-language.nw: edit that, not this. */
#include "models/vlm.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "tensor/layers.h"
#include "tensor/losses.h"

// Declare a vision-language model
bool vlm_check(const VlmConfig *c) {
  if (c->language.width % c->language.heads)
    return fail("--heads: expected a divisor of --width %d, found %d", c->language.width,
                c->language.heads);
  return vit_check(&c->image) && connector_check(&c->connector);
}

Vlm vlm_declare(Params *params, VlmConfig c) {
  Vlm vlm = {.config = c};
  assert(c.language.causal && c.language.context > connector_tokens(&c.connector));
  vlm.visual = vit_declare(params, "visual.", c.image);
  vlm.connector = connector_declare(params, "connector.", c.connector);
  vlm.language = text_declare(params, "language.", c.language);
  vlm.output = vlm.language.token_embedding;
  if (c.separate_output)
    vlm.output = params_add(params, "language.output.weight",
                            SHAPE(c.language.vocabulary, c.language.width),
                            init_normal(0.02), PARAM_DECAYED);
  return vlm;
}

Tensor *vlm_encode(Tape *tape, const Vlm *vlm, Tensor *images) {
  if (vlm->config.connector.kind == CONNECTOR_POOLED)
    return vit_features(tape, &vlm->visual, images);
  return vit_patch_tokens(tape, &vlm->visual, images, vlm->config.penultimate);
}

Tensor *vlm_connect(Tape *tape, const Vlm *vlm, Tensor *features, Tensor **weights) {
  return connector_forward(tape, &vlm->connector, features, weights);
}

Tensor *vlm_look(Tape *tape, const Vlm *vlm, Tensor *images, Tensor **weights) {
  if (weights) *weights = NULL;
  if (vlm->config.connector.kind == CONNECTOR_NONE) return NULL;
  return vlm_connect(tape, vlm, vlm_encode(tape, vlm, images), weights);
}

/* [B]: image and question are the prefix; NULL if every token sees what came before it
   and no more. */
static const int *prefix_of_images(Tape *tape, const Vlm *vlm, const int *question, int B,
                                   int image_tokens) {
  if (!vlm->config.prefix_lm || !question) return NULL;
  int *prefix = tape_memory(tape, (size_t)B * sizeof *prefix);
  for (int b = 0; b < B; b++) prefix[b] = image_tokens + question[b];
  return prefix;
}

Tensor *vlm_read(Tape *tape, const Vlm *vlm, Tensor *image, const int *ids, int B, int T,
                 VlmCall call) {
  const Text *language = &vlm->language;
  const int M = image ? image->shape.size[1] : 0;
  assert(image || T > 0);
  Tensor *x = T ? embedding(tape, language->token_embedding, ids, B, T) : image;
  if (image && T) x = concat_tokens(tape, image, x);
  x = text_add_positions(tape, language, x, call.cache ? call.cache->layer[0].read : 0);
  AttentionCall how = {.prefix = prefix_of_images(tape, vlm, call.question, B, M)};
  for (int i = 0; i < language->config.depth; i++) {
    if (call.cache) how.cache = &call.cache->layer[i];
    if (call.weights) how.weights = &call.weights[i];
    if (i == language->config.depth - 1)
      how.queries = call.wanted, how.query_count = call.count;
    x = block_forward_call(tape, &language->blocks[i], x, how);
  }
  return text_norm(tape, language, x);
}

Tensor *vlm_logits(Tape *tape, const Vlm *vlm, Tensor *x) {
  return linear(tape, x, vlm->output, NULL);
}

// Cut a text
VlmText vlm_text(const Tokenizer *tokenizer, const char *question, const char *answer,
                 int *ids, int room) {
  const int start = tokenizer_size(tokenizer) - 2, end = start + 1;
  VlmText text = {0};
  for (int part = 0; part < 2; part++) {
    const char *words = part ? answer : question;
    if (!words) break;
    int *own, n = tokenizer_split(tokenizer, words, strlen(words), &own);
    for (int i = 0; i < n; i++, text.count++)
      if (text.count < room) ids[text.count] = own[i];
    free(own);
    if (part == 0) text.question = text.count;
    if (text.count++ < room) ids[text.count - 1] = part ? end : start;
  }
  text.cut = text.count > room;
  text.count = least(text.count, room);
  return text;
}

int vlm_room(const Vlm *vlm) {
  return vlm->config.language.context - connector_tokens(&vlm->config.connector);
}

VlmCache vlm_cache(Tape *tape, const Vlm *vlm, int B) {
  const TextConfig *c = &vlm->config.language;
  VlmCache cache = {tape_memory(tape, (size_t)c->depth * sizeof *cache.layer)};
  const size_t size = (size_t)B * c->context * 2 * c->width * sizeof(real);
  for (int i = 0; i < c->depth; i++)
    cache.layer[i] = (KeyValueCache){.room = c->context, .kv = tape_memory(tape, size)};
  return cache;
}

/* What is to be predicted: where the vectors stand that predict it, among all of a
   batch, and which token comes next. */
typedef struct Targets {
  int count, *row, *next;
} Targets;

static Targets answers_of(Tape *tape, const int *ids, const VlmText *text, int B, int T,
                          int image_tokens) {
  const size_t size = (size_t)B * T * sizeof(int);
  Targets targets = {0, tape_memory(tape, size), tape_memory(tape, size)};
  for (int b = 0; b < B; b++)
    for (int t = text[b].question; t + 1 < text[b].count; t++) {
      targets.row[targets.count] = b * (image_tokens + T) + image_tokens + t;
      targets.next[targets.count++] = ids[b * T + t + 1];
    }
  return targets;
}

// Which answers are right
static void check_answers(const Tensor *logits, const Targets *targets,
                          const VlmText *text, int B, bool *right_of) {
  int r = 0;
  for (int b = 0; b < B; b++) {
    right_of[b] = !text[b].cut;
    for (int t = text[b].question; t + 1 < text[b].count; t++, r++) {
      const int V = tensor_last(logits);
      right_of[b] &= largest_of_row(logits->value + (size_t)r * V, V) == targets->next[r];
    }
  }
}

Tensor *vlm_loss(Tape *tape, const Vlm *vlm, Tensor *image, const int *ids,
                 const VlmText *text, int B, int T, int *tokens, bool *right_of) {
  int *question = tape_memory(tape, (size_t)B * sizeof *question);
  for (int b = 0; b < B; b++) question[b] = text[b].question;
  const Targets targets =
      answers_of(tape, ids, text, B, T, image ? image->shape.size[1] : 0);
  const VlmCall call = {.question = question, .wanted = targets.row,
                        .count = targets.count};
  Tensor *logits =
      vlm_logits(tape, vlm, vlm_read(tape, vlm, image, ids, B, T, call));
  if (right_of) check_answers(logits, &targets, text, B, right_of);
  *tokens = targets.count;
  return cross_entropy(tape, logits, targets.next, 0, NULL);
}
