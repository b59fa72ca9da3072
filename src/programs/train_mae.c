/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/contact_sheet.h"
#include "app/experiment.h"
#include "base/error.h"
#include "data/pictures.h"
#include "models/model_io.h"
#include "nn/image_batch.h"
#include "nn/patches.h"
#include "tasks/reconstruct.h"

// The options of train-mae
static Settings settings = {SETTINGS_DEFAULTS};
enum { TARGETS_DEFAULT, TARGETS_PIXELS, TARGETS_NORMALIZED };
static int data_kind = PICTURES_SHAPES, limit = 0, augment = 1;
static int targets_kind = TARGETS_DEFAULT;
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
                  "what is predicted; auto: normalized for mnist and cifar10"),
    SETTINGS_OPTIONS(settings)};

static const int defaults[][2] = {/* patch size, epochs */ {4, 12}, {7, 3}, {4, 4},
                                  {4, 5}, {4, 50}};

static bool normalized(void) {
  if (targets_kind == TARGETS_DEFAULT)
    return data_kind == PICTURES_MNIST || data_kind == PICTURES_CIFAR10;
  return targets_kind == TARGETS_NORMALIZED;
}

// Fill in pictures
enum { VIEWS = 4, ZOOM = 2 };

typedef struct Run {
  const char *folder;
  Dataset train, test;
  Reconstruct task;
} Run;

/* The four views of a picture as patches, each [patches][n] one after another. */
static void make_views(real *views, const real *target, real *predicted,
                       const int *restore, int patches, int n) {
  const size_t all = (size_t)patches * n;
  for (int t = 0; t < patches; t++) {
    const bool hidden = restore[t] < 0;
    if (normalized()) patch_denormalize(predicted + t * n, target + t * n, n);
    for (int i = t * n; i < (t + 1) * n; i++) {
      views[i] = target[i];
      views[all + i] = hidden ? 0 : target[i];
      views[2 * all + i] = predicted[i];
      views[3 * all + i] = hidden ? predicted[i] : target[i];
    }
  }
}

/* Picture `index` with its patches hidden at this ratio, as tile `place`. */
static void show(Image *sheet, const Run *run, int index, double hidden, int place) {
  const Dataset *data = &run->test;
  const Mae *mae = &run->task.mae;
  const int P = mae->encoder.config.patch_size, side = data->height;
  const int N = mae->encoder.patches, n = data->channels * P * P;
  Tape *tape = tape_no_grad();
  Tensor *images =
      image_batch(tape, data, &index, 1, (Augment){0}, (RandomKey){0}, NULL);
  Masking mask = masking_random(tape, 1, N, hidden, random_key(1, "shown"), &index);
  Tensor *predicted = mae_decode(tape, mae, mae_encode(tape, mae, images, &mask), &mask);
  Tensor *target = patch_tokens(tape, images, P);
  Tensor *views = tape_tensor(tape, "views", SHAPE(VIEWS, N, n));
  make_views(views->value, target->value, predicted->value, mask.restore, N, n);
  for (int v = 0; v < VIEWS; v++) {
    unpatchify(images->value, views->value + v * N * n, data->channels, side, side, P);
    sheet_put(sheet, sheet_planes(data, images->value), place / 2,
              place % 2 * VIEWS + v, side * ZOOM);
  }
  tape_free(tape);
}
/* The first `pictures` held-out ones, again and again, row by row at these ratios. */
static bool write_views(const Run *run, const char *folder, const char *name,
                        int pictures, const double *ratios, int rows) {
  Image sheet = sheet_new(rows, 2 * VIEWS, run->test.height * ZOOM, 3);
  for (int i = 0; i < 2 * rows; i++)
    show(&sheet, run, i % pictures % run->test.count, ratios[i / 2], i);
  return image_save_in(folder, name, &sheet);
}

static bool write_filled(const Run *run, const char *folder, const char *name) {
  return write_views(run, folder, name, 6, (double[]){ratio, ratio, ratio}, 3);
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

static bool evaluated(void *state, int step) {
  const Run *run = state;
  char name[32];
  snprintf(name, sizeof name, "filled-%d", step);
  return write_filled(run, run->folder, name);
}

static bool prepare(void *state, Plan *plan) {
  Run *run = state;
  if (!pictures_open((PictureSet)data_kind, settings.data_dir, limit,
                     (uint64_t)settings.seed, &run->train, &run->test))
    return false;
  const MaeConfig config = model_config(run);
  const VitConfig *c = &config.encoder;
  run->folder = plan->folder;
  if (!mae_check(&config)) return false;
  if (c->image_size == c->patch_size)
    return fail("--patch-size: expected less than the whole picture, found %d",
                c->patch_size);
  run->task = (Reconstruct){.train = &run->train, .test = &run->test,
                            .mae = mae_declare(plan->params, config), .ratio = ratio,
                            .seed = (uint64_t)settings.seed, .batch = settings.batch,
                            .evaluated = evaluated, .state = run};
  run->task.augment.flip = augment && pictures_augment((PictureSet)data_kind).flip;
  params_fill(plan->params, (uint64_t)settings.seed);
  plan->task = reconstruct_task(&run->task);
  plan->examples = run->train.count, plan->passes = defaults[data_kind][1];
  plan->micro_batch = vit_micro_batch(&run->task.mae.encoder);
  plan->train = &run->train, plan->test = &run->test;
  vit_metadata(&plan->metadata, c, "");
  return true;
}

static bool report(void *state, const char *folder, FILE *summary, TrainerResult end,
                   char *result) {
  const Run *run = state;
  const VitConfig *c = &run->task.mae.config.encoder;
  const int n = c->channels * c->patch_size * c->patch_size;
  fprintf(summary, "normalized_error\t%.4f\nzero\t%.4f\n", end.metric, (n - 1.0) / n);
  snprintf(result, RESULT_LENGTH, "error %.4f, %.3f of predicting zero,", end.loss,
           end.metric);
  static const double ratios[] = {0.25, 0.5, 0.75, 0.9};
  return write_views(run, folder, "ratios", 2, ratios, 4) &&
         write_filled(run, folder, "filled-last");
}

static void end_run(void *state) {
  Run *run = state;
  reconstruct_end(&run->task);
  dataset_free(&run->train), dataset_free(&run->test);
}

int main(int argc, char **argv) {
  Run run = {0};
  Experiment experiment = {
      .program = PROGRAM("train-mae", "",
                  "Train an autoencoder to fill in the hidden patches of pictures."),
      .settings = &settings, .state = &run, .prepare = prepare, .report = report,
      .end = end_run};
  settings.batch = 128, settings.beta2 = 0.95;
  return experiment_run(&experiment, argc, argv);
}
