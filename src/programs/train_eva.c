/* Tangled from chapters/11-eva.nw: edit that, not this. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/captioned.h"
#include "data/image.h"
#include "data/pictures.h"
#include "eval/pair_embeddings.h"
#include "models/eva_presets.h"
#include "models/model_io.h"
#include "nn/block_masking.h"
#include "tasks/contrastive.h"
#include "tasks/masked_prediction.h"
#include "train/layer_decay.h"

// The options of train-eva
enum { TARGETS_FEATURES, TARGETS_PIXELS, TARGETS_NORMALIZED };
static Settings settings = {SETTINGS_DEFAULTS};
static const char *teacher_run = "", *from_run = "";
static int data_kind = PICTURES_SCENES, limit = 0, augment = 1, target = TARGETS_FEATURES;
static int masks_kind = MASKS_BLOCKS, patch_size = 4, width = 64, depth = 4, heads = 4;
static double ratio = 0.41, patch_gradient = 1, drop_path_rate = 0, decay_rate = 1;
static int block = 0, take = 0, text_width = 64, text_depth = 2, text_heads = 4;
static int context = 24;
static int vocabulary = 700, embed = 64;

static Option options[] = {
    {.name = "teacher", .kind = OPTION_TEXT, .value = &teacher_run,
     .help = "predict the features of the CLIP in this folder"},
    {.name = "from", .kind = OPTION_TEXT, .value = &from_run,
     .help = "match with captions, with the image encoder in this folder"},
    CHOICE_OPTION("data", data_kind, PICTURES_CHOICES PICTURES_CAPTIONED, "pictures"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "change pictures a little"),
    NUMBER_OPTION("drop-path", drop_path_rate, 0, 0.99, "drop path of the last block"),
    CHOICE_OPTION("target", target, "features|pixels|normalized", "what is predicted"),
    CHOICE_OPTION("masks", masks_kind, "blocks|random", "what is hidden"),
    NUMBER_OPTION("ratio", ratio, 0.01, 0.99, "fraction of patches that are hidden"),
    NUMBER_OPTION("patch-gradient", patch_gradient, 0, 1,
                  "part of the gradient that the patch projection gets"),
    CHOICE_OPTION("block", block, "plain|eva02", "which blocks in the student"),
    INT_OPTION("patch-size", patch_size, 1, 4096, "of the student"),
    INT_OPTION("width", width, 1, 65536, "of the student"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the student"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the student"),
    CHOICE_OPTION("init", take, "pretrained|random", "what is taken over with --from"),
    NUMBER_OPTION("layer-decay", decay_rate, 0.01, 1,
                  "of learning rates, from an encoder's layer to the one before it"),
    INT_OPTION("text-width", text_width, 1, 65536, "of the text encoder, with --from"),
    INT_OPTION("text-depth", text_depth, 1, 1000, "blocks of the text encoder"),
    INT_OPTION("text-heads", text_heads, 1, 65536, "heads of the text encoder"),
    INT_OPTION("vocabulary", vocabulary, TOKENIZER_SYMBOLS + 2, 1 << 20, "tokens"),
    INT_OPTION("context", context, 2, 4096, "tokens of a caption at most"),
    INT_OPTION("embed", embed, 1, 65536, "length of the vectors that are compared"),
    SETTINGS_OPTIONS(settings)};

static Program program = {"train-eva", "", "Train an image encoder to predict what a "
                          "CLIP would see at hidden places (--teacher), or train a CLIP "
                          "whose image encoder is another run's (--from).",
                          options, sizeof options / sizeof *options};

// Pictures of masks and features
enum { SHOWN = 6, ZOOM = 2, GAP = 4 };

static void paste(Image *grid, Image tile, int column, int row, int scale) {
  const int side = tile.width * scale;
  image_paste(grid, &tile, column * (side + GAP), row * (side + GAP), scale);
  image_free(&tile);
}

static Image grid_new(int columns, int rows, int side) {
  return image_new(columns * (side * ZOOM + GAP) - GAP,
                   rows * (side * ZOOM + GAP) - GAP, 3, 255);
}

static Tensor *one_image(Tape *tape, const Dataset *data, int index) {
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, data->channels, data->height,
                                                   data->width));
  dataset_batch(data, &index, 1, (Augment){0}, (RandomKey){0}, image->value, NULL);
  return image;
}

static Image picture_of(const Dataset *data, const real *planes) {
  return image_from_planes(planes, data->channels, data->height, data->width, data->mean,
                           data->std);
}

/* Paint the hidden patches of an image white. */
static void hide(real *planes, const Dataset *data, const int *restore, int P) {
  const int H = data->height, W = data->width;
  for (int i = 0; i < data->channels * H * W; i++) {
    const int c = i / (H * W), y = i / W % H, x = i % W;
    if (restore[y / P * (W / P) + x / P] < 0)
      planes[i] = (1 - data->mean[c]) / data->std[c];
  }
}

