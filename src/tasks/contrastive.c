/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "tasks/contrastive.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/embed.h"
#include "tasks/gathered.h"
#include "tasks/ring.h"
#include "train/world.h"

// Tokens of all captions
// Number captions that read the same
typedef struct Numbered {
  const char *text;
  int number;
} Numbered;

static int by_text(const void *a, const void *b) {
  const Numbered *x = a, *y = b;
  const int order = strcmp(x->text, y->text);
  return order ? order : x->number - y->number;
}

static int *number_captions(const Pairs *pairs) {
  const int n = pairs_captions(pairs);
  int *caption_id = allocate((size_t)n, sizeof *caption_id);
  Numbered *list = allocate((size_t)n, sizeof *list);
  for (int i = 0; i < n; i++) list[i] = (Numbered){pairs->caption[i], i};
  qsort(list, (size_t)n, sizeof *list, by_text);
  for (int i = 0; i < n; i++) {
    const bool view = i > 0 && strcmp(list[i].text, list[i - 1].text) == 0;
    caption_id[list[i].number] = view ? caption_id[list[i - 1].number] : list[i].number;
  }
  free(list);
  return caption_id;
}

void contrastive_begin(Contrastive *m) {
  const int captions = pairs_captions(m->train), T = m->clip.config.text.context;
  m->ids = allocate((size_t)captions * T, sizeof *m->ids);
  m->lengths = allocate((size_t)captions, sizeof *m->lengths);
  for (int i = 0; i < captions; i++) {
    m->lengths[i] = text_tokens(&m->clip.config.text, m->tokenizer, m->train->caption[i],
                                m->ids + (size_t)i * T);
    m->truncated += text_truncated(&m->clip.config.text, m->tokenizer,
                                   m->train->caption[i]);
  }
  if (m->multi_positive)
    m->caption_id[0] = number_captions(m->train),
    m->caption_id[1] = number_captions(m->test);
  m->shuffle = shuffle_new(m->train->pictures.count);
  m->example = allocate((size_t)m->batch, sizeof *m->example);
}

void contrastive_end(Contrastive *m) {
  shuffle_free(&m->shuffle), free(m->ids), free(m->lengths), free(m->example);
  free(m->caption_id[0]), free(m->caption_id[1]);
}

// Forward, loss, after
/* The random numbers of the n-th view of a picture, for captions or views. */
static RandomKey key_of(const Contrastive *m, const char *purpose, int view) {
  const RandomKey key = random_subkey(random_key(m->seed, purpose), (uint64_t)m->step);
  return view ? random_subkey(key, (uint64_t)view) : key;
}

static int by_tokens(const void *a, const void *b) {
  const Example *x = a, *y = b;
  return x->tokens != y->tokens ? x->tokens - y->tokens : x->index - y->index;
}

static void begin(void *state, int step) {
  Contrastive *m = state;
  const int pictures = m->repeat ? m->batch / m->repeat : m->batch;
  m->step = step;
  shuffle_begin(&m->shuffle, m->seed, step, pictures);
  for (int i = 0; i < m->batch; i++) {
    Example *e = &m->example[i];
    e->index = i, e->picture = m->shuffle.batch[i % pictures], e->view = i / pictures;
    e->caption = pairs_draw(m->train, e->picture, key_of(m, "captions", e->view));
    e->tokens = m->lengths[e->caption];
  }
  qsort(m->example, (size_t)m->batch, sizeof *m->example, by_tokens);
}

/* The tokens of the captions of the examples from `first`, *T of them: as many as
   needed. */
static int *take_captions(Tape *tape, const Contrastive *m, int first, int count,
                          int *T) {
  const int context = m->clip.config.text.context;
  const Example *e = m->example + first;
  *T = e[count - 1].tokens;
  int *ids = tape_memory(tape, (size_t)count * *T * sizeof *ids);
  for (int i = 0; i < count; i++)
    memcpy(ids + (size_t)i * *T, m->ids + (size_t)e[i].caption * context,
           (size_t)*T * sizeof *ids);
  return ids;
}

static void draw_views(const Contrastive *m, int first, int count, real *images) {
  const Dataset *data = &m->train->pictures;
  for (int i = 0; i < count; i++) {
    const Example *e = &m->example[first + i];
    dataset_batch(data, &e->picture, 1, m->augment, key_of(m, "augment", e->view),
                  images + (size_t)i * dataset_image_size(data), NULL);
  }
}

static void forward(Tape *tape, void *state, int step, int first, int count,
                    Tensor *out[JOINT_KINDS]) {
  const Contrastive *m = state;
  const Dataset *data = &m->train->pictures;
  int T;
  (void)step;
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels,
                                                     data->height, data->width));
  draw_views(m, first, count, images->value);
  int *ids = take_captions(tape, m, first, count, &T);
  out[0] = clip_encode_image(tape, &m->clip, images);
  out[1] = clip_encode_text(tape, &m->clip, ids, count, T);
}

