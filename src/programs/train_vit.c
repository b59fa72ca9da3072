/* Tangled from chapters/06-training.nw: edit that, not this. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/gallery.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "data/label_subset.h"
#include "data/pictures.h"
#include "models/eva_presets.h"
#include "models/model_io.h"
#include "tensor/losses.h"
#include "train/layer_decay.h"
#include "train/shuffle.h"

// The options of train-vit
static Settings settings = {SETTINGS_DEFAULTS};
static int data_kind = PICTURES_SHAPES, limit = 0, tested = 0, augment = 1;
static int patch_size = 0, width = 64, depth = 4, heads = 4, mlp = 0;
static int position = POSITION_LEARNED, pool = POOL_CLS, norm = 0, gelu_kind = GELU_ERF;
static int block = 0, take = 0, budget = 0;
static double patch_dropout_rate = 0, decay_rate = 1;
static const char *from_run = "";
static double smoothing = 0, dropout_rate = 0, drop_path_rate = 0;

static Option options[] = {
    // Train-vit's options of the pictures
    CHOICE_OPTION("data", data_kind, PICTURES_CHOICES PICTURES_CAPTIONED,
                  "what to learn"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    INT_OPTION("test", tested, 0, 1e9, "pictures to be tested on; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "shift (and mirror) pictures"),
    INT_OPTION("labels", budget, 0, 1e9,
               "so many pictures, of each class as many; 0: all"),
    {.name = "from", .kind = OPTION_TEXT, .value = &from_run,
     .help = "begin with the image encoder of the run in this folder"},
    CHOICE_OPTION("init", take, "pretrained|random", "what is taken over with --from"),
    NUMBER_OPTION("layer-decay", decay_rate, 0.01, 1,
                  "of learning rates, from a layer to the one before it"),
    // Train-vit's options of the network
    INT_OPTION("patch-size", patch_size, 0, 4096, "side of a patch; 0: what suits"),
    INT_OPTION("width", width, 1, 65536, "length of a token's vector"),
    INT_OPTION("depth", depth, 1, 1000, "blocks"),
    INT_OPTION("heads", heads, 1, 65536, "attention heads; must divide the width"),
    INT_OPTION("mlp", mlp, 0, 1 << 20, "hidden width of the MLP; 0: 4 times the width"),
    CHOICE_OPTION("position", position, "none|learned|sincos", "position encoding"),
    CHOICE_OPTION("pool", pool, "cls|mean|map", "how a picture becomes one vector"),
    CHOICE_OPTION("norm", norm, "pre|post", "where blocks normalize"),
    CHOICE_OPTION("gelu", gelu_kind, "erf|tanh|quick", "which GELU"),
    CHOICE_OPTION("block", block, "plain|eva02", "which blocks; eva02: Chapter 11"),
    NUMBER_OPTION("patch-dropout", patch_dropout_rate, 0, 0.99,
                  "fraction of patches left out in training"),
    NUMBER_OPTION("smoothing", smoothing, 0, 0.9, "label smoothing"),
    NUMBER_OPTION("dropout", dropout_rate, 0, 0.99, "dropout rate"),
    NUMBER_OPTION("drop-path", drop_path_rate, 0, 0.99, "drop path of the last block"),
    INT_OPTION("micro-batch", settings.micro_batch, 0, 65536,
        "pictures of a shard at once; 0: what suits"),
    SETTINGS_OPTIONS(settings)};

static Program program = {"train-vit", "", "Train a Vision Transformer to tell "
                          "classes of pictures apart.",
                          options, sizeof options / sizeof *options};

// The state of a run
typedef struct Run {
  Dataset train, test;
  Vit vit;
  Augment augment;
  Shuffle shuffle;
  Predictions predicted; /* at the last evaluation */
  Params *encoder;    /* of --from, or NULL */
} Run;

static const int defaults[][2] = {/* patch size, epochs */
                                  {8, 9}, {7, 5}, {4, 3}, {8, 3}, {8, 20}};

// Open the data
static bool open_data(Run *run) {
  if (!pictures_open((PictureSet)data_kind, settings.data_dir, limit,
                     (uint64_t)settings.seed, &run->train, &run->test))
    return false;
  if (tested && tested < run->test.count) run->test.count = tested;
  if (augment) run->augment = pictures_augment((PictureSet)data_kind);
  label_subset_apply(&run->train, budget, (uint64_t)settings.seed);
  return true;
}

// Settle the sizes
static VitConfig model_config(const Run *run) {
  VitConfig c = {.image_size = run->train.height, .channels = run->train.channels,
                 .patch_size = patch_size ? patch_size : defaults[data_kind][0],
                 .width = width, .depth = depth, .heads = heads,
                 .mlp = mlp ? mlp : 4 * width, .classes = run->train.classes,
                 .position = (PositionKind)position, .pool = (PoolKind)pool,
                 .post_norm = norm, .gelu = (GeluKind)gelu_kind, .eps = 1e-6,
                 .dropout = dropout_rate, .drop_path = drop_path_rate,
                 .patch_dropout = patch_dropout_rate};
  if (block == 1) eva02_variant(&c);
  return c;
}

// Loss and evaluation of a vit
static void run_begin(void *state, int step) {
  Run *run = state;
  shuffle_begin(&run->shuffle, (uint64_t)settings.seed, step, settings.batch);
}

static Tensor *run_loss(Tape *tape, void *state, int step, int first, int count,
                        double *metric) {
  const Run *run = state;
  const Dataset *data = &run->train;
  int correct, *labels = tape_memory(tape, (size_t)count * sizeof *labels);
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels,
                                                     data->height, data->width));
  RandomKey key = random_key((uint64_t)settings.seed, "augment");
  dataset_batch(data, run->shuffle.batch + first, count, run->augment,
                random_subkey(key, (uint64_t)step), images->value, labels);
  Tensor *logits = vit_forward(tape, &run->vit, images);
  Tensor *loss = cross_entropy(tape, logits, labels, smoothing, &correct);
  *metric = (double)correct / count;
  return loss;
}

