/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "app/dual_encoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/dual_encoder_report.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "data/captioned.h"
#include "models/eva_presets.h"
#include "models/model_io.h"

// The options of a dual encoder's training
static Settings settings = {SETTINGS_DEFAULTS};
static int data_kind = CAPTIONED_SCENES, patch_size = 0, limit = 0, augment = 1;
static int width = 64, depth = 4, heads = 4, block = 0;
static int text_width = 64, text_depth = 2, text_heads = 4, context = 24;
static int vocabulary = 700, embed = 64;
static double dropout_rate = 0, drop_path_rate = 0, patch_dropout_rate = 0;

/* What differs between the two programs. */
static int loss = LOSS_HALF, style = STYLE_CLIP, pool = POOL_CLS, text_style = TEXT_CLIP;
static int project = 0, gelu_kind = GELU_QUICK, bias_kind = 0;
static double first_scale = 1 / 0.07, scale_rate = 1;
static int chunks = 0, positives = 0, repeat = 1;

static Program program;
static const char *const data_names[] = {"shapes", "emoji", "cifar10", "emoji-two"};
static const int defaults[][2] = {/* patch size, epochs */ {4, 5}, {8, 120}, {4, 3},
                                  {8, 60}};
static Option options[] = {
    CHOICE_OPTION("data", data_kind, "shapes|emoji|cifar10|emoji-two",
                  "pictures and captions"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "change pictures a little"),
    INT_OPTION("patch-size", patch_size, 0, 4096, "side of a patch; 0: what suits"),
    INT_OPTION("width", width, 1, 65536, "of the image encoder"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the image encoder"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the image encoder"),
    CHOICE_OPTION("style", style, "vit|clip|siglip", "input of the image encoder"),
    CHOICE_OPTION("pool", pool, "cls|mean|map", "how a picture becomes one vector"),
    // Options of the text encoder
    INT_OPTION("text-width", text_width, 1, 65536, "of the text encoder"),
    INT_OPTION("text-depth", text_depth, 1, 1000, "blocks of the text encoder"),
    INT_OPTION("text-heads", text_heads, 1, 65536, "heads of the text encoder"),
    CHOICE_OPTION("text-style", text_style, "clip|siglip",
                  "text encoder: causal, read at the end; or not, read at the last place"),
    INT_OPTION("vocabulary", vocabulary, TOKENIZER_SYMBOLS + 2, 1 << 20, "tokens"),
    INT_OPTION("context", context, 2, 4096, "tokens of a caption at most"),
    INT_OPTION("embed", embed, 1, 65536, "length of the vectors that are compared"),
    CHOICE_OPTION("project", project, "both|text",
                  "which encoders' vectors are projected; text: with a bias"),
    // Options of the loss
    CHOICE_OPTION("loss", loss, "half|sum|sigmoid|sigmoid-mean",
                  "InfoNCE: half the sum of both directions, or it; or SigLIP's"),
    CHOICE_OPTION("bias", bias_kind, "none|zero|balanced|paper",
                  "of logits; balanced: starts at -ln(batch - 1), paper: at -10"),
    NUMBER_OPTION("scale", first_scale, 1, 100, "what cosines are first multiplied by"),
    NUMBER_OPTION("logit-lr-scale", scale_rate, 0, 1000,
                  "learning rate of scale and bias, times that of all"),
    INT_OPTION("chunks", chunks, 0, 65536, "sigmoid: texts in so many parts; 0: at once"),
    CHOICE_OPTION("positives", positives, "pairs|captions",
                  "sigmoid: what is true of a picture: its own text, or each that fits"),
    INT_OPTION("repeat", repeat, 1, 64, "how often each picture of a batch stands in it"),
    CHOICE_OPTION("gelu", gelu_kind, "erf|tanh|quick", "which GELU"),
    CHOICE_OPTION("block", block, "plain|eva02", "which blocks in the image encoder"),
    NUMBER_OPTION("patch-dropout", patch_dropout_rate, 0, 0.99,
                  "fraction of patches left out in training"),
    NUMBER_OPTION("dropout", dropout_rate, 0, 0.99, "dropout rate"),
    NUMBER_OPTION("drop-path", drop_path_rate, 0, 0.99, "drop path of the last block"),
    SETTINGS_OPTIONS(settings)};

