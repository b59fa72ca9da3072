/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/captioned.h"
#include "data/image.h"
#include "data/scenes.h"
#include "models/giants.h"
#include "models/matching.h"
#include "models/pair_vectors.h"
#include "models/principal.h"
#include "models/saved.h"
#include "train/settings.h"

// The options of train-clip
static Settings settings = {SETTINGS_DEFAULTS};
static int data_kind = CAPTIONED_SCENES, patch_size = 0;
static int width = 64, depth = 4, heads = 4;
static int text_width = 64, text_depth = 2, text_heads = 4, context = 24;
static int vocabulary = 700, embed = 64, form = INFO_NCE_HALF, gelu_kind = GELU_QUICK;
static int augment = 1, style = STYLE_CLIP, limit = 0;
static int block = 0;
static double dropout_rate = 0, drop_path_rate = 0, patch_dropout_rate = 0;

static Option options[] = {
    CHOICE_OPTION("data", data_kind, "shapes|emoji", "pictures and captions"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "change pictures a little"),
    INT_OPTION("patch-size", patch_size, 0, 4096, "side of a patch; 0: what suits"),
    INT_OPTION("width", width, 1, 65536, "of the image tower"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the image tower"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the image tower"),
    CHOICE_OPTION("style", style, "vit|clip", "input of the image tower"),
    INT_OPTION("text-width", text_width, 1, 65536, "of the text tower"),
    INT_OPTION("text-depth", text_depth, 1, 1000, "blocks of the text tower"),
    INT_OPTION("text-heads", text_heads, 1, 65536, "heads of the text tower"),
    INT_OPTION("vocabulary", vocabulary, TOKENIZER_SYMBOLS + 2, 1 << 20, "tokens"),
    INT_OPTION("context", context, 2, 4096, "tokens of a caption at most"),
    INT_OPTION("embed", embed, 1, 65536, "length of the vectors that are compared"),
    CHOICE_OPTION("loss", form, "half|sum", "half the sum of both directions, or it"),
    CHOICE_OPTION("gelu", gelu_kind, "erf|tanh|quick", "which GELU"),
    CHOICE_OPTION("block", block, "plain|eva02", "which blocks in the image tower"),
    NUMBER_OPTION("patch-dropout", patch_dropout_rate, 0, 0.99,
                  "share of patches left out in training"),
    NUMBER_OPTION("dropout", dropout_rate, 0, 0.99, "dropout rate"),
    NUMBER_OPTION("drop-path", drop_path_rate, 0, 0.99, "drop path of the last block"),
    SETTINGS_OPTIONS(settings)};

static Program program = {"train-clip", "", "Train two towers to match pictures with "
                          "their captions.",
                          options, sizeof options / sizeof *options};

static const char *const data_names[] = {"shapes", "emoji"};
static const int suits[][2] = {/* patch size, epochs */ {4, 5}, {4, 150}};

// Open captioned data
typedef struct Run {
  Pairs train, test;
  Pairs seen, held_out; /* shapes: scenes of one figure, for zero-shot */
  Tokenizer *tokenizer;
  Params *params;
  Matching matching;
} Run;

static bool open_data(Run *run) {
  const uint64_t seed = (uint64_t)settings.seed, other = captioned_other(seed);
  if (!captioned_open((CaptionedSet)data_kind, settings.data_dir, limit, seed,
                      &run->train, &run->test))
    return false;
  if (data_kind == CAPTIONED_SCENES) {
    const int count = run->test.pictures.count;
    scenes_make(&run->seen, count, 1000, SCENES_SEEN, other + 1);
    scenes_make(&run->held_out, count, 1000, SCENES_HELD_OUT, other + 2);
    captioned_normalise_as(&run->seen.pictures, &run->train.pictures);
    captioned_normalise_as(&run->held_out.pictures, &run->train.pictures);
  }
  return true;
}

// Declare the dual encoder
static ClipConfig model_config(const Run *run) {
  const Dataset *data = &run->train.pictures;
  ClipConfig c = {
      .image = {.image_size = data->height, .channels = data->channels,
                .patch_size = patch_size ? patch_size : suits[data_kind][0],
                .width = width, .depth = depth, .heads = heads, .mlp = 4 * width,
                .position = POSITION_LEARNED, .style = (VitStyle)style,
                .gelu = (GeluKind)gelu_kind, .eps = 1e-5, .dropout = dropout_rate,
                .drop_path = drop_path_rate, .patch_dropout = patch_dropout_rate},
      .text = {.vocabulary = tokenizer_size(run->tokenizer), .context = context,
               .width = text_width, .depth = text_depth, .heads = text_heads,
               .mlp = 4 * text_width, .gelu = (GeluKind)gelu_kind, .eps = 1e-5,
               .causal = true, .dropout = dropout_rate, .drop_path = drop_path_rate},
      .embed = embed, .form = (InfoNceForm)form};
  if (block == 1) eva02_blocks(&c.image);
  return c;
}

