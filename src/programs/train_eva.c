/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <math.h>

#include "app/eva_pictures.h"
#include "app/experiment.h"
#include "base/error.h"
#include "data/pictures.h"
#include "models/model_io.h"
#include "models/presets.h"

// The options of train-eva
enum { TARGETS_FEATURES, TARGETS_PIXELS, TARGETS_NORMALIZED };
static Settings settings = {SETTINGS_DEFAULTS};
static const char *teacher_run = "";
static int data_kind = PICTURES_SCENES, limit = 0, augment = 1, target = TARGETS_FEATURES;
static int masks_kind = MASKS_BLOCKS, patch_size = 4, width = 64, depth = 4, heads = 4;
static double ratio = 0.41, patch_gradient = 1, drop_path_rate = 0;
static int block = 0;

static Option options[] = {
    TEXT_OPTION("teacher", teacher_run,
                "predict the features of the CLIP in this folder"),
    CHOICE_OPTION("data", data_kind, PICTURES_CHOICES PICTURES_CAPTIONED, "pictures"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "change pictures a little"),
    CHOICE_OPTION("target", target, "features|pixels|normalized", "what is predicted"),
    CHOICE_OPTION("masks", masks_kind, "blocks|random|none",
                  "what is hidden; none: the student sees all and predicts all"),
    NUMBER_OPTION("ratio", ratio, 0.01, 0.99, "fraction of patches that are hidden"),
    NUMBER_OPTION("patch-gradient", patch_gradient, 0, 1,
                  "part of the gradient that the patch projection gets"),
    CHOICE_OPTION("block", block, "plain|eva02", "which blocks in the student"),
    INT_OPTION("patch-size", patch_size, 1, 4096, "of the student"),
    INT_OPTION("width", width, 1, 65536, "of the student"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the student"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the student"),
    NUMBER_OPTION("drop-path", drop_path_rate, 0, 0.99, "drop path of the last block"),
    SETTINGS_OPTIONS(settings)};

// Get a masked prediction ready
typedef struct Run {
  Dataset train, test;
  LoadedClip teacher; /* empty for pixels */
  MaskedPrediction task;
  Image features; /* begun before training, ended after it */
} Run;

static EvaConfig student_config(const Run *run) {
  const bool features = target == TARGETS_FEATURES;
  EvaConfig c = {
      .student = {.image_size = run->train.height, .channels = run->train.channels,
                  .patch_size = patch_size, .width = width, .depth = depth,
                  .heads = heads, .mlp = 4 * width, .position = POSITION_LEARNED,
                  .gelu = GELU_ERF, .eps = 1e-6, .drop_path = drop_path_rate,
                  .variant.no_key_bias = true, .first = INIT_EVA},
      .target = features ? EVA_FEATURES : EVA_PIXELS,
      .embed = features ? run->teacher.clip.config.embed : 0,
      .normalize = target == TARGETS_NORMALIZED, .patch_gradient = patch_gradient,
      .unmasked = masks_kind == MASKS_NONE};
  if (block == 1) eva02_variant(&c.student);
  return c;
}

static bool open_teacher(Run *run) {
  const bool features = target == TARGETS_FEATURES;
  if (features != (*teacher_run != 0))
    return features ? fail("--teacher: expected the folder of a trained CLIP (or "
                           "--target pixels), found none")
                    : fail("--teacher: expected none with --target pixels or "
                           "normalized, found '%s'", teacher_run);
  if (!features) return true;
  LoadedClip *teacher = &run->teacher;
  if (!clip_open(teacher, teacher_run)) return false;
  const VitConfig *c = &teacher->clip.config.image;
  if (!encoder_takes(c, teacher->mean, teacher->std, &run->train, "--teacher") ||
      !encoder_takes(c, teacher->mean, teacher->std, &run->test, "--teacher"))
    return false;
  if (c->patch_size != patch_size)
    return fail("--patch-size: expected the teacher's %d, found %d", c->patch_size,
                patch_size);
  if (c->pool == POOL_MAP || !teacher->clip.visual_projection.weight)
    return fail("--teacher: expected an encoder with CLS or a mean, and a projection, as "
                "CLIP's, found one of another kind");
  return true;
}

/* Of patches drawn singly one must be left, so that of a single one none is hidden; and
   pixels that are seen need not be predicted. */
static bool masks_fit(const VitConfig *c) {
  const int side = c->image_size / c->patch_size, patches = side * side;
  const double kept = fmax(1, floor(patches * (1 - ratio) + 1e-9));
  if (masks_kind == MASKS_NONE && target != TARGETS_FEATURES)
    return fail("--masks: expected blocks or random with pixels to be predicted, found "
                "none");
  if (masks_kind != MASKS_RANDOM || kept < patches) return true;
  return fail("--ratio: expected to hide at least one of %d patches, found %g", patches,
              ratio);
}

static bool prepare(void *state, Plan *plan) {
  Run *run = state;
  if (!pictures_open((PictureSet)data_kind, settings.data_dir, limit,
                     (uint64_t)settings.seed, &run->train, &run->test) ||
      !open_teacher(run))
    return false;
  const EvaConfig config = student_config(run);
  if (!vit_check(&config.student) || !masks_fit(&config.student)) return false;
  MaskedPrediction *task = &run->task;
  *task = (MaskedPrediction){
      .train = &run->train, .test = &run->test, .eva = eva_declare(plan->params, config),
      .teacher = target == TARGETS_FEATURES ? &run->teacher.clip : NULL,
      .masks = (MaskKind)masks_kind, .ratio = ratio, .seed = (uint64_t)settings.seed,
      .batch = settings.batch};
  if (augment) task->augment = pictures_augment((PictureSet)data_kind);
  params_fill(plan->params, (uint64_t)settings.seed);
  masked_prediction_begin(task);
  run->features = eva_features_before(task);
  plan->task = masked_prediction_task(task);
  plan->examples = run->train.count, plan->passes = 5;
  plan->micro_batch = vit_micro_batch(&task->eva.student);
  plan->train = &run->train, plan->test = &run->test;
  vit_metadata(&plan->metadata, &config.student, "");
  return true;
}

// The main function of train-eva
static bool report(void *state, const char *folder, FILE *summary, TrainerResult end,
                   char *result) {
  Run *run = state;
  fprintf(summary, "normalized_error\t%.4f\nconstant\t%.4f\n", end.metric,
          run->task.constant);
  if (target == TARGETS_FEATURES) fprintf(summary, "cosine\t%.4f\n", -end.loss);
  snprintf(result, RESULT_LENGTH, "loss %.4f, error %.3f of a constant's,", end.loss,
           end.metric);
  return eva_write_features(folder, &run->features, &run->task) &&
         eva_write_masks(folder, &run->task);
}

static void end_run(void *state) {
  Run *run = state;
  image_free(&run->features);
  masked_prediction_end(&run->task);
  if (run->teacher.params) clip_close(&run->teacher);
  dataset_free(&run->train), dataset_free(&run->test);
}

int main(int argc, char **argv) {
  Run run = {0};
  Experiment experiment = {
      .program = PROGRAM("train-eva", "", "Train an image encoder to predict what "
                                          "a CLIP would see at hidden places."),
      .settings = &settings, .state = &run, .prepare = prepare, .report = report,
      .end = end_run};
  settings.batch = 128, settings.lr = 2e-3;
  return experiment_run(&experiment, argc, argv);
}