/* Is the caption of e[j] one of the picture's of e[i], for n examples: [n][n], the
   tape's memory. `caption_id` numbers the captions that differ. */
static unsigned char *true_pairs(Tape *tape, const Pairs *pairs, const int *caption_id,
                                 const Example *e, int n) {
  unsigned char *positives = tape_memory(tape, (size_t)n * n);
  memset(positives, 0, (size_t)n * n);
  for (int i = 0; i < n; i++)
    for (int c = pairs->first[e[i].picture]; c < pairs->first[e[i].picture + 1]; c++)
      for (int j = 0; j < n; j++)
        if (caption_id[c] == caption_id[e[j].caption]) positives[(size_t)i * n + j] = 1;
  return positives;
}

static Tensor *loss(Tape *tape, void *state, const Shards *shards,
                    Tensor *all[JOINT_KINDS], double *metric) {
  const Contrastive *m = state;
  const int n = m->batch;
  unsigned char *positives = NULL;
  Tensor *result;
  if (m->multi_positive)
    positives = true_pairs(tape, m->train, m->caption_id[0], m->example, n);
  if (m->ring)
    result = ring_loss(tape, &m->clip, shards, n, all[0], all[1], positives, metric);
  else if (world_size() > 1)
    result = gathered_loss(tape, &m->clip, shards, all[0], all[1], positives, metric);
  else result = clip_loss(tape, &m->clip, all[0], all[1], positives, metric);
  *metric /= n;
  return result;
}

static void after(void *state) { clip_clamp(&((Contrastive *)state)->clip); }

static void note(void *state, const double *squares, double *extras) {
  const Contrastive *m = state;
  double sum[2] = {0};
  for (int i = 0; i < m->params->count; i++) {
    const Tensor *t = m->params->list[i].tensor;
    if (t != m->clip.logit_scale && t != m->clip.logit_bias)
      sum[strncmp(t->name, "text", 4) == 0] += squares[i];
  }
  extras[0] = (double)m->clip.logit_scale->value[0];
  extras[1] = sqrt(sum[0]);
  extras[2] = sqrt(sum[1]);
  if (m->clip.logit_bias) extras[3] = (double)m->clip.logit_bias->value[0];
}

// Evaluate on test pairs
/* The loss of test pairs first .. first + n - 1, from vectors of all; matches. */
static double test_batch(Tape *tape, const Contrastive *m, const real *u, const real *v,
                         int first, double *matched) {
  const int n = m->batch, E = m->clip.config.embed;
  const size_t from = (size_t)first * E;
  unsigned char *positives = NULL;
  tape_reset(tape, (RandomKey){0});
  Tensor *all[] = {tape_input(tape, "u", SHAPE(n, E), u + from),
                   tape_input(tape, "v", SHAPE(n, E), v + from)};
  if (m->multi_positive) {
    Example *e = tape_memory(tape, (size_t)n * sizeof *e);
    for (int i = 0; i < n; i++)
      e[i] = (Example){.picture = first + i, .caption = m->test->first[first + i]};
    positives = true_pairs(tape, m->test, m->caption_id[1], e, n);
  }
  return (double)clip_loss(tape, &m->clip, all[0], all[1], positives, matched)->value[0];
}

static bool evaluate(Tape *tape, void *state, double *mean_loss, double *matched) {
  const Contrastive *m = state;
  const int n = m->test->pictures.count, E = m->clip.config.embed;
  const int batches = n / m->batch;
  const char **texts = allocate((size_t)n, sizeof *texts);
  real *u = allocate((size_t)n * E, sizeof *u), *v = allocate((size_t)n * E, sizeof *v);
  for (int i = 0; i < n; i++) texts[i] = m->test->caption[m->test->first[i]];
  embed_images(&m->clip, tape, &m->test->pictures, u);
  embed_texts(&m->clip, tape, m->tokenizer, texts, n, v);
  *mean_loss = *matched = 0;
  for (int b = 0; b < batches; b++) {
    double correct;
    *mean_loss += test_batch(tape, m, u, v, b * m->batch, &correct) / batches;
    *matched += correct / m->batch / batches;
  }
  free(texts), free(u), free(v);
  return true;
}

Task contrastive_task(Contrastive *m) {
  static const Joint joint[] = {{forward, loss, false}, {forward, loss, true}};
  static const char *const names[] = {
      "logit_scale\timage_gradient\ttext_gradient",
      "logit_scale\timage_gradient\ttext_gradient\tlogit_bias"};
  const bool biased = m->clip.logit_bias != NULL;
  return (Task){.state = m, .metric = "batch_accuracy", .begin = begin,
                .evaluate = evaluate,
                .joint = &joint[m->ring], .after = after, .extras = 3 + biased,
                .extra_names = names[biased], .note = note};
}
