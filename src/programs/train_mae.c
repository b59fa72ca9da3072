/* Tangled from chapters/10-mae.nw: edit that, not this. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/image.h"
#include "data/pictures.h"
#include "models/mae.h"
#include "models/model_io.h"
#include "nn/patches.h"
#include "train/shuffle.h"

// The options of train-mae
static Settings settings = {SETTINGS_DEFAULTS};
enum { TARGETS_DEFAULT, TARGETS_PIXELS, TARGETS_NORMALIZED };
static int data_kind = PICTURES_SHAPES, limit = 0, augment = 1,
targets_kind = TARGETS_DEFAULT;
static int patch_size = 0, width = 64, depth = 4, heads = 4;
static int decoder_width = 48, decoder_depth = 1, decoder_heads = 4;
static double ratio = 0.75;

static Option options[] = {
    CHOICE_OPTION("data", data_kind, PICTURES_CHOICES PICTURES_CAPTIONED,
                  "pictures to fill in"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE_OPTION("augment", augment, "none|mirror", "mirror photographs"),
    INT_OPTION("patch-size", patch_size, 0, 4096, "side of a patch; 0: what suits"),
    INT_OPTION("width", width, 1, 65536, "of the encoder"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the encoder"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the encoder"),
    INT_OPTION("decoder-width", decoder_width, 1, 65536, "of the decoder"),
    INT_OPTION("decoder-depth", decoder_depth, 1, 1000, "blocks of the decoder"),
    INT_OPTION("decoder-heads", decoder_heads, 1, 65536, "heads of the decoder"),
    NUMBER_OPTION("ratio", ratio, 0.01, 0.99, "fraction of patches that are hidden"),
    CHOICE_OPTION("targets", targets_kind, "auto|pixels|normalized",
                  "what is predicted; suits: normalized for mnist and cifar10"),
    SETTINGS_OPTIONS(settings)};

static Program program = {"train-mae", "", "Train an autoencoder to fill in the hidden "
                          "patches of pictures.",
                          options, sizeof options / sizeof *options};
static const int defaults[][2] = {/* patch size, epochs */ {4, 12}, {7, 3}, {4, 4},
                                  {4, 5}, {4, 50}};

static bool normalized(void) {
  if (targets_kind == TARGETS_DEFAULT)
    return data_kind == PICTURES_MNIST || data_kind == PICTURES_CIFAR10;
  return targets_kind == TARGETS_NORMALIZED;
}

// Loss and evaluation of an autoencoder
typedef struct Run {
  Dataset train, test;
  Augment augment;
  Shuffle shuffle;
  Params *params;
  Mae mae;
  int step;
  bool failed; /* to write pictures */
} Run;

static void begin(void *state, int step) {
  Run *run = state;
  run->step = step;
  shuffle_begin(&run->shuffle, (uint64_t)settings.seed, step, settings.batch);
}

/* The loss over some pictures, and its fraction of that of predicting zero. */
static Tensor *loss_of(Tape *tape, const Run *run, const Dataset *data, const int *index,
                       int count, Augment change, int step, double *fraction) {
  const RandomKey masks = random_subkey(random_key((uint64_t)settings.seed, "masks"),
                                        (uint64_t)step);
  const RandomKey key = random_subkey(random_key((uint64_t)settings.seed, "augment"),
                                      (uint64_t)step);
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels,
                                                     data->height, data->width));
  dataset_batch(data, index, count, change, key, images->value, NULL);
  const Masking mask =
      masking_random(tape, count, run->mae.encoder.patches, ratio, masks, index);
  Tensor *predicted =
      mae_decode(tape, &run->mae, mae_encode(tape, &run->mae, images, &mask),
                                 &mask);
  Tensor *targets = mae_targets(tape, &run->mae, images);
  Tensor *zero = tape_tensor(tape, "zero", targets->shape);
  memset(zero->value, 0, tensor_size(zero) * sizeof(real));
  Tensor *loss = masked_mse(tape, predicted, targets, &mask);
  *fraction = (double)(loss->value[0] / masked_mse(tape, zero, targets, &mask)->value[0]);
  return loss;
}

static Tensor *loss(Tape *tape, void *state, int step, int first, int count,
                    double *fraction) {
  const Run *run = state;
  return loss_of(tape, run, &run->train, run->shuffle.batch + first, count, run->augment,
                 step + 1, fraction);
}

