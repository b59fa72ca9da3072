/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <math.h>

#include "app/options.h"
#include "base/error.h"
#include "base/stopwatch.h"
#include "data/captioned.h"
#include "data/scenes.h"
#include "eval/embed.h"
#include "tasks/contrastive.h"

enum { BATCHES, BIASES, TRUTHS };
static int set = BATCHES, pairs = 20000, seeds = 3, width = 32;
static double lr = 2e-3, scale = 10;
static const char *data_dir = "data";
static Option options[] = {
    CHOICE_OPTION("set", set, "batches|biases|truths",
                  "sizes of the batch, first biases, or which pairs are true"),
    INT_OPTION("pairs", pairs, 1000, 1e9, "pairs that each model sees in training"),
    INT_OPTION("seeds", seeds, 1, 100, "models for each case"),
    INT_OPTION("width", width, 4, 4096, "of both encoders, a multiple of 4"),
    NUMBER_OPTION("lr", lr, 0, 100, "highest learning rate"),
    NUMBER_OPTION("scale", scale, 1, 100, "first scale of the sigmoid loss"),
    PATH_OPTION("data-dir", data_dir, "folder with the data sets")};
static Program program = PROGRAM("loss-sweep", "", "Train small dual encoders with "
                                 "InfoNCE and with the sigmoid loss on the same data; "
                                 "print a row for each.");

// Data of a sweep
enum { TEST_PAIRS = 1000, TOKENS = 700, CONTEXT = 16 };

typedef struct Data {
  Pairs train, test;
  Tokenizer *tokenizer;
  CaptionedSet set;
} Data;

static bool data_open(Data *d, CaptionedSet which) {
  *d = (Data){.set = which};
  const int limit = which == CAPTIONED_SCENES ? pairs : 0;
  if (!captioned_open(which, data_dir, limit, 1, &d->train, &d->test)) return false;
  pairs_limit(&d->test, TEST_PAIRS);
  d->tokenizer = tokenizer_train((const char *const *)d->train.caption,
                                 pairs_captions(&d->train), TOKENS);
  return true;
}

/* Scenes of one figure, whose captions many pictures share. */
static void data_single(Data *d) {
  *d = (Data){.set = CAPTIONED_SCENES};
  scenes_make(&d->train, least(6000, pairs), 1000, SCENES_SEEN, 1);
  scenes_make(&d->test, TEST_PAIRS, 1000, SCENES_SEEN, captioned_other(1));
  dataset_normalize_with(&d->test.pictures, d->train.pictures.mean,
                         d->train.pictures.std);
  d->tokenizer = tokenizer_train((const char *const *)d->train.caption,
                                 pairs_captions(&d->train), TOKENS);
}

static void data_close(Data *d) {
  if (d->tokenizer) tokenizer_free(d->tokenizer);
  pairs_free(&d->train), pairs_free(&d->test);
}

// One model of a sweep
/* What one case is, besides its seed. */
typedef struct Case {
  int batch, repeat;
  PairLoss loss;
  bool biased, multi_positive;
  double bias;
} Case;

typedef struct Outcome {
  double r1, r10;   /* recall of test pairs, mean of both directions */
  double to_text;   /* recall at 1, picture to text */
  double scale, bias, loss; /* at the end; the loss: mean of the last tenth */
} Outcome;

static ClipConfig sweep_config(const Data *d, const Case *c) {
  return (ClipConfig){
      .image = {.image_size = 32, .channels = 3, .patch_size = 8, .width = width,
                .depth = 2, .heads = 4, .mlp = 4 * width, .eps = 1e-5,
                .position = POSITION_LEARNED, .style = STYLE_CLIP, .gelu = GELU_QUICK},
      .text = {.vocabulary = tokenizer_size(d->tokenizer), .context = CONTEXT,
               .width = width, .depth = 1, .heads = 4, .mlp = 4 * width, .eps = 1e-5,
               .gelu = GELU_QUICK, .causal = true},
      .embed = width, .loss = c->loss, .biased = c->biased, .bias = c->bias,
      .scale = c->loss >= LOSS_SIGMOID ? scale : 0};
}

/* Train; the mean loss of the last tenth of the steps. */
static double sweep_steps(Contrastive *m, int steps, int seed) {
  Optimizer optimizer = optimizer_new(OPTIMIZER_ADAMW, m->params, 0.95, 0.05);
  Shards *shards = shards_new(m->params, m->batch < 4 ? 1 : 4, m->batch);
  const Task task = contrastive_task(m);
  double sum = 0, metric;
  int counted = 0;
  for (int step = 0; step < steps; step++) {
    const RandomKey key = random_subkey(random_key((uint64_t)seed, "step"),
                                        (uint64_t)step);
    task.begin(m, step);
    const double loss =
        joint_gradient(shards, task.joint, m, step, m->batch, key, &metric);
    clip_gradients(m->params, 1);
    adamw_update(&optimizer, schedule_rate(step + 1, steps, steps / 10, lr, 0));
    task.after(m);
    if (step >= steps - (steps >= 10 ? steps / 10 : 1)) sum += loss, counted++;
  }
  shards_free(shards), optimizer_free(&optimizer);
  return sum / counted;
}