/* Two rows: blocks of 41 %, single patches of 75 %. */
static bool write_masks(const MaskedPrediction *p) {
  const int P = p->eva.config.student.patch_size;
  Image grid = grid_new(SHOWN, 2, p->test->height);
  Tape *tape = tape_new();
  for (int i = 0; i < 2 * SHOWN; i++) {
    MaskedPrediction other = *p;
    other.masks = i < SHOWN ? MASKS_BLOCKS : MASKS_RANDOM;
    other.ratio = i < SHOWN ? 0.41 : 0.75;
    const int column = i % SHOWN, index = column % p->test->count;
    Tensor *image = one_image(tape, p->test, index);
    hide(image->value, p->test,
         masked_prediction_masks(tape, &other, &index, 1, 0).restore, P);
    paste(&grid, picture_of(p->test, image->value), column, i / SHOWN, ZOOM);
  }
  tape_free(tape);
  return image_save_in(settings.out, "masks", &grid);
}

static int odd_patch(Tape *tape, Tensor *image, int P) {
  const real *x = patch_tokens(tape, image, P)->value;
  const int C = image->shape.size[1], side = image->shape.size[2] / P;
  const int N = side * side, n = P * P;
  double most = -1, *mean = tape_memory(tape, (size_t)(N + 1) * C * sizeof *mean);
  int odd = 0;
  memset(mean, 0, (size_t)(N + 1) * C * sizeof *mean);
  for (int i = 0; i < N * C * n; i++) {
    const int t = i / (C * n), c = i / n % C;
    mean[t * C + c] += (double)x[i] / n;
    mean[N * C + c] += (double)x[i] / (n * N);
  }
  for (int t = 0; t < N; t++) {
    double far = 0;
    for (int c = 0; c < C; c++) far += pow(mean[t * C + c] - mean[N * C + c], 2);
    if (far > most) most = far, odd = t;
  }
  return odd;
}

/* How like patch `odd` each patch's vector of x[1][N][n] is, as brightness. */
static Image likeness(const Tensor *x, int odd, int first) {
  const int n = tensor_last(x), N = tensor_rows(x) - first;
  const int side = (int)lround(sqrt(N));
  const real *vectors = x->value + (size_t)first * n, *one = vectors + (size_t)odd * n;
  Image map = image_new(side, side, 1, 0);
  for (int t = 0; t < N; t++) {
    const real *other = vectors + (size_t)t * n;
    double dot = 0, squares[2] = {1e-16, 1e-16};
    for (int i = 0; i < n; i++) {
      dot += (double)one[i] * (double)other[i];
      squares[0] += pow((double)one[i], 2), squares[1] += pow((double)other[i], 2);
    }
    const double cosine = dot / sqrt(squares[0] * squares[1]);
    map.pixels[t] = (uint8_t)(255 * fmax(0, cosine));
  }
  return map;
}

/* Make the edge of a patch black. */
static void frame(real *planes, const Dataset *data, int patch, int P) {
  const int side = data->width / P, top = patch / side * P, left = patch % side * P;
  for (int i = 0; i < data->channels * P * P; i++) {
    const int c = i / (P * P), y = i / P % P, x = i % P;
    if (y == 0 || x == 0 || y == P - 1 || x == P - 1)
      planes[(c * data->height + top + y) * data->width + left + x] =
          -data->mean[c] / data->std[c];
  }
}

enum { ROW_PICTURES, ROW_TEACHER, ROW_BEFORE, ROW_AFTER, ROWS };

