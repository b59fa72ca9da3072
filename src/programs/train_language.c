/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <string.h>
#include <zlib.h>

#include "app/experiment.h"
#include "app/language_report.h"
#include "app/speak.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/captioned.h"
#include "data/words.h"
#include "models/model_io.h"
#include "train/world.h"

// The options of train-language
static Settings settings = {SETTINGS_DEFAULTS};
static const char *encoder_run = "";
static int init = 0, layer = 0, connector = CONNECTOR_LINEAR, queries = 8;
static int limit = 0, tests = 0;
static int data_kind = PROMPTS_SCENES, augment = 0, mask = 0, output = 0;
static int width = 64, depth = 2, heads = 4, context = 24, vocabulary = 700;
static double encoder_lr = 0, captions = 0.5;

static Option options[] = {
    TEXT_OPTION("encoder", encoder_run, "see with the image encoder of this run"),
    CHOICE_OPTION("init", init, "pretrained|random", "its values, or only its sizes"),
    NUMBER_OPTION("encoder-lr", encoder_lr, 0, 100,
                  "highest learning rate of the encoder; 0: it is frozen"),
    CHOICE_OPTION("layer", layer, "last|penultimate", "of its patch tokens"),
    CHOICE_OPTION("connector", connector, CONNECTOR_CHOICES,
                  "from them to the language model; none: blind"),
    INT_OPTION("queries", queries, 1, 4096, "of the connector, if it has them"),
    CHOICE_OPTION("data", data_kind, "scenes|emoji", "pictures to be described"),
    INT_OPTION("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    INT_OPTION("test", tests, 0, 1e9, "pictures to be tested on; 0: all"),
    CHOICE_OPTION("augment", augment, "none|standard", "change pictures a little"),
    NUMBER_OPTION("captions", captions, 0, 1,
                  "part of the prompts that are captions; the rest are questions"),
    CHOICE_OPTION("mask", mask, "causal|prefix",
                  "prefix: image and question attend to each other both ways"),
    CHOICE_OPTION("output", output, "tied|separate",
                  "logits by the table of tokens, or by a matrix of their own"),
    INT_OPTION("width", width, 1, 65536, "of the language model"),
    INT_OPTION("depth", depth, 1, 1000, "blocks of the language model"),
    INT_OPTION("heads", heads, 1, 65536, "heads of the language model"),
    INT_OPTION("context", context, 3, 4096, "tokens of a question with its answer"),
    INT_OPTION("vocabulary", vocabulary, TOKENIZER_SYMBOLS + 2, 1 << 20, "tokens"),
    SETTINGS_OPTIONS(settings)};

// Get a language model ready
typedef struct Run {
  LanguageRun shown; /* what a report is made of */
  Prompts train;
  LoadedVit encoder;
  Words words;
} Run;

/* The prompts to train on, to be tested on, and of held-out scenes, if there are any. */
enum { SETS = 3 };
static Prompts *set_of(Run *run, int s) {
  Prompts *const sets[SETS] = {&run->train, &run->shown.test, &run->shown.held_out};
  return sets[s];
}

static bool open_data(Run *run) {
  const uint64_t seed = (uint64_t)settings.seed;
  LanguageRun *shown = &run->shown;
  if (!prompts_open((PromptSet)data_kind, settings.data_dir, limit, tests, seed,
                    &run->train, &shown->test))
    return false;
  if (data_kind == PROMPTS_SCENES)
    prompts_of_scenes(&shown->held_out, shown->test.pictures.count, CAPTIONED_ALONE,
                      SCENES_HELD_OUT, captioned_other(seed));
  return true;
}

static bool open_encoder(Run *run) {
  if (encoder_lr > 0 && settings.lr == 0)
    return fail("--lr: expected more than 0 with --encoder-lr %g, found 0", encoder_lr);
  if (!*encoder_run)
    return fail("--encoder: expected the folder of a run with an image encoder, found "
                "none");
  if (!vit_open(&run->encoder, encoder_run, init == 0, (uint64_t)settings.seed))
    return false;
  for (int s = 0; s < SETS; s++) {
    Dataset *pictures = &set_of(run, s)->pictures;
    if (pictures->count && !vit_takes(&run->encoder, pictures, "--encoder")) return false;
  }
  return true;
}

static void learn_words(Run *run) {
  const int prompts = prompts_count(&run->train);
  const char **text = allocate(2 * (size_t)prompts, sizeof *text);
  for (int i = 0; i < prompts; i++) {
    text[2 * i] = run->train.prompt[i].question;
    text[2 * i + 1] = run->train.prompt[i].answer;
  }
  run->shown.tokenizer = tokenizer_train(text, 2 * prompts, vocabulary);
  for (int i = 0; i < 2 * prompts; i++)
    words_add(&run->words, run->shown.tokenizer, text[i]);
  free(text);
}

static bool questions_fit(Run *run) {
  int needed = 0;
  for (int s = 0; s < SETS; s++)
    for (int i = 0; i < prompts_count(set_of(run, s)); i++)
      needed = greatest(needed, speak_question(run->shown.tokenizer,
                                               set_of(run, s)->prompt[i].question));
  needed += 2; /* start, and one token of an answer */
  return needed <= context ||
         fail("--context: expected at least %d tokens, so that the longest question "
              "leaves room for an answer, found %d", needed, context);
}

/* A check sum of what the model is taught besides the pictures: all texts, and how the
   encoder wants pictures normalized. */
static uint32_t sum_of_texts(Run *run) {
  uLong sum = crc32(0, (const Bytef *)run->encoder.mean, sizeof run->encoder.mean);
  sum = crc32(sum, (const Bytef *)run->encoder.std, sizeof run->encoder.std);
  for (int s = 0; s < SETS; s++)
    for (int i = 0; i < prompts_count(set_of(run, s)); i++) {
      const Prompt *p = &set_of(run, s)->prompt[i];
      sum = crc32(sum, (const Bytef *)p->question, (uInt)strlen(p->question) + 1);
      sum = crc32(sum, (const Bytef *)p->answer, (uInt)strlen(p->answer) + 1);
    }
  return (uint32_t)sum;
}

static VlmConfig model_config(const Run *run) {
  const VitConfig *image = &run->encoder.vit.config;
  VlmConfig c = {
      .image = *image, .penultimate = layer == 1,
      .connector = {(ConnectorKind)connector, image->image_size / image->patch_size,
                    image->width, width, queries, heads},
      .language = {.vocabulary = tokenizer_size(run->shown.tokenizer), .width = width,
                   .depth = depth, .heads = heads, .mlp = 4 * width, .gelu = GELU_TANH,
                   .eps = 1e-5, .causal = true},
      .prefix_lm = mask == 1, .separate_output = output == 1};
  c.language.context = connector_tokens(&c.connector) + context;
  return c;
}
static void declare_model(Run *run, Params *params, const VlmConfig *config) {
  Caption *task = &run->shown.task;
  *task = (Caption){.train = &run->train, .test = &run->shown.test,
                    .tokenizer = run->shown.tokenizer,
                    .vlm = vlm_declare(params, *config), .captions = captions,
                    .seed = (uint64_t)settings.seed, .batch = settings.batch};
  if (augment)
    task->augment = captioned_augment(data_kind == PROMPTS_SCENES ? CAPTIONED_SCENES
                                                                  : CAPTIONED_EMOJI);
  // Freeze the encoder, or give it a rate of its own
  if (encoder_lr == 0) params_freeze(params, "visual.");
  else params_scale_rate(params, "visual.", encoder_lr / settings.lr);
  params_fill(params, (uint64_t)settings.seed);
  vit_copy_parameters(&run->encoder, params, "visual.");
}

static bool prepare(void *state, Plan *plan) {
  Run *run = state;
  Caption *task = &run->shown.task;
  if (!open_data(run) || !open_encoder(run)) return false;
  learn_words(run);
  const VlmConfig config = model_config(run);
  if (!vlm_check(&config) || !questions_fit(run)) return false;
  declare_model(run, plan->params, &config);
  caption_begin(task);
  if (task->truncated && world_rank() == 0)
    fprintf(stderr, "%d of %d prompts are longer than --context %d and were cut\n",
            task->truncated, prompts_count(&run->train), context);
  plan->task = caption_task(task);
  plan->examples = run->train.pictures.count;
  plan->passes = data_kind == PROMPTS_SCENES ? 10 : 100;
  plan->evaluations = 20;
  plan->train = &run->train.pictures, plan->test = &run->shown.test.pictures;
  plan->texts = sum_of_texts(run);
  vlm_metadata(&plan->metadata, &config);
  return true;
}

// The main function of train-language
static bool begin(void *state, const char *folder) {
  const Run *run = state;
  char merges[PATH_MAX], words[PATH_MAX];
  return path_join(merges, folder, "merges.txt") &&
         path_join(words, folder, "words.txt") &&
         tokenizer_save(run->shown.tokenizer, merges) && words_save(&run->words, words);
}

static bool report(void *state, const char *folder, FILE *summary, TrainerResult end,
                   char *result) {
  const Run *run = state;
  snprintf(result, RESULT_LENGTH, "loss %.4f, %.3f of test prompts answered right,",
           end.loss, end.metric);
  fprintf(summary, "right\t%.4f\n", end.metric);
  return language_report(summary, &run->shown, &run->train, folder);
}

static void end_run(void *state) {
  Run *run = state;
  caption_end(&run->shown.task), words_free(&run->words);
  if (run->shown.tokenizer) tokenizer_free(run->shown.tokenizer);
  if (run->encoder.params) vit_close(&run->encoder);
  for (int s = 0; s < SETS; s++) prompts_free(set_of(run, s));
}

int main(int argc, char **argv) {
  Run run = {0};
  Experiment experiment = {
      .program = PROGRAM("train-language", "", "Train a language model to describe what "
                                               "an image encoder sees."),
      .settings = &settings, .state = &run, .prepare = prepare, .begin = begin,
      .report = report, .end = end_run};
  settings.lr = 2e-3, settings.beta2 = 0.95;
  return experiment_run(&experiment, argc, argv);
}