static Outcome run_case(const Data *d, const Case *c, int seed) {
  Contrastive m = {.train = &d->train, .test = &d->test, .tokenizer = d->tokenizer,
                   .params = params_new(), .augment = captioned_augment(d->set),
                   .seed = (uint64_t)seed, .batch = c->batch, .repeat = c->repeat,
                   .multi_positive = c->multi_positive};
  const ClipConfig config = sweep_config(d, c);
  m.clip = clip_declare(m.params, config);
  params_fill(m.params, (uint64_t)seed);
  contrastive_begin(&m);
  Outcome o = {.loss = sweep_steps(&m, pairs / c->batch, seed)};
  contrastive_end(&m);
  PairEmbeddings v = pair_embeddings(&m.clip, d->tokenizer, &d->test);
  const Recall text = recall_measure(v.image, v.groups, v.count, v.text, v.groups,
                                     v.count, v.embed);
  const Recall image = recall_measure(v.text, v.groups, v.count, v.image, v.groups,
                                      v.count, v.embed);
  o.r1 = (text.at1 + image.at1) / 2, o.r10 = (text.at10 + image.at10) / 2;
  o.to_text = text.at1;
  o.scale = exp((double)m.clip.logit_scale->value[0]);
  o.bias = m.clip.logit_bias ? (double)m.clip.logit_bias->value[0] : 0;
  pair_embeddings_free(&v), params_free(m.params);
  return o;
}

// The cases of a sweep
static void print_case(const Data *d, const char *name, Case c) {
  for (int seed = 1; seed <= seeds; seed++) {
    const double start = stopwatch();
    const Outcome o = run_case(d, &c, seed);
    printf("%s\t%d\t%d\t%.4f\t%.4f\t%.4f\t%.2f\t%.3f\t%.4f\t%.2f\n", name, c.batch, seed,
           o.r1, o.r10, o.to_text, o.scale, o.bias, o.loss, stopwatch() - start);
    fflush(stdout);
  }
}

static double balanced(int batch) { return -log(batch - 1); }

static void sweep_batches(const Data *d) {
  for (int batch = 8; batch <= 256; batch *= 2) {
    print_case(d, "softmax", (Case){.batch = batch});
    print_case(d, "sigmoid", (Case){.batch = batch, .loss = LOSS_SIGMOID, .biased = true,
                                    .bias = -10});
  }
}

static void sweep_biases(const Data *d) {
  const Case c = {.batch = 64, .loss = LOSS_SIGMOID, .biased = true};
  const double bias[] = {-10, balanced(64), 0};
  static const char *const names[] = {"paper", "balanced", "zero"};
  for (int i = 0; i < 3; i++) {
    Case one = c;
    one.bias = bias[i];
    print_case(d, names[i], one);
  }
  print_case(d, "none", (Case){.batch = 64, .loss = LOSS_SIGMOID});
}

static void sweep_truths(const Data *d, int repeat) {
  const Case c = {.batch = 128, .repeat = repeat, .loss = LOSS_SIGMOID, .biased = true,
                  .bias = -10};
  Case all = c;
  all.multi_positive = true;
  print_case(d, "softmax", (Case){.batch = 128, .repeat = repeat});
  print_case(d, "pairs", c);
  print_case(d, "captions", all);
}

static int sweep(void) {
  static const CaptionedSet files[] = {CAPTIONED_CIFAR10, CAPTIONED_EMOJI_TWO};
  Data d;
  if (set != TRUTHS) {
    if (!data_open(&d, CAPTIONED_SCENES)) return program_failed(&program);
    (set == BATCHES ? sweep_batches : sweep_biases)(&d);
    data_close(&d);
    return 0;
  }
  printf("# scenes\n");
  data_single(&d);
  sweep_truths(&d, 0);
  data_close(&d);
  for (int i = 0; i < 2; i++) {
    printf("# %s\n", i ? "emoji" : "cifar10");
    fflush(stdout);
    const bool good = data_open(&d, files[i]);
    if (good) sweep_truths(&d, i ? 2 : 0);
    data_close(&d);
    if (!good) return program_failed(&program);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  if (width % 4)
    return fail("--width: expected a multiple of 4, found %d", width),
           program_failed(&program);
  return sweep();
}
