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
#include "models/model_io.h"

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
  Dataset *pictures[] = {&run->train.pictures, &run->shown.test.pictures,
                         &run->shown.held_out.pictures};
  if (!*encoder_run)
    return fail("--encoder: expected the folder of a run with an image encoder, found "
                "none");
  if (!vit_open(&run->encoder, encoder_run, init == 0, (uint64_t)settings.seed))
    return false;
  for (int i = 0; i < 3; i++)
    if (pictures[i]->count && !vit_takes(&run->encoder, pictures[i], "--encoder"))
      return false;
  return true;
}

static void learn_words(Run *run) {
  const int prompts = run->train.pictures.count * run->train.each;
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

static int longest_question(const Run *run) {
  const Prompts *sets[] = {&run->train, &run->shown.test, &run->shown.held_out};
  int longest = 0;
  for (int s = 0; s < 3; s++)
    for (int i = 0; i < sets[s]->pictures.count * sets[s]->each; i++)
      longest = greatest(longest, speak_question(run->shown.tokenizer,
                                                 sets[s]->prompt[i].question));
  return longest;
}

/* A check sum of what the model is taught besides the pictures: all texts, and how the
   encoder wants pictures normalized. */
static uint32_t sum_of_texts(const Run *run) {
  const Prompts *sets[] = {&run->train, &run->shown.test, &run->shown.held_out};
  uLong sum = crc32(0, (const Bytef *)run->encoder.mean, sizeof run->encoder.mean);
  sum = crc32(sum, (const Bytef *)run->encoder.std, sizeof run->encoder.std);
  for (int s = 0; s < 3; s++)
    for (int i = 0; i < sets[s]->pictures.count * sets[s]->each; i++) {
      const Prompt *p = &sets[s]->prompt[i];
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
static bool prepare(void *state, Plan *plan) {
  Run *run = state;
  Caption *task = &run->shown.task;
  if (!open_data(run) || !open_encoder(run)) return false;
  learn_words(run);
  const VlmConfig config = model_config(run);
  if (!vlm_check(&config)) return false;
  *task = (Caption){.train = &run->train, .test = &run->shown.test,
                    .tokenizer = run->shown.tokenizer,
                    .vlm = vlm_declare(plan->params, config), .captions = captions,
                    .seed = (uint64_t)settings.seed, .batch = settings.batch};
  if (augment)
    task->augment = captioned_augment(data_kind == PROMPTS_SCENES ? CAPTIONED_SCENES
                                                                  : CAPTIONED_EMOJI);
  // Freeze the encoder, or give it a rate of its own
  if (encoder_lr == 0) params_freeze(plan->params, "visual.");
  for (int i = 0; i < plan->params->count; i++) {
    Parameter *p = &plan->params->list[i];
    if (strncmp(p->tensor->name, "visual.", strlen("visual.")) == 0)
      p->lr_scale = encoder_lr / settings.lr;
  }
  params_fill(plan->params, (uint64_t)settings.seed);
  vit_copy_parameters(&run->encoder, plan->params, "visual.");
  const int needed = longest_question(run) + 2; /* start, and one token of an answer */
  if (needed > context)
    return fail("--context: expected at least %d tokens, so that the longest question "
                "leaves room for an answer, found %d", needed, context);
  caption_begin(task);
  if (task->truncated)
    fprintf(stderr, "%d of %d prompts are longer than --context %d and were cut\n",
            task->truncated, run->train.pictures.count * run->train.each, context);
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
  prompts_free(&run->train), prompts_free(&run->shown.test);
  prompts_free(&run->shown.held_out);
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
