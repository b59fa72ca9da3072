/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/dual_encoder.h"

#include <math.h>

#include "app/dual_encoder_report.h"
#include "app/experiment.h"
#include "base/error.h"
#include "base/files.h"
#include "models/presets.h"
#include "train/optimizer.h"
#include "train/world.h"

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
static double first_scale = 1 / 0.07, logit_lr_scale = 1;
static int chunks = 0, exchange = 0, positives = 0, repeat = 1;

/* An image encoder that another run has trained. */
static const char *image_encoder = "";
static int init = 0;
static double decay_rate = 1;

static const int defaults[][2] = {/* patch size, epochs */ {4, 5}, {8, 120}, {4, 3},
                                  {8, 120}, {8, 60}};
static Option options[] = {
    CHOICE_OPTION("data", data_kind, "shapes|emoji|cifar10|emoji-third|emoji-three",
                  "pictures and captions; of emoji-third and -three the test is a third "
                  "vendor's, after one or two"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "change pictures a little"),
    INT_OPTION("patch-size", patch_size, 0, 4096, "side of a patch; 0: what suits"),
    INT_OPTION("width", width, 1, 65536, "of the image encoder"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the image encoder"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the image encoder"),
    TEXT_OPTION("image-encoder", image_encoder,
                "take the image encoder of the run in this folder"),
    CHOICE_OPTION("init", init, "pretrained|random", "its values, or only its sizes"),
    NUMBER_OPTION("layer-decay", decay_rate, 0.01, 1, "of the image encoder's learning "
                  "rates, from a layer to the one before it"),
    CHOICE_OPTION("style", style, "vit|clip|siglip", "input of the image encoder"),
    CHOICE_OPTION("pool", pool, "cls|mean|map", "how a picture becomes one vector"),
    // Options of the text encoder
    INT_OPTION("text-width", text_width, 1, 65536, "of the text encoder"),
    INT_OPTION("text-depth", text_depth, 1, 1000, "blocks of the text encoder"),
    INT_OPTION("text-heads", text_heads, 1, 65536, "heads of the text encoder"),
    CHOICE_OPTION("text-style", text_style, "clip|siglip",
                  "text encoder: causal, read at the end; or read at the last place"),
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
    NUMBER_OPTION("logit-lr-scale", logit_lr_scale, 0, 1000,
                  "learning rate of scale and bias, times that of all"),
    INT_OPTION("chunks", chunks, 0, 65536, "sigmoid: texts in so many parts; 0: at once"),
    CHOICE_OPTION("exchange", exchange, "gather|ring",
                  "sigmoid: all pairs at once, or texts go around a ring of shards"),
    CHOICE_OPTION("positives", positives, "pairs|captions",
                  "what is true of a picture: its own text, or each that fits"),
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
  run->set = (CaptionedSet)data_kind;
  if (!captioned_open(run->set, settings.data_dir, limit, seed, &run->train, &run->test))
    return false;
  const int tests = run->test.pictures.count;
  if (settings.batch > tests)
    return fail("--batch: expected at most the %d test pictures, found %d", tests,
                settings.batch);
  if (tests < DUAL_LEAST) /* the figures show so many */
    return fail("%s: expected at least %d test pictures, found %d", settings.data_dir,
                DUAL_LEAST, tests);
  return true;
}

// Take the image encoder of another run
static const char decided[] = "|patch-size|width|depth|heads|style|pool|block|";

static bool open_image_encoder(DualRun *run) {
  return options_left_alone(options, sizeof options / sizeof *options, decided,
                            "--image-encoder, which decides it") &&
         vit_open(&run->encoder, image_encoder, true, 0) &&
         vit_takes(&run->encoder, &run->train.pictures, "--image-encoder") &&
         vit_takes(&run->encoder, &run->test.pictures, "--image-encoder");
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
  if (*image_encoder) {
    c.image = run->encoder.vit.config;
    c.image.drop_path = drop_path_rate, c.image.patch_dropout = patch_dropout_rate;
  }
  return c;
}

// Train two encoders
// Check what the loss asks for
static bool check_loss(void) {
  const bool sigmoid = loss >= LOSS_SIGMOID;
  if (!*image_encoder && (init || decay_rate < 1))
    return fail("--%s: expected none without --image-encoder",
                init ? "init" : "layer-decay");
  if (!sigmoid && settings.batch == 1)
    return fail("--batch: expected at least 2 with InfoNCE, since a pair is told from "
                "the other pairs of its batch, found 1");
  if (!sigmoid && bias_kind)
    return fail("--bias: expected none with InfoNCE, found %s",
                (const char *[]){"none", "zero", "balanced", "paper"}[bias_kind]);
  if (exchange && (!sigmoid || chunks))
    return fail("--exchange: expected gather with %s, found ring",
                sigmoid ? "--chunks" : "InfoNCE, whose softmax needs whole rows");
  if (chunks && world_size() > 1)
    return fail("--chunks: expected 0 with several processes, found %d; --exchange ring "
                "does for them what it does for one", chunks);
  if (chunks > settings.batch)
    return fail("--chunks: expected at most --batch %d, found %d", settings.batch,
                chunks);
  if (settings.batch % repeat)
    return fail("--repeat: expected a divisor of --batch %d, found %d", settings.batch,
                repeat);
  return true;
}