static void run_evaluate(Tape *tape, void *state, double *loss, double *metric) {
  Run *run = state;
  predictions_free(&run->predicted);
  run->predicted = predictions_make(tape, &run->vit, &run->test, settings.batch);
  *loss = run->predicted.loss;
  *metric = (double)run->predicted.correct / run->test.count;
}

// Write what a run found
static bool write_summary(const Run *run, const TrainerConfig *config,
                          TrainerResult result, const Params *params) {
  char path[1024];
  FILE *file = settings_summary(&settings, &program, config, result, params, path);
  if (!file) return false;
  fprintf(file, "test_accuracy\t%.4f\nclasses\t%d\n", result.metric,
          run->train.classes);
  fprintf(file, "train_images\t%d\ntest_images\t%d\n", run->train.count,
          run->test.count);
  for (int i = 0; i < run->train.channels; i++)
    fprintf(file, "mean%d\t%.4f\nstd%d\t%.4f\n", i,
            (double)run->train.mean[i], i, (double)run->train.std[i]);
  return file_commit(file, path);
}

// Train a vit
// Begin with another run's encoder
/* Was an option given that an encoder taken over decides? */
static bool sizes_are_open(void) {
  static const char *const decided[] = {"patch-size", "width", "depth", "heads", "mlp",
                                        "position", "pool", "norm", "gelu", "block"};
  for (int i = 0; i < program.count; i++)
    for (size_t k = 0; k < sizeof decided / sizeof *decided; k++)
      if (options[i].given && strcmp(options[i].name, decided[k]) == 0)
        return fail("--%s: expected none with --from, whose encoder decides it",
                    decided[k]);
  return true;
}

/* The pictures as the encoder knows them; its configuration with a head. */
static bool take_sizes(Run *run, const LoadedVit *encoder, VitConfig *config) {
  const VitConfig *c = &encoder->vit.config;
  Dataset *sets[] = {&run->train, &run->test};
  if (c->image_size != run->train.height || c->channels != run->train.channels)
    return fail("--from: expected an encoder for %d x %d pictures of %d channels, found "
                "one for %d x %d of %d", run->train.height, run->train.width,
                run->train.channels, c->image_size, c->image_size, c->channels);
  for (int i = 0; i < 2; i++) {
    memcpy(sets[i]->mean, encoder->mean, sizeof encoder->mean);
    memcpy(sets[i]->std, encoder->std, sizeof encoder->std);
  }
  *config = *c;
  config->classes = run->train.classes;
  config->dropout = dropout_rate, config->drop_path = drop_path_rate;
  config->patch_dropout = patch_dropout_rate;
  return true;
}

static int train(Run *run, Params *params) {
  TrainerConfig config;
  if (!settings_plan(&settings, run->train.count, defaults[data_kind][1],
                     vit_micro_batch(&run->vit), &config))
    return options_complain(&program);
  if (budget) config.every = config.steps; /* few labels make many short epochs */
  settings_channel_metadata(&config.data, &run->train);
  vit_metadata(&config.data, &run->vit.config, "");
  if (!folder_make(settings.out)) return fail_report(program.name);
  Task task = {.state = run, .metric = "accuracy", .begin = run_begin,
               .loss = run_loss, .evaluate = run_evaluate};
  TrainerResult result = trainer_run(&config, &task, params, &program);
  int status = settings_finish(&settings, &program, result);
  if (status) return status;
  if (!write_summary(run, &config, result, params) ||
      !gallery_write(settings.out, &run->vit, &run->test, &run->predicted))
    return fail_report(program.name);
  printf("%s: test accuracy %.4f after %d steps in %.1f s; see %s\n", program.name,
         result.metric, config.steps, result.seconds, settings.out);
  return 0;
}

static int prepare_and_train(Run *run, Params *params) {
  if (!open_data(run)) return fail_report(program.name);
  if (budget && budget < run->train.classes) {
    fail("--labels: expected at least the %d classes, found %d", run->train.classes,
         budget);
    return options_complain(&program);
  }
  VitConfig config = model_config(run);
  LoadedVit encoder = {0};
  if (*from_run) {
    if (!sizes_are_open()) return options_complain(&program);
    if (!vit_open(&encoder, from_run, true, 0)) return fail_report(program.name);
    run->encoder = encoder.params;
    if (!take_sizes(run, &encoder, &config)) return options_complain(&program);
  }
  if (!vit_check(&config)) return options_complain(&program);
  run->vit = vit_declare(params, "", config);
  run->shuffle = shuffle_new(run->train.count);
  params_fill(params, (uint64_t)settings.seed);
  if (*from_run && take == 0) vit_copy_parameters(&encoder, params, "");
  layer_decay(params, "", config.depth, decay_rate);
  return train(run, params);
}

// The main function of train-vit
int main(int argc, char **argv) {
  int status = settings_start(&settings, &program, argc, argv);
  if (status >= 0) return status;
  char name[64];
  snprintf(name, sizeof name, "vit-%s", pictures_names[data_kind]);
  settings_folder(&settings, name);
  Run run = {0};
  Params *params = params_new();
  status = prepare_and_train(&run, params);
  params_free(params);
  dataset_free(&run.train);
  dataset_free(&run.test);
  predictions_free(&run.predicted);
  shuffle_free(&run.shuffle);
  if (run.encoder) params_free(run.encoder);
  return status;
}