enum { AT_ONCE = 50, MOST_TESTED = 1000 };
static bool write_filled(const Run *run, const char *name);

static void evaluate(Tape *tape, void *state, double *mean, double *fraction) {
  Run *run = state;
  char name[32];
  const int count = run->test.count < MOST_TESTED ? run->test.count : MOST_TESTED;
  *mean = *fraction = 0;
  for (int first = 0; first < count; first += AT_ONCE) {
    const int n = count - first < AT_ONCE ? count - first : AT_ONCE;
    int index[AT_ONCE];
    double part;
    for (int i = 0; i < n; i++) index[i] = first + i;
    tape_reset(tape, (RandomKey){0});
    Tensor *error =
        loss_of(tape, run, &run->test, index, n, (Augment){0}, 0, &part);
    *mean += (double)error->value[0] * n / count;
    *fraction += part * n / count;
  }
  snprintf(name, sizeof name, "filled-%d", run->step + 1);
  run->failed |= !write_filled(run, name);
}

// Fill in pictures
enum { SHOWN = 6, VIEWS = 4, GAP = 4, ZOOM = 2 };

/* Undo the normalization of a patch with the true patch's mean and standard deviation. */
static void undo(real *predicted, const real *target, int n) {
  double mean = 0, squares = 0;
  for (int i = 0; i < n; i++) mean += (double)target[i] / n;
  for (int i = 0; i < n; i++) squares += pow((double)target[i] - mean, 2);
  const double std = sqrt(squares / (n - 1) + 1e-6);
  for (int i = 0; i < n; i++) predicted[i] = (real)((double)predicted[i] * std + mean);
}

/* The four views of a picture as patches, each [patches][n] one after another. */
static void make_views(real *views, const real *target, real *predicted,
                       const int *restore,
                       int patches, int n) {
  const size_t all = (size_t)patches * n;
  for (int t = 0; t < patches; t++) {
    const bool hidden = restore[t] < 0;
    if (normalized()) undo(predicted + t * n, target + t * n, n);
    for (int i = t * n; i < (t + 1) * n; i++) {
      views[i] = target[i];
      views[all + i] = hidden ? 0 : target[i];
      views[2 * all + i] = predicted[i];
      views[3 * all + i] = hidden ? predicted[i] : target[i];
    }
  }
}

static Image grid_new(const Run *run, int rows) {
  const int tile = run->test.height * ZOOM;
  return image_new(2 * VIEWS * (tile + GAP) + 2 * GAP, rows * (tile + GAP), 3, 255);
}

/* Picture `index` with its patches hidden at this ratio, as tile `place`. */
static void show(Image *grid, const Run *run, int index, double hidden, int place) {
  const Dataset *data = &run->test;
  const int P = run->mae.encoder.config.patch_size, side = data->height;
  const int N = run->mae.encoder.patches, n = data->channels * P * P;
  Tape *tape = tape_new();
  tape->recording = false;
  Tensor *images = tape_tensor(tape, "images", SHAPE(1, data->channels, side, side));
  dataset_batch(data, &index, 1, (Augment){0}, (RandomKey){0}, images->value, NULL);
  Masking mask = masking_random(tape, 1, N, hidden, random_key(1, "shown"), &index);
  Tensor *predicted =
      mae_decode(tape, &run->mae, mae_encode(tape, &run->mae, images, &mask),
                                 &mask);
  Tensor *target = patch_tokens(tape, images, P);
  Tensor *views = tape_tensor(tape, "views", SHAPE(VIEWS, N, n));
  make_views(views->value, target->value, predicted->value, mask.restore, N, n);
  // Paste the four views
  for (int v = 0; v < VIEWS; v++) {
    unpatchify(images->value, views->value + (size_t)v * N * n, data->channels, side,
               side, P);
    Image tile = image_from_planes(images->value, data->channels, side, side, data->mean,
                                   data->std);
    const int column = place % 2 * VIEWS + v;
    image_paste(grid, &tile, column * (side * ZOOM + GAP) + place % 2 * 2 * GAP,
                place / 2 * (side * ZOOM + GAP), ZOOM);
    image_free(&tile);
  }
  tape_free(tape);
}

