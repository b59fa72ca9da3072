/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/experiment.h"
#include "app/gallery.h"
#include "base/error.h"
#include "data/pictures.h"
#include "models/model_io.h"
#include "models/presets.h"
#include "tasks/classify.h"
#include "train/optimizer.h"

// The options of train-vit
static Settings settings = {SETTINGS_DEFAULTS};
static int data_kind = PICTURES_SHAPES, limit = 0, tested = 0, augment = 1;
static int patch_size = 0, width = 64, depth = 4, heads = 4, mlp = 0;
static int position = POSITION_LEARNED, pool = POOL_CLS, norm = 0, gelu_kind = GELU_ERF;
static int block = 0, init = 0, budget = 0;
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
    TEXT_OPTION("from", from_run,
                "begin with the image encoder of the run in this folder"),
    CHOICE_OPTION("init", init, "pretrained|random", "what is taken over with --from"),
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
    CHOICE_OPTION("block", block, "plain|eva02", "which blocks; eva02: gated, turned"),
    NUMBER_OPTION("patch-dropout", patch_dropout_rate, 0, 0.99,
                  "fraction of patches left out in training"),
    NUMBER_OPTION("smoothing", smoothing, 0, 0.9, "label smoothing"),
    NUMBER_OPTION("dropout", dropout_rate, 0, 0.99, "dropout rate"),
    NUMBER_OPTION("drop-path", drop_path_rate, 0, 0.99, "drop path of the last block"),
    INT_OPTION("micro-batch", settings.micro_batch, 0, 65536,
        "pictures of a shard at once; 0: what suits"),
    SETTINGS_OPTIONS(settings)};

// Get a classification ready
typedef struct Run {
  Dataset train, test;
  Classify task;
  LoadedVit encoder; /* of --from, or empty */
} Run;

static const int defaults[][2] = {/* patch size, epochs */
                                  {8, 9}, {7, 5}, {4, 3}, {8, 3}, {8, 20}};

static bool open_data(Run *run) {
  if (!pictures_open((PictureSet)data_kind, settings.data_dir, limit,
                     (uint64_t)settings.seed, &run->train, &run->test))
    return false;
  run->test.count = dataset_limit(run->test.count, tested);
  if (budget && budget < run->train.classes)
    return fail("--labels: expected at least the %d classes, found %d",
                run->train.classes, budget);
  label_subset_apply(&run->train, budget, (uint64_t)settings.seed);
  return true;
}

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

// Begin with another run's encoder
static const char decided[] = "|patch-size|width|depth|heads|mlp|position|pool|norm|"
                              "gelu|block|";

/* The pictures as the encoder knows them; its configuration with a head. */
static bool open_encoder(Run *run, VitConfig *config) {
  if (!options_left_alone(options, sizeof options / sizeof *options, decided,
                          "--from, whose encoder decides it") ||
      !vit_open(&run->encoder, from_run, true, 0) ||
      !vit_takes(&run->encoder, &run->train, "--from") ||
      !vit_takes(&run->encoder, &run->test, "--from"))
    return false;
  *config = run->encoder.vit.config;
  config->classes = run->train.classes;
  config->dropout = dropout_rate, config->drop_path = drop_path_rate;
  config->patch_dropout = patch_dropout_rate;
  return true;
}

static bool prepare(void *state, Plan *plan) {
  Run *run = state;
  if (!open_data(run)) return false;
  VitConfig config = model_config(run);
  if (*from_run && !open_encoder(run, &config)) return false;
  if (!vit_check(&config)) return false;
  run->task = (Classify){.train = &run->train, .test = &run->test,
                         .vit = vit_declare(plan->params, "", config),
                         .smoothing = smoothing, .seed = (uint64_t)settings.seed,
                         .batch = settings.batch};
  if (augment) run->task.augment = pictures_augment((PictureSet)data_kind);
  params_fill(plan->params, (uint64_t)settings.seed);
  if (*from_run && init == 0) vit_copy_parameters(&run->encoder, plan->params, "");
  layer_decay(plan->params, "", config.depth, decay_rate);
  plan->task = classify_task(&run->task);
  plan->examples = run->train.count, plan->passes = defaults[data_kind][1];
  plan->micro_batch = vit_micro_batch(&run->task.vit);
  plan->evaluations = budget ? 1 : 0; /* few labels make many short epochs */
  plan->train = &run->train, plan->test = &run->test;
  vit_metadata(&plan->metadata, &config, "");
  return true;
}

// Write what a run found
static bool report(void *state, const char *folder, FILE *summary, TrainerResult end,
                   char *result) {
  const Run *run = state;
  fprintf(summary, "test_accuracy\t%.4f\nclasses\t%d\n", end.metric, run->train.classes);
  for (int i = 0; i < run->train.channels; i++)
    fprintf(summary, "mean%d\t%.4f\nstd%d\t%.4f\n", i, (double)run->train.mean[i], i,
            (double)run->train.std[i]);
  snprintf(result, RESULT_LENGTH, "test accuracy %.4f", end.metric);
  return gallery_write(folder, &run->task.vit, &run->test, &run->task.predictions);
}

// The main function of train-vit
static void end_run(void *state) {
  Run *run = state;
  classify_end(&run->task);
  dataset_free(&run->train), dataset_free(&run->test);
  if (run->encoder.params) vit_close(&run->encoder);
}

int main(int argc, char **argv) {
  Run run = {0};
  Experiment experiment = {
      .program = PROGRAM("train-vit", "", "Train a Vision Transformer to tell classes of "
                  "pictures apart."),
      .settings = &settings, .state = &run, .prepare = prepare, .report = report,
      .end = end_run};
  return experiment_run(&experiment, argc, argv);
}