/* One row of the grid; the student is shown as it is now. */
static void show_row(Image *grid, const MaskedPrediction *p, int row) {
  const Vit *student = &p->eva.student;
  const int P = student->config.patch_size;
  Tape *tape = tape_new();
  tape->recording = false;
  for (int i = 0; i < SHOWN; i++) {
    tape_reset(tape, (RandomKey){0});
    Tensor *image = one_image(tape, p->test, i % p->test->count), *x;
    const int odd = odd_patch(tape, image, P);
    if (row == ROW_TEACHER && p->teacher) {
      x = eva_teacher_features(tape, p->teacher, image);
      paste(grid, likeness(x, odd, 0), i, row, P * ZOOM);
    } else if (row >= ROW_BEFORE) {
      x = vit_encode(tape, student, vit_embed(tape, student, image), NULL);
      paste(grid, likeness(x, odd, 1), i, row, P * ZOOM);
    } else if (row == ROW_PICTURES) {
      frame(image->value, p->test, odd, P);
      paste(grid, picture_of(p->test, image->value), i, row, ZOOM);
    }
  }
  tape_free(tape);
}

// Stage one: predict what is hidden
typedef struct Stage1 {
  Dataset train, test;
  LoadedClip teacher;
  Params *params;
  MaskedPrediction masked_prediction;
} Stage1;

static EvaConfig student_config(const Stage1 *s) {
  const bool features = target == TARGETS_FEATURES;
  EvaConfig c = {
      .student = {.image_size = s->train.height, .channels = s->train.channels,
                  .patch_size = patch_size, .width = width, .depth = depth,
                  .heads = heads, .mlp = 4 * width, .position = POSITION_LEARNED,
                  .gelu = GELU_ERF, .eps = 1e-6, .drop_path = drop_path_rate,
                  .variant.no_key_bias = true, .first = INIT_EVA},
      .target = features ? EVA_FEATURES : EVA_PIXELS,
      .embed = features ? s->teacher.clip.config.embed : 0,
      .normalize = target == TARGETS_NORMALIZED, .patch_gradient = patch_gradient};
  if (block == 1) eva02_variant(&c.student);
  return c;
}

/* Can this teacher look at these pictures, patch by patch as the student does? */
static bool teacher_fits(const Stage1 *s) {
  const VitConfig *c = &s->teacher.clip.config.image;
  if (c->image_size != s->train.height || c->channels != s->train.channels)
    return fail("--teacher: expected one for %d x %d pictures of %d channels, found %d x "
                "%d of %d", s->train.height, s->train.width, s->train.channels,
                c->image_size, c->image_size, c->channels);
  if (c->patch_size != patch_size)
    return fail("--patch-size: expected the teacher's %d, found %d", c->patch_size,
                patch_size);
  if (c->pool == POOL_MAP || !s->teacher.clip.visual_projection)
    return fail("--teacher: expected an encoder with CLS or a mean, and a projection, as "
                "CLIP's, found one of another kind");
  return true;
}

static bool write_summary1(const Stage1 *s, const TrainerConfig *config,
                           TrainerResult result) {
  char path[1024];
  FILE *file =
      settings_summary(&settings, &program, config, result, s->params, path);
  if (!file) return false;
  fprintf(file, "normalized_error\t%.4f\nconstant\t%.4f\n", result.metric,
          s->masked_prediction.constant);
  if (target == TARGETS_FEATURES) fprintf(file, "cosine\t%.4f\n", -result.loss);
  fprintf(file, "train_images\t%d\ntest_images\t%d\n", s->train.count, s->test.count);
  return file_commit(file, path);
}

static int train1(Stage1 *s) {
  TrainerConfig config;
  MaskedPrediction *p = &s->masked_prediction;
  if (!settings_plan(&settings, s->train.count, 5, vit_micro_batch(&p->eva.student),
                     &config))
    return options_complain(&program);
  settings_channel_metadata(&config.data, &s->train);
  vit_metadata(&config.data, &p->eva.config.student, "");
  if (!folder_make(settings.out)) return fail_report(program.name);
  masked_prediction_begin(p);
  Image features = grid_new(SHOWN, ROWS, s->test.height);
  for (int row = ROW_PICTURES; row <= ROW_BEFORE; row++) show_row(&features, p, row);
  Task task = masked_prediction_task(p);
  TrainerResult result = trainer_run(&config, &task, s->params, &program);
  int status = settings_finish(&settings, &program, result);
  if (!status) {
    // Show, save and report
    show_row(&features, p, ROW_AFTER);
    const bool good = image_save_in(settings.out, "features", &features) && write_masks(p) &&
                      write_summary1(s, &config, result);
    if (!good) status = fail_report(program.name);
    else printf("%s: loss %.4f, error %.3f of a constant's, after %d steps in %.1f s; "
                "see %s\n", program.name, result.loss, result.metric, config.steps,
                result.seconds, settings.out);
  } else {
    image_free(&features);
  }
  masked_prediction_end(p);
  return status;
}