// Open captioned data
static bool open_data(DualRun *run) {
  const uint64_t seed = (uint64_t)settings.seed;
  if (!captioned_open((CaptionedSet)data_kind, settings.data_dir, limit, seed,
                      &run->train, &run->test))
    return false;
  run->out = settings.out, run->set = (CaptionedSet)data_kind;
  if (data_kind == CAPTIONED_SCENES)
    dual_single_figures(run, run->test.pictures.count, captioned_other(seed));
  return true;
}

// Declare the dual encoder
static ClipConfig model_config(const DualRun *run) {
  const Dataset *data = &run->train.pictures;
  const double eps = text_style == TEXT_SIGLIP ? 1e-6 : 1e-5;
  const double biases[] = {0, 0, -log(fmax(settings.batch - 1, 1)), -10};
  ClipConfig c = {
      .image = {.image_size = data->height, .channels = data->channels,
                .patch_size = patch_size ? patch_size : defaults[data_kind][0],
                .width = width, .depth = depth, .heads = heads, .mlp = 4 * width,
                .position = POSITION_LEARNED, .style = (VitStyle)style,
                .pool = (PoolKind)pool, .gelu = (GeluKind)gelu_kind, .eps = eps,
                .dropout = dropout_rate, .drop_path = drop_path_rate,
                .patch_dropout = patch_dropout_rate},
      .text = {.vocabulary = tokenizer_size(run->tokenizer), .context = context,
               .width = text_width, .depth = text_depth, .heads = text_heads,
               .mlp = 4 * text_width, .gelu = (GeluKind)gelu_kind, .eps = eps,
               .style = (TextStyle)text_style, .causal = text_style == TEXT_CLIP,
               .dropout = dropout_rate, .drop_path = drop_path_rate},
      .embed = embed, .loss = (PairLoss)loss, .scale = first_scale,
      .no_image_projection = project == 1, .text_bias = project == 1,
      .biased = bias_kind > 0,
      .bias = biases[bias_kind], .chunks = chunks};
  if (block == 1) eva02_variant(&c.image);
  return c;
}

static bool save_tokenizer(const DualRun *run) {
  char path[1024];
  snprintf(path, sizeof path, "%s/merges.txt", settings.out);
  return tokenizer_save(run->tokenizer, path);
}

// Train two encoders
static bool write_summary(const DualRun *run, const TrainerConfig *config,
                          TrainerResult result) {
  char path[1024];
  FILE *file =
      settings_summary(&settings, &program, config, result, run->params, path);
  if (!file) return false;
  bool good = dual_report(file, run, result);
  return file_commit(file, path) && good;
}

// Check what the loss asks for
static bool check_loss(void) {
  const bool sigmoid = loss >= LOSS_SIGMOID;
  if (!sigmoid && bias_kind)
    return fail("--bias: expected none with InfoNCE, found %s",
                (const char *[]){"none", "zero", "balanced", "paper"}[bias_kind]);
  if (!sigmoid && positives)
    return fail("--positives: expected pairs with InfoNCE, found captions");
  if (chunks > settings.batch)
    return fail("--chunks: expected at most --batch %d, found %d", settings.batch,
                chunks);
  if (settings.batch % repeat)
    return fail("--repeat: expected a divisor of --batch %d, found %d", settings.batch,
                repeat);
  return true;
}