static bool prepare(void *state, Plan *plan) {
  DualRun *run = state;
  Contrastive *c = &run->contrastive;
  if (!check_loss() || !open_data(run) ||
      (*image_encoder && !open_image_encoder(run)))
    return false;
  if (run->set == CAPTIONED_SCENES)
    dual_single_figures(run, run->test.pictures.count,
                        captioned_other((uint64_t)settings.seed));
  run->tokenizer = tokenizer_train((const char *const *)run->train.caption,
                                   pairs_captions(&run->train), vocabulary);
  const ClipConfig config = model_config(run);
  if (!clip_check(&config)) return false;
  *c = (Contrastive){.train = &run->train, .test = &run->test,
                     .tokenizer = run->tokenizer, .params = plan->params,
                     .clip = clip_declare(plan->params, config),
                     .seed = (uint64_t)settings.seed, .batch = settings.batch,
                     .repeat = repeat, .multi_positive = positives,
                     .ring = exchange};
  if (augment) c->augment = captioned_augment(run->set);
  // Fill the dual encoder
  params_find(plan->params, "logit_scale")->lr_scale = logit_lr_scale;
  if (config.biased) params_find(plan->params, "logit_bias")->lr_scale = logit_lr_scale;
  params_fill(plan->params, (uint64_t)settings.seed);
  if (*image_encoder && init == 0)
    vit_copy_parameters(&run->encoder, plan->params, "visual.");
  if (decay_rate < 1)
    layer_decay(plan->params, "visual.", config.image.depth, decay_rate);
  contrastive_begin(c);
  if (c->truncated && world_rank() == 0)
    fprintf(stderr, "%d of %d captions are longer than --context %d and were cut\n",
            c->truncated, pairs_captions(&run->train), context);
  // Fill in the plan
  plan->task = contrastive_task(c);
  plan->examples = run->train.pictures.count, plan->passes = defaults[data_kind][1];
  plan->every = plan->examples / settings.batch < 100 ? 100 : 0;
  plan->evaluations = *image_encoder ? 8 : 0;
  plan->train_pairs = &run->train, plan->test_pairs = &run->test;
  plan->train = &run->train.pictures, plan->test = &run->test.pictures;
  run->params = plan->params;
  clip_metadata(&plan->metadata, &c->clip.config);
  return true;
}
static bool begin(void *state, const char *folder) {
  const DualRun *run = state;
  char path[PATH_MAX];
  return path_join(path, folder, "merges.txt") &&
         tokenizer_save(run->tokenizer, path) &&
         dual_similarity(run, folder, "similarity-before.tsv");
}

static bool report(void *state, const char *folder, FILE *summary, TrainerResult end,
                   char *result) {
  const DualRun *run = state;
  snprintf(result, RESULT_LENGTH, "loss %.4f on test pairs, %.3f of them matched,",
           end.loss, end.metric);
  return dual_report(summary, run, folder, end) &&
         dual_similarity(run, folder, "similarity-after.tsv");
}

static void end_run(void *state) {
  DualRun *run = state;
  contrastive_end(&run->contrastive);
  if (run->tokenizer) tokenizer_free(run->tokenizer);
  if (run->encoder.params) vit_close(&run->encoder);
  Pairs *all[] = {&run->train, &run->test, &run->seen, &run->held_out};
  for (int i = 0; i < 4; i++) pairs_free(all[i]);
}

// What siglip begins with
static void begin_with_siglip(Program *program) {
  program->name = "train-siglip";
  program->purpose = "Train two encoders to tell pairs of picture and caption that are "
                     "true from those that are not.";
  loss = LOSS_SIGMOID, bias_kind = 3, first_scale = 10;
  style = STYLE_SIGLIP, pool = POOL_MAP, text_style = TEXT_SIGLIP, project = 1;
  gelu_kind = GELU_TANH, settings.beta2 = 0.95;
}

int dual_encoder_main(DualEncoderKind kind, int argc, char **argv) {
  DualRun run = {.set = CAPTIONED_SCENES};
  Experiment experiment = {
      .program = PROGRAM("train-clip", "", "Train two encoders to match pictures "
                                           "with their captions."),
      .settings = &settings, .state = &run, .prepare = prepare,
      .begin = begin, .report = report, .end = end_run};
  settings.batch = 128, settings.lr = 2e-3;
  if (kind == DUAL_ENCODER_SIGLIP) begin_with_siglip(&experiment.program);
  return experiment_run(&experiment, argc, argv);
}
