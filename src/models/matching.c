/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "models/matching.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "train/adamw.h"

// Tokens of all captions
void matching_begin(Matching *m) {
  const int captions = pairs_captions(m->train), T = m->clip.config.text.context;
  m->ids = allocate((size_t)captions * T, sizeof *m->ids);
  m->lengths = allocate((size_t)captions, sizeof *m->lengths);
  for (int i = 0; i < captions; i++) {
    const char *text = m->train->caption[i];
    m->lengths[i] = tokenizer_encode(m->tokenizer, text, strlen(text),
                                     m->ids + (size_t)i * T, T);
  }
  m->shuffle = shuffle_new(m->train->pictures.count);
}

void matching_end(Matching *m) {
  shuffle_free(&m->shuffle);
  free(m->ids);
  free(m->lengths);
}

// Forward, loss, after
static void begin(void *state, int step) {
  Matching *m = state;
  shuffle_begin(&m->shuffle, m->seed, step, m->batch);
}

/* The tokens of one caption of each picture, *T of them: as many as needed. */
static int *draw_captions(Tape *tape, const Matching *m, const int *pictures, int count,
                          RandomKey key, int *T) {
  const int context = m->clip.config.text.context;
  int *caption = tape_memory(tape, (size_t)count * sizeof *caption);
  int *ids = tape_memory(tape, (size_t)count * context * sizeof *ids);
  *T = 2;
  for (int i = 0; i < count; i++) {
    caption[i] = pairs_draw(m->train, pictures[i], key);
    if (m->lengths[caption[i]] > *T) *T = m->lengths[caption[i]];
  }
  for (int i = 0; i < count; i++)
    memcpy(ids + (size_t)i * *T, m->ids + (size_t)caption[i] * context,
           (size_t)*T * sizeof *ids);
  return ids;
}

static void forward(Tape *tape, void *state, int step, int first, int count,
                    Tensor *out[JOINT_KINDS]) {
  const Matching *m = state;
  const Dataset *data = &m->train->pictures;
  const int *pictures = m->shuffle.batch + first;
  const RandomKey look = random_subkey(random_key(m->seed, "augment"), (uint64_t)step);
  const RandomKey say = random_subkey(random_key(m->seed, "captions"), (uint64_t)step);
  int T, *labels = tape_memory(tape, (size_t)count * sizeof *labels);
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels,
                                                     data->height, data->width));
  dataset_batch(data, pictures, count, m->augment, look, images->value, labels);
  int *ids = draw_captions(tape, m, pictures, count, say, &T);
  out[0] = clip_image(tape, &m->clip, images);
  out[1] = clip_text(tape, &m->clip, ids, count, T);
}

static Tensor *loss(Tape *tape, void *state, Tensor *all[JOINT_KINDS], double *metric) {
  const Matching *m = state;
  Tensor *result = clip_loss(tape, &m->clip, all[0], all[1], metric);
  *metric /= all[0]->shape.size[0];
  return result;
}

static void after(void *state) { clip_clamp(&((Matching *)state)->clip); }

static void note(void *state, double *extras) {
  const Matching *m = state;
  double squares[2] = {0};
  for (int i = 0; i < m->params->count; i++) {
    const Tensor *t = m->params->list[i].tensor;
    const double norm = m->params->list[i].kind == PARAM_FIXED ? 0 : gradient_norm(t);
    if (t != m->clip.logit_scale)
      squares[strncmp(t->name, "text", 4) == 0] += norm * norm;
  }
  extras[0] = (double)m->clip.logit_scale->value[0];
  extras[1] = sqrt(squares[0]);
  extras[2] = sqrt(squares[1]);
}

// Evaluate on test pairs
static void evaluate(Tape *tape, void *state, double *mean_loss, double *matched) {
  const Matching *m = state;
  const int n = m->test->pictures.count, E = m->clip.config.embed;
  const int batches = n / m->batch;
  const char **texts = allocate((size_t)n, sizeof *texts);
  real *u = allocate((size_t)n * E, sizeof *u), *v = allocate((size_t)n * E, sizeof *v);
  for (int i = 0; i < n; i++) texts[i] = m->test->caption[m->test->first[i]];
  clip_see(&m->clip, tape, &m->test->pictures, u);
  clip_read(&m->clip, tape, m->tokenizer, texts, n, v);
  *mean_loss = *matched = 0;
  for (int b = 0; b < batches; b++) {
    double metric;
    tape_reset(tape, (RandomKey){0});
    Tensor *all[] = {tape_tensor(tape, "u", SHAPE(m->batch, E)),
                     tape_tensor(tape, "v", SHAPE(m->batch, E))};
    const size_t size = (size_t)m->batch * E, from = (size_t)b * size;
    memcpy(all[0]->value, u + from, size * sizeof *u);
    memcpy(all[1]->value, v + from, size * sizeof *v);
    *mean_loss += (double)loss(tape, state, all, &metric)->value[0] / batches;
    *matched += metric / batches;
  }
  free(texts), free(u), free(v);
}

Task matching_task(Matching *m) {
  static const Joint joint = {forward, loss};
  return (Task){.state = m, .metric = "matched", .begin = begin, .evaluate = evaluate,
                .joint = &joint, .after = after, .extras = 3,
                .extra_names = "logit_scale\timage_gradient\ttext_gradient",
                .note = note};
}