static bool write_filled(const Run *run, const char *name) {
  Image grid = grid_new(run, SHOWN / 2);
  for (int i = 0; i < SHOWN; i++) show(&grid, run, i % run->test.count, ratio, i);
  return image_save_in(settings.out, name, &grid);
}

static bool write_ratios(const Run *run) {
  static const double ratios[] = {0.25, 0.5, 0.75, 0.9};
  Image grid = grid_new(run, 4);
  for (int i = 0; i < 8; i++)
    show(&grid, run, i % 2 % run->test.count, ratios[i / 2], i);
  return image_save_in(settings.out, "ratios", &grid);
}

// Train an autoencoder
static MaeConfig model_config(const Run *run) {
  return (MaeConfig){
      .encoder = {.image_size = run->train.height, .channels = run->train.channels,
                  .patch_size = patch_size ? patch_size : defaults[data_kind][0],
                  .width = width, .depth = depth, .heads = heads, .mlp = 4 * width,
                  .position = POSITION_SINCOS, .gelu = GELU_ERF, .eps = 1e-6},
      .width = decoder_width, .depth = decoder_depth, .heads = decoder_heads,
      .mlp = 4 * decoder_width, .normalize = normalized()};
}

static bool write_summary(const Run *run, const TrainerConfig *config,
                          TrainerResult result) {
  char path[1024];
  const VitConfig *c = &run->mae.config.encoder;
  const int n = c->channels * c->patch_size * c->patch_size;
  FILE *file =
      settings_summary(&settings, &program, config, result, run->params, path);
  if (!file) return false;
  fprintf(file, "normalized_error\t%.4f\nzero\t%.4f\n", result.metric, (n - 1.0) / n);
  fprintf(file, "train_images\t%d\ntest_images\t%d\n", run->train.count,
          run->test.count);
  return file_commit(file, path);
}

static int train(Run *run) {
  TrainerConfig config;
  const int tokens = 1 + run->mae.encoder.patches;
  if (!settings_plan(&settings, run->train.count, defaults[data_kind][1],
                     1023 / tokens + 1, &config))
    return options_complain(&program);
  settings_channel_metadata(&config.data, &run->train);
  vit_metadata(&config.data, &run->mae.config.encoder, "");
  if (!folder_make(settings.out)) return fail_report(program.name);
  Task task = {.state = run, .metric = "normalized_error", .begin = begin, .loss = loss,
               .evaluate = evaluate};
  TrainerResult result = trainer_run(&config, &task, run->params, &program);
  int status = settings_finish(&settings, &program, result);
  if (status) return status;
  if (run->failed || !write_ratios(run) || !write_filled(run, "filled-last") ||
      !write_summary(run, &config, result))
    return fail_report(program.name);
  printf("%s: error %.4f, %.3f of predicting zero, after %d steps in %.1f s; see %s\n",
         program.name, result.loss, result.metric, config.steps, result.seconds,
         settings.out);
  return 0;
}

static int prepare_and_train(Run *run) {
  if (!pictures_open((PictureSet)data_kind, settings.data_dir, limit,
                     (uint64_t)settings.seed, &run->train, &run->test))
    return fail_report(program.name);
  run->augment.flip = augment && pictures_augment((PictureSet)data_kind).flip;
  MaeConfig config = model_config(run);
  if (!mae_check(&config)) return options_complain(&program);
  if (config.encoder.image_size == config.encoder.patch_size) {
    fail("--patch-size: expected less than the whole picture, found %d",
         config.encoder.patch_size);
    return options_complain(&program);
  }
  run->mae = mae_declare(run->params, config);
  run->shuffle = shuffle_new(run->train.count);
  params_fill(run->params, (uint64_t)settings.seed);
  return train(run);
}

int main(int argc, char **argv) {
  settings.batch = 128, settings.beta2 = 0.95;
  int status = settings_start(&settings, &program, argc, argv);
  if (status >= 0) return status;
  char name[64];
  snprintf(name, sizeof name, "mae-%s", pictures_names[data_kind]);
  settings_folder(&settings, name);
  Run run = {.params = params_new()};
  status = prepare_and_train(&run);
  params_free(run.params);
  shuffle_free(&run.shuffle);
  dataset_free(&run.train);
  dataset_free(&run.test);
  return status;
}
