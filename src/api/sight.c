/* Tangled from chapters/68-library.nw: edit that, not this. */
#include "api/sight.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "eval/embed.h"
#include "eval/encoders.h"
#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"

struct SightClip {
  Encoders e;
};

static _Thread_local jmp_buf *entered;

static void leave(size_t count, size_t size) {
  fail("expected memory for %zu times %zu bytes, found none", count, size);
  if (entered) longjmp(*entered, 1);
  abort();
}

static void set_handler(void) { memory_set_handler(leave); }

/* Work that may run out of memory: false if it did, or if it failed. */
static bool enter(bool (*work)(void *), void *state) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  jmp_buf door;
  pthread_once(&once, set_handler);
  entered = &door;
  const bool good = setjmp(door) ? false : work(state);
  entered = NULL;
  return good;
}

// Open and close for strangers
typedef struct OpenCall {
  SightClip *clip;
  const char *path;
} OpenCall;

static bool open_clip(void *state) {
  OpenCall *call = state;
  call->clip = allocate(1, sizeof *call->clip);
  return encoders_open(&call->clip->e, call->path, (EncodersWish){.texts = true});
}

SightClip *sight_clip_open(const char *path) {
  OpenCall call = {NULL, path};
  if (enter(open_clip, &call)) return call.clip;
  free(call.clip);
  return NULL;
}

void sight_clip_close(SightClip *clip) {
  if (!clip) return;
  encoders_close(&clip->e);
  free(clip);
}

int sight_clip_dim(const SightClip *clip) { return clip->e.size; }
int sight_clip_image_size(const SightClip *clip) { return clip->e.side; }
int sight_clip_channels(const SightClip *clip) { return clip->e.channels; }
const char *sight_error(void) { return fail_message(); }
const char *sight_version(void) { return SIGHT_VERSION; }

// Encode for strangers
typedef struct EncodeCall {
  const Encoders *e;
  const char *path;
  Image image;
  char *const *texts;
  int count;
  float *vectors;
} EncodeCall;

static void to_floats(float *to, const real *from, size_t count) {
  for (size_t i = 0; i < count; i++) to[i] = (float)from[i];
}

static bool encode_image(void *state) {
  const EncodeCall *call = state;
  const Encoders *e = call->e;
  real *planes = allocate((size_t)e->channels * e->side * e->side, sizeof *planes);
  bool good = true;
  if (call->path) good = encoders_read(e, call->path, planes);
  else encoders_pixels(e, &call->image, planes);
  Tape *tape = encoders_tape(e, 1);
  if (good)
    to_floats(call->vectors, encoders_image(tape, e, planes, 1)->value, (size_t)e->size);
  tape_free(tape), free(planes);
  return good;
}

bool sight_clip_encode_file(const SightClip *clip, const char *path, float *vector) {
  EncodeCall call = {.e = &clip->e, .path = path, .vectors = vector};
  return enter(encode_image, &call);
}

bool sight_clip_encode_pixels(const SightClip *clip, const unsigned char *pixels,
                              int width, int height, float *vector) {
  const int channels = clip->e.channels;
  if (!pixels || width < 1 || height < 1 || width > IMAGE_MAX_SIDE ||
      height > IMAGE_MAX_SIDE)
    return fail("expected pixels of 1 to %d columns and rows, found %d and %d",
                IMAGE_MAX_SIDE, width, height);
  EncodeCall call = {.e = &clip->e, .vectors = vector};
  memcpy(&call.image.pixels, &pixels, sizeof pixels); /* which only reads them */
  call.image.width = width, call.image.height = height, call.image.channels = channels;
  return enter(encode_image, &call);
}

static bool encode_texts(void *state) {
  const EncodeCall *call = state;
  const size_t size = (size_t)call->count * call->e->size;
  real *vectors = allocate(size, sizeof *vectors);
  Tape *tape = tape_no_grad();
  embed_texts(call->e->clip, tape, call->e->tokenizer, (const char *const *)call->texts,
              call->count, vectors);
  to_floats(call->vectors, vectors, size);
  tape_free(tape), free(vectors);
  return true;
}

bool sight_clip_encode_texts(const SightClip *clip, char *const *texts, int count,
                             float *vectors) {
  if (count < 1) return fail("expected at least one text, found %d", count);
  EncodeCall call = {.e = &clip->e, .texts = texts, .count = count, .vectors = vectors};
  return enter(encode_texts, &call);
}

typedef struct ScoreCall {
  const Clip *clip;
  const float *images, *texts;
  int M, N;
  float *scores;
} ScoreCall;

static Tensor *from_floats(Tape *tape, const float *from, int rows, int columns) {
  Tensor *t = tape_tensor(tape, "vectors", SHAPE(rows, columns));
  for (size_t i = 0; i < tensor_size(t); i++) t->value[i] = (real)from[i];
  return t;
}

static bool score(void *state) {
  const ScoreCall *call = state;
  const Clip *clip = call->clip;
  const int E = clip->config.embed;
  Tape *tape = tape_no_grad();
  Tensor *p = clip_logits(tape, clip, from_floats(tape, call->images, call->M, E),
                                from_floats(tape, call->texts, call->N, E));
  const bool each = clip->config.loss >= LOSS_SIGMOID; /* a probability by itself */
  if (!each) p = softmax(tape, p);
  for (int i = 0; i < call->M * call->N; i++) {
    const double value = (double)p->value[i];
    call->scores[i] = (float)(each ? logistic(value) : value);
  }
  tape_free(tape);
  return true;
}

bool sight_clip_scores(const SightClip *clip, const float *images, int image_count,
                       const float *texts, int text_count, float *scores) {
  if (image_count < 1 || text_count < 1)
    return fail("expected at least one picture and one text, found %d and %d",
                image_count, text_count);
  ScoreCall call = {clip->e.clip, images, texts, image_count, text_count, scores};
  return enter(score, &call);
}