static int train(DualRun *run) {
  TrainerConfig config;
  Contrastive *m = &run->contrastive;
  // Plan the run, or refuse it
  if (!settings_plan(&settings, run->train.pictures.count, defaults[data_kind][1], 0,
                     &config))
    return options_complain(&program);
  if (settings.batch > run->test.pictures.count) {
    fail("--batch: expected at most the %d test pictures, found %d",
         run->test.pictures.count, settings.batch);
    return options_complain(&program);
  }
  if (run->test.pictures.count < DUAL_LEAST) { /* the figures show so many */
    fail("%s: expected at least %d test pictures, found %d", settings.data_dir,
         DUAL_LEAST, run->test.pictures.count);
    return fail_report(program.name);
  }
  settings_channel_metadata(&config.data, &run->train.pictures);
  clip_metadata(&config.data, &m->clip.config);
  config.every = config.per_epoch < 100 ? 100 : 0;
  contrastive_begin(m);
  bool good = settings.resume || dual_similarity(run, "similarity-before");
  Task task = contrastive_task(m);
  TrainerResult result = {.end = TRAINER_FAILED};
  if (good) result = trainer_run(&config, &task, run->params, &program);
  int status = settings_finish(&settings, &program, result);
  contrastive_end(m);
  if (status) return status;
  if (!write_summary(run, &config, result) || !dual_similarity(run, "similarity-after"))
    return fail_report(program.name);
  printf("%s: loss %.4f on test pairs after %d steps in %.1f s; see %s\n", program.name,
         result.loss, config.steps, result.seconds, settings.out);
  return 0;
}

static int prepare_and_train(DualRun *run) {
  if (!check_loss()) return options_complain(&program);
  if (!open_data(run)) return fail_report(program.name);
  run->tokenizer = tokenizer_train((const char *const *)run->train.caption,
                                   pairs_captions(&run->train), vocabulary);
  ClipConfig config = model_config(run);
  if (!clip_check(&config)) return options_complain(&program);
  if (!folder_make(settings.out) || !save_tokenizer(run))
    return fail_report(program.name);
  run->contrastive = (Contrastive){.train = &run->train, .test = &run->test,
                                   .tokenizer = run->tokenizer, .params = run->params,
                                   .clip = clip_declare(run->params, config),
                                   .seed = (uint64_t)settings.seed,
                                   .batch = settings.batch,
                                   .repeat = repeat, .multi_positive = positives};
  if (augment) run->contrastive.augment = captioned_augment((CaptionedSet)data_kind);
  params_find(run->params, "logit_scale")->rate = scale_rate;
  if (config.biased) params_find(run->params, "logit_bias")->rate = scale_rate;
  params_fill(run->params, (uint64_t)settings.seed);
  return train(run);
}

// What siglip begins with
static void begin_with_siglip(void) {
  program.name = "train-siglip";
  program.purpose = "Train two encoders to tell pairs of picture and caption that are "
                    "true from those that are not.";
  loss = LOSS_SIGMOID, bias_kind = 3, first_scale = 10;
  style = STYLE_SIGLIP, pool = POOL_MAP, text_style = TEXT_SIGLIP, project = 1;
  gelu_kind = GELU_TANH, settings.beta2 = 0.95;
}

int dual_encoder_main(DualEncoderKind kind, int argc, char **argv) {
  char name[64];
  program = (Program){"train-clip", "", "Train two encoders to match pictures with their "
                      "captions.", options, sizeof options / sizeof *options};
  settings.batch = 128, settings.lr = 2e-3;
  if (kind == DUAL_ENCODER_SIGLIP) begin_with_siglip();
  int status = settings_start(&settings, &program, argc, argv);
  if (status >= 0) return status;
  snprintf(name, sizeof name, "%s-%s", kind == DUAL_ENCODER_SIGLIP ? "siglip" : "clip",
           data_names[data_kind]);
  settings_folder(&settings, name);
  DualRun run = {.params = params_new()};
  status = prepare_and_train(&run);
  params_free(run.params);
  if (run.tokenizer) tokenizer_free(run.tokenizer);
  Pairs *all[] = {&run.train, &run.test, &run.seen, &run.held_out};
  for (int i = 0; i < 4; i++) pairs_free(all[i]);
  return status;
}