/* Of patches drawn singly one must be left, so that of a single one none is hidden. */
static bool something_hidden(const VitConfig *c) {
  const int side = c->image_size / c->patch_size, patches = side * side;
  const double kept = fmax(1, floor(patches * (1 - ratio) + 1e-9));
  if (masks_kind == MASKS_BLOCKS || kept < patches) return true;
  return fail("--ratio: expected to hide at least one of %d patches, found %g", patches,
              ratio);
}

static int prepare1(Stage1 *s) {
  if (!pictures_open((PictureSet)data_kind, settings.data_dir, limit,
                     (uint64_t)settings.seed, &s->train, &s->test))
    return fail_report(program.name);
  if (target == TARGETS_FEATURES) {
    if (!clip_open(&s->teacher, teacher_run)) return fail_report(program.name);
    if (!teacher_fits(s)) return options_complain(&program);
    memcpy(s->train.mean, s->teacher.mean, sizeof s->train.mean);
    memcpy(s->train.std, s->teacher.std, sizeof s->train.std);
    dataset_normalize_as(&s->test, &s->train);
  }
  const EvaConfig config = student_config(s);
  if (!vit_check(&config.student) || !something_hidden(&config.student))
    return options_complain(&program);
  s->masked_prediction = (MaskedPrediction){
      .train = &s->train, .test = &s->test, .eva = eva_declare(s->params, config),
      .teacher = target == TARGETS_FEATURES ? &s->teacher.clip : NULL,
      .masks = (MaskKind)masks_kind, .ratio = ratio, .seed = (uint64_t)settings.seed,
      .batch = settings.batch};
  if (augment) s->masked_prediction.augment = pictures_augment((PictureSet)data_kind);
  params_fill(s->params, (uint64_t)settings.seed);
  return train1(s);
}

static int stage1(void) {
  Stage1 s = {.params = params_new()};
  const int status = prepare1(&s);
  params_free(s.params);
  if (s.teacher.params) clip_close(&s.teacher);
  dataset_free(&s.train);
  dataset_free(&s.test);
  return status;
}

// Stage two: match with captions
typedef struct Stage2 {
  Pairs train, test;
  LoadedVit encoder;
  Tokenizer *tokenizer;
  Params *params;
  Contrastive contrastive;
} Stage2;

static bool encoder_fits(Stage2 *s) {
  const VitConfig *c = &s->encoder.vit.config;
  Dataset *data = &s->train.pictures;
  if (c->image_size != data->height || c->channels != data->channels)
    return fail("--from: expected an encoder for %d x %d pictures of %d channels, found "
                "one for %d x %d of %d", data->height, data->width, data->channels,
                c->image_size, c->image_size, c->channels);
  memcpy(data->mean, s->encoder.mean, sizeof data->mean);
  memcpy(data->std, s->encoder.std, sizeof data->std);
  dataset_normalize_as(&s->test.pictures, data);
  return true;
}

static bool make_tokenizer(Stage2 *s) {
  char path[1024];
  s->tokenizer = tokenizer_train((const char *const *)s->train.caption,
                                 pairs_captions(&s->train), vocabulary);
  snprintf(path, sizeof path, "%s/merges.txt", settings.out);
  return tokenizer_save(s->tokenizer, path);
}

static ClipConfig clip_config(const Stage2 *s) {
  ClipConfig c = {
      .image = s->encoder.vit.config,
      .text = {.vocabulary = tokenizer_size(s->tokenizer), .context = context,
               .width = text_width, .depth = text_depth, .heads = text_heads,
               .mlp = 4 * text_width, .gelu = GELU_ERF, .eps = 1e-5, .causal = true},
      .embed = embed};
  c.image.drop_path = drop_path_rate;
  return c;
}

static bool write_summary2(const Stage2 *s, const TrainerConfig *config,
                           TrainerResult result) {
  char path[1024];
  FILE *file =
      settings_summary(&settings, &program, config, result, s->params, path);
  if (!file) return false;
  PairEmbeddings v = pair_embeddings(&s->contrastive.clip, s->tokenizer, &s->test);
  pair_embeddings_recall(&v, "test", file);
  pair_embeddings_free(&v);
  fprintf(file, "batch_accuracy\t%.4f\n", result.metric);
  return file_commit(file, path);
}