static bool make_tokenizer(Run *run) {
  char path[1024];
  run->tokenizer = tokenizer_train((const char *const *)run->train.caption,
                                   pairs_captions(&run->train), vocabulary);
  snprintf(path, sizeof path, "%s/merges.txt", settings.out);
  return tokenizer_save(run->tokenizer, path);
}

// What the vectors look like
static PairVectors vectors_of(const Run *run, const Pairs *pairs) {
  return pair_vectors(&run->matching.clip, run->tokenizer, pairs);
}

enum { SHOWN = 24 };

static double cosine(const real *a, const real *b) {
  double sum = 0;
  for (int i = 0; i < embed; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

static bool write_similarity(const Run *run, const char *name) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s.tsv", settings.out, name);
  FILE *file = file_begin(path);
  if (!file) return false;
  PairVectors v = vectors_of(run, &run->test);
  const int apart = v.count / SHOWN; /* not neighbours in the list */
  for (int i = 0; i < SHOWN; i++)
    for (int j = 0; j < SHOWN; j++)
      fprintf(file, "%d\t%d\t%.4f\n", i, j,
              cosine(v.image + (size_t)i * apart * embed,
                     v.text + (size_t)j * apart * embed));
  pair_vectors_free(&v);
  return file_commit(file, path);
}

/* The unit vector from the centre of texts to that of pictures, and the distance. */
static double gap_of(const PairVectors *v, double *direction) {
  double squares = 0;
  for (int i = 0; i < embed; i++) {
    direction[i] = 0;
    for (int r = 0; r < v->count; r++)
      direction[i] += (double)(v->image[r * embed + i] - v->text[r * embed + i]);
    direction[i] /= v->count;
    squares += direction[i] * direction[i];
  }
  for (int i = 0; i < embed; i++) direction[i] /= sqrt(squares);
  return sqrt(squares);
}

/* Two coordinates of EACH image vectors and as many of texts: along the gap, whose
   part is taken out of the vectors, and along what varies most of the rest. */
enum { EACH = 200 };

static void flatten(real *vectors, const double *direction, double *plane) {
  double rest[2 * 2 * EACH], share[2];
  for (int r = 0; r < 2 * EACH; r++) {
    double along = 0;
    real *x = vectors + (size_t)r * embed;
    for (int i = 0; i < embed; i++) along += direction[i] * (double)x[i];
    for (int i = 0; i < embed; i++) x[i] -= (real)(along * direction[i]);
    plane[2 * r] = along;
  }
  principal_plane(vectors, 2 * EACH, embed, rest, share);
  for (int r = 0; r < 2 * EACH; r++) plane[2 * r + 1] = rest[2 * r];
}

static bool write_plane(const PairVectors *v, double *gap) {
  char path[1024];
  const size_t half = (size_t)EACH * embed;
  real *both = allocate(2 * half, sizeof *both);
  double plane[2 * 2 * EACH], *direction = allocate((size_t)embed, sizeof *direction);
  snprintf(path, sizeof path, "%s/plane.tsv", settings.out);
  FILE *file = file_begin(path);
  *gap = gap_of(v, direction);
  for (int i = 0; i < EACH; i++) { /* spread over all */
    const size_t from = (size_t)i * (size_t)(v->count / EACH) * embed;
    const size_t to = (size_t)i * embed;
    memcpy(both + to, v->image + from, (size_t)embed * sizeof *both);
    memcpy(both + half + to, v->text + from, (size_t)embed * sizeof *both);
  }
  flatten(both, direction, plane);
  for (int i = 0; file && i < EACH; i++)
    fprintf(file, "%.4f\t%.4f\t%.4f\t%.4f\n", plane[2 * i], plane[2 * i + 1],
            plane[2 * (EACH + i)], plane[2 * (EACH + i) + 1]);
  free(both);
  free(direction);
  return file && file_commit(file, path);
}

// What clip can do
enum { FOUND = 5, TILE = 72, EDGE = 4 };

/* The picture that belongs to caption q, then the FOUND best, those that are right
   in a dark frame. */
static Image answer_row(const Dataset *data, const PairVectors *v, int q) {
  int best[1 + FOUND] = {q};
  Image row = image_new((1 + FOUND) * TILE + TILE / 3, TILE, 3, 255);
  recall_best(v->text + (size_t)q * embed, v->image, v->count, embed, FOUND, best + 1);
  for (int i = 0; i <= FOUND; i++) {
    const int x = i * TILE + (i ? TILE / 3 : 0);
    const bool right = i > 0 && v->groups[best[i]] == v->groups[q];
    Image frame = image_new(TILE, TILE, 3, right ? 0 : 255);
    Image picture = image_new(data->width, data->height, 3, 0);
    memcpy(picture.pixels, dataset_image(data, best[i]), dataset_image_size(data));
    image_paste(&row, &frame, x, 0, 1);
    image_paste(&row, &picture, x + EDGE, EDGE, (TILE - 2 * EDGE) / data->width);
    image_free(&frame);
    image_free(&picture);
  }
  return row;
}

enum { ROWS = 8 };

static bool write_answers(const Run *run, const PairVectors *v) {
  char path[1024], captions[1024];
  int left[2] = {ROWS / 2, ROWS / 2}, shown = 0;
  snprintf(captions, sizeof captions, "%s/answers.tsv", settings.out);
  FILE *file = file_begin(captions);
  bool good = file != NULL;
  for (int i = 0; good && i < v->count && shown < ROWS; i++) {
    const int q = (int)((long)i * 101 % v->count);
    const int rank = recall_rank(v->text + (size_t)q * embed, v->groups[q], v->image,
                                 v->groups, v->count, embed);
    if (left[rank > 1]-- <= 0) continue;
    Image row = answer_row(&run->test.pictures, v, q);
    snprintf(path, sizeof path, "%s/answer-%d.png", settings.out, shown++);
    good = image_save(&row, path);
    fprintf(file, "%s\t%d\n", run->test.caption[run->test.first[q]], rank);
    image_free(&row);
  }
  if (file && !good) file_abandon(file, captions);
  return good && file_commit(file, captions);
}

static const char *const prompts[] = {"a {}", "a small {}", "a large {}",
                                      "a drawing of a small {}",
                                      "a drawing of a large {}"};
enum { PROMPTS = sizeof prompts / sizeof *prompts };

/* The share of pictures whose nearest class among those with allowed[k] is right. */
static double accuracy(const real *vectors, const Dataset *data, const real *classes,
                       const bool *allowed) {
  int count = 0, correct = 0, number[SCENES_CLASSES];
  int *best = allocate((size_t)data->count, sizeof *best);
  real *some = allocate((size_t)SCENES_CLASSES * embed, sizeof *some);
  for (int k = 0; k < SCENES_CLASSES; k++)
    if (allowed[k]) {
      memcpy(some + (size_t)count * embed, classes + (size_t)k * embed,
             (size_t)embed * sizeof *some);
      number[count++] = k;
    }
  nearest(vectors, data->count, some, count, embed, best);
  for (int i = 0; i < data->count; i++) correct += number[best[i]] == data->labels[i];
  free(best), free(some);
  return (double)correct / data->count;
}

static void write_zeroshot(FILE *file, const Run *run, int templates, const char *name) {
  const Clip *clip = &run->matching.clip;
  const Pairs *sets[] = {&run->seen, &run->held_out};
  static const char *const set_names[] = {"seen", "held_out"};
  bool all[SCENES_CLASSES], own[2][SCENES_CLASSES];
  real *classes = allocate((size_t)SCENES_CLASSES * embed, sizeof *classes);
  Tape *tape = tape_new();
  tape->recording = false;
  for (int k = 0; k < SCENES_CLASSES; k++) {
    own[1][k] = scenes_held_out(k / SHAPES_KINDS, k % SHAPES_KINDS);
    own[0][k] = !own[1][k];
    all[k] = true;
  }
  zeroshot_classes(clip, tape, run->tokenizer, scenes_classes, SCENES_CLASSES, prompts,
                   templates, classes);
  for (int s = 0; s < 2; s++) {
    const Dataset *data = &sets[s]->pictures;
    real *vectors = allocate((size_t)data->count * embed, sizeof *vectors);
    clip_see(clip, tape, data, vectors);
    fprintf(file, "%s_%s\t%.4f\n", name, set_names[s],
            accuracy(vectors, data, classes, own[s]));
    fprintf(file, "%s_%s_of_all\t%.4f\n", name, set_names[s],
            accuracy(vectors, data, classes, all));
    free(vectors);
  }
  tape_free(tape);
  free(classes);
}

static double loss_in_batches(const Run *run, const PairVectors *v, int N) {
  Tape *tape = tape_new();
  double sum = 0;
  const int batches = v->count / N;
  tape->recording = false;
  for (int b = 0; b < batches; b++) {
    tape_reset(tape, (RandomKey){0});
    Tensor *side[2];
    for (int k = 0; k < 2; k++) {
      side[k] = tape_tensor(tape, "vectors", SHAPE(N, embed));
      memcpy(side[k]->value, (k ? v->text : v->image) + (size_t)b * N * embed,
             tensor_size(side[k]) * sizeof(real));
    }
    sum += (double)clip_loss(tape, &run->matching.clip, side[0], side[1], NULL)->value[0];
  }
  tape_free(tape);
  return sum / batches;
}

static bool write_batches(const Run *run, const PairVectors *v) {
  char path[1024];
  snprintf(path, sizeof path, "%s/batches.tsv", settings.out);
  FILE *file = file_begin(path);
  if (!file) return false;
  for (int N = 16; N <= 256 && N <= v->count; N *= 2)
    fprintf(file, "%d\t%.5f\t%.5f\n", N, loss_in_batches(run, v, N), log(N));
  return file_commit(file, path);
}

static bool write_summary(Run *run, const TrainerConfig *config, TrainerResult result) {
  char path[1024];
  double gap;
  FILE *file =
      settings_summary(&settings, &program, config, result, run->params, path);
  if (!file) return false;
  PairVectors v = vectors_of(run, &run->test);
  bool good = write_plane(&v, &gap) && write_batches(run, &v) && write_answers(run, &v);
  fprintf(file, "matched\t%.4f\nscale\t%.2f\ngap\t%.3f\n", result.metric,
          exp((double)run->matching.clip.logit_scale->value[0]), gap);
  fprintf(file, "tokens\t%d\ntrain_images\t%d\ntest_images\t%d\ncaptions\t%d\n",
          tokenizer_size(run->tokenizer), run->train.pictures.count,
          run->test.pictures.count, pairs_captions(&run->train));
  pair_vectors_recall(&v, "test", file);
  pair_vectors_free(&v);
  if (data_kind == CAPTIONED_SCENES) {
    write_zeroshot(file, run, 1, "single");
    write_zeroshot(file, run, PROMPTS, "ensemble");
  } else {
    PairVectors own = vectors_of(run, &run->train);
    pair_vectors_recall(&own, "train", file);
    pair_vectors_free(&own);
  }
  return file_commit(file, path) && good;
}

// Train clip
static int train(Run *run) {
  TrainerConfig config;
  Matching *m = &run->matching;
  if (!settings_plan(&settings, run->train.pictures.count, suits[data_kind][1], 0,
                     &config))
    return options_complain(&program);
  if (settings.batch > run->test.pictures.count) {
    fail("--batch: expected at most the %d test pictures, found %d",
         run->test.pictures.count, settings.batch);
    return options_complain(&program);
  }
  if (run->test.pictures.count < EACH) { /* the figures show so many */
    fail("%s: expected at least %d test pictures, found %d", settings.data_dir, EACH,
         run->test.pictures.count);
    return fail_report(program.name);
  }
  settings_note_channels(&config.data, &run->train.pictures);
  saved_note_clip(&config.data, &m->clip.config);
  config.every = config.per_epoch < 100 ? 100 : 0;
  matching_begin(m);
  bool good = settings.resume || write_similarity(run, "similarity-before");
  Task task = matching_task(m);
  TrainerResult result = {.end = TRAINER_FAILED};
  if (good) result = trainer_run(&config, &task, run->params, &program);
  int status = settings_finish(&settings, &program, result);
  matching_end(m);
  if (status) return status;
  if (!write_summary(run, &config, result) || !write_similarity(run, "similarity-after"))
    return fail_report(program.name);
  printf("%s: loss %.4f on test pairs after %d steps in %.1f s; see %s\n", program.name,
         result.loss, config.steps, result.seconds, settings.out);
  return 0;
}

static int prepare_and_train(Run *run) {
  if (!open_data(run) || !folder_make(settings.out) || !make_tokenizer(run))
    return fail_report(program.name);
  ClipConfig config = model_config(run);
  if (!clip_check(&config)) return options_complain(&program);
  run->matching = (Matching){.train = &run->train, .test = &run->test,
                             .tokenizer = run->tokenizer, .params = run->params,
                             .clip = clip_declare(run->params, config),
                             .seed = (uint64_t)settings.seed, .batch = settings.batch};
  if (augment) run->matching.augment = captioned_augment((CaptionedSet)data_kind);
  params_fill(run->params, (uint64_t)settings.seed);
  return train(run);
}

int main(int argc, char **argv) {
  settings.batch = 128, settings.lr = 2e-3;
  int status = settings_start(&settings, &program, argc, argv);
  if (status >= 0) return status;
  char name[64];
  snprintf(name, sizeof name, "clip-%s", data_names[data_kind]);
  settings_folder(&settings, name);
  Run run = {.params = params_new()};
  status = prepare_and_train(&run);
  params_free(run.params);
  if (run.tokenizer) tokenizer_free(run.tokenizer);
  Pairs *all[] = {&run.train, &run.test, &run.seen, &run.held_out};
  for (int i = 0; i < 4; i++) pairs_free(all[i]);
  return status;
}
