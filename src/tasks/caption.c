/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "tasks/caption.h"

#include <string.h>

#include "base/memory.h"
#include "eval/answers.h"
#include "nn/image_batch.h"
#include "tensor/info_nce.h"

enum { MOST_TESTED = 200 };

static void compute_features(Caption *c) {
  const int n = c->train->pictures.count;
  c->memory = tape_no_grad();
  Tape *tape = tape_no_grad();
  ImageScan scan = image_scan(&c->train->pictures, n, 50);
  while (image_scan_next(&scan, tape)) {
    const Tensor *x = vlm_encode(tape, &c->vlm, scan.images);
    const size_t size = tensor_size(x) / (size_t)scan.count;
    if (!c->features) {
      Shape shape = x->shape;
      shape.size[0] = n;
      c->features = tape_tensor(c->memory, "features", shape);
    }
    memcpy(c->features->value + (size_t)scan.first * size, x->value,
           tensor_size(x) * sizeof(real));
  }
  tape_free(tape);
}

/* What the encoder says of training pictures index[count], or NULL if nobody looks. */
static Tensor *features_of(Tape *tape, const Caption *c, const int *index, int count,
                           RandomKey key) {
  if (c->vlm.config.connector.kind == CONNECTOR_NONE) return NULL;
  if (!c->features)
    return vlm_encode(tape, &c->vlm, image_batch(tape, &c->train->pictures, index, count,
                                                 c->augment, key, NULL));
  Shape shape = c->features->shape;
  shape.size[0] = count;
  Tensor *x = tape_tensor(tape, "features", shape);
  const size_t size = tensor_size(x) / (size_t)count;
  for (int i = 0; i < count; i++)
    memcpy(x->value + i * size, c->features->value + index[i] * size,
           size * sizeof(real));
  return x;
}

void caption_begin(Caption *c) {
  const int room = vlm_room(&c->vlm), prompts = prompts_count(c->train);
  c->ids = allocate((size_t)prompts * room, sizeof *c->ids);
  c->text = allocate((size_t)prompts, sizeof *c->text);
  for (int i = 0; i < prompts; i++) {
    const Prompt *p = &c->train->prompt[i];
    c->text[i] = vlm_text(c->tokenizer, p->question, p->answer,
                          c->ids + (size_t)i * room, room);
    c->truncated += c->text[i].cut;
  }
  c->shuffle = shuffle_new(c->train->pictures.count);
  c->example = allocate((size_t)c->batch, sizeof *c->example);
  c->remembers = !c->vlm.visual.patch_embed.weight->requires_grad &&
                 c->vlm.config.connector.kind != CONNECTOR_NONE &&
                 !augment_moves(c->augment);
}

void caption_end(Caption *c) {
  if (c->memory) tape_free(c->memory);
  shuffle_free(&c->shuffle), free(c->ids), free(c->text), free(c->example);
}

static RandomKey key_of(const Caption *c, const char *purpose, int step) {
  return random_subkey(random_key(c->seed, purpose), (uint64_t)step);
}

/* The number of one of a picture's prompts, in the list of all. */
static int draw_prompt(const Caption *c, int picture, RandomKey key) {
  const int each = c->train->each, first = picture * each;
  key = random_subkey(key, (uint64_t)picture);
  if (each == 1 || random_uniform(key, 0) < c->captions) return first;
  return first + 1 + random_below(key, 1, each - 1);
}

static int by_tokens(const void *a, const void *b) {
  const CaptionExample *x = a, *y = b;
  return x->tokens != y->tokens ? x->tokens - y->tokens : x->prompt - y->prompt;
}

static void begin(void *state, int step) {
  Caption *c = state;
  const RandomKey key = key_of(c, "prompts", step);
  if (c->remembers && !c->features) compute_features(c);
  shuffle_begin(&c->shuffle, c->seed, step, c->batch);
  c->tokens = 0;
  for (int i = 0; i < c->batch; i++) {
    const int picture = c->shuffle.batch[i], prompt = draw_prompt(c, picture, key);
    c->example[i] = (CaptionExample){picture, prompt, c->text[prompt].count};
    c->tokens += c->text[prompt].count - c->text[prompt].question - 1;
  }
  qsort(c->example, (size_t)c->batch, sizeof *c->example, by_tokens);
}

static Tensor *loss(Tape *tape, void *state, int step, int first, int count,
                    double *right) {
  const Caption *c = state;
  const CaptionExample *e = c->example + first;
  const int room = vlm_room(&c->vlm), T = e[count - 1].tokens;
  int *ids = tape_memory(tape, (size_t)count * T * sizeof *ids), tokens;
  int *index = tape_memory(tape, (size_t)count * sizeof *index);
  bool *right_of = tape_memory(tape, (size_t)count * sizeof *right_of);
  VlmText *text = tape_memory(tape, (size_t)count * sizeof *text);
  for (int i = 0; i < count; i++) {
    index[i] = e[i].picture;
    text[i] = c->text[e[i].prompt];
    memcpy(ids + i * T, c->ids + (size_t)e[i].prompt * room, (size_t)T * sizeof *ids);
  }
  Tensor *image = features_of(tape, c, index, count, key_of(c, "augment", step));
  if (image) image = vlm_connect(tape, &c->vlm, image, NULL);
  Tensor *mean = vlm_loss(tape, &c->vlm, image, ids, text, count, T, &tokens, right_of);
  *right = 0;
  for (int i = 0; i < count; i++) *right += (double)right_of[i] / count;
  // Let each token count as much as any other of the batch
  return scale_by(tape, mean, (double)tokens / c->tokens * c->batch / count);
}

static bool evaluate(Tape *tape, void *state, double *mean, double *right) {
  const Caption *c = state;
  const int limit = least(c->test->pictures.count, MOST_TESTED);
  const int prompts = limit * c->test->each;
  bool *right_of = allocate((size_t)prompts, sizeof *right_of);
  *mean = answers_check(tape, &c->vlm, c->tokenizer, c->test, limit, 0, right_of);
  *right = 0;
  for (int i = 0; i < prompts; i++) *right += (double)right_of[i] / prompts;
  free(right_of);
  return true;
}

Task caption_task(Caption *c) {
  return (Task){.state = c, .metric = "right", .begin = begin, .loss = loss,
                .evaluate = evaluate};
}