enum { EVALUATIONS = 8 };

static int train2(Stage2 *s) {
  TrainerConfig config;
  Contrastive *m = &s->contrastive;
  const int tests = s->test.pictures.count;
  // See that the test pictures fill a batch
  if (settings.batch > tests) {
    fail("--batch: expected at most the %d test pictures, found %d", tests,
         settings.batch);
    return options_complain(&program);
  }
  if (!settings_plan(&settings, s->train.pictures.count, 5, 0, &config))
    return options_complain(&program);
  settings_channel_metadata(&config.data, &s->train.pictures);
  clip_metadata(&config.data, &m->clip.config);
  config.every = (config.steps + EVALUATIONS - 1) / EVALUATIONS;
  contrastive_begin(m);
  Task task = contrastive_task(m);
  TrainerResult result = trainer_run(&config, &task, s->params, &program);
  contrastive_end(m);
  const int status = settings_finish(&settings, &program, result);
  if (status) return status;
  if (!write_summary2(s, &config, result)) return fail_report(program.name);
  printf("%s: %.3f of test pairs matched after %d steps in %.1f s; see %s\n",
         program.name, result.metric, config.steps, result.seconds, settings.out);
  return 0;
}

static int prepare2(Stage2 *s) {
  const CaptionedSet set =
      data_kind == PICTURES_EMOJI ? CAPTIONED_EMOJI : CAPTIONED_SCENES;
  if (!vit_open(&s->encoder, from_run, true, 0) ||
      !captioned_open(set, settings.data_dir, limit, (uint64_t)settings.seed, &s->train,
                      &s->test))
    return fail_report(program.name);
  if (!encoder_fits(s)) return options_complain(&program);
  if (!folder_make(settings.out) || !make_tokenizer(s)) return fail_report(program.name);
  const ClipConfig config = clip_config(s);
  if (!clip_check(&config)) return options_complain(&program);
  s->contrastive = (Contrastive){.train = &s->train, .test = &s->test,
                                 .tokenizer = s->tokenizer, .params = s->params,
                                 .clip = clip_declare(s->params, config),
                                 .seed = (uint64_t)settings.seed,
                                 .batch = settings.batch};
  if (augment) s->contrastive.augment = captioned_augment(set);
  params_fill(s->params, (uint64_t)settings.seed);
  if (take == 0) vit_copy_parameters(&s->encoder, s->params, "visual.");
  layer_decay(s->params, "visual.", config.image.depth, decay_rate);
  return train2(s);
}

static int stage2(void) {
  Stage2 s = {.params = params_new()};
  const int status = prepare2(&s);
  params_free(s.params);
  if (s.encoder.params) vit_close(&s.encoder);
  if (s.tokenizer) tokenizer_free(s.tokenizer);
  pairs_free(&s.train);
  pairs_free(&s.test);
  return status;
}

// The main function of train-eva
enum { LONGEST_PLACE = 191 }; /* a checkpoint's notes hold no more */

static bool stages_check(void) {
  const char *place = *from_run ? from_run : teacher_run;
  const char *name = *from_run ? "from" : "teacher";
  if (*teacher_run && *from_run)
    return fail("--from: expected none with --teacher, found '%s'", from_run);
  if (strlen(place) > LONGEST_PLACE)
    return fail("--%s: expected at most %d bytes, found %zu", name, LONGEST_PLACE,
                strlen(place));
  if (*from_run && data_kind != PICTURES_SCENES && data_kind != PICTURES_EMOJI)
    return fail("--data: expected scenes or emoji, which have captions, with --from, "
                "found %s", pictures_names[data_kind]);
  if (!*from_run && target == TARGETS_FEATURES && !*teacher_run)
    return fail("--teacher: expected the folder of a trained CLIP (or --from, or "
                "--target pixels), found none");
  if (*teacher_run && target != TARGETS_FEATURES)
    return fail("--teacher: expected none with --target pixels or normalized, found "
                "'%s'", teacher_run);
  return true;
}

int main(int argc, char **argv) {
  settings.batch = 128, settings.lr = 2e-3;
  int status = settings_start(&settings, &program, argc, argv);
  if (status >= 0) return status;
  if (!stages_check()) return options_complain(&program);
  char name[64];
  snprintf(name, sizeof name, "%s-%s", *from_run ? "evaclip" : "eva",
           pictures_names[data_kind]);
  settings_folder(&settings, name);
  return *from_run ? stage2() : stage1();
}
