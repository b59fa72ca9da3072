/* Tangled from chapters/06-training.nw: edit that, not this. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/fail.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/options.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "data/shapes.h"
#include "models/gallery.h"
#include "models/vit.h"
#include "tensor/losses.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

// The options of train-vit
enum { SHAPES, MNIST, CIFAR10 };
static int data_kind = SHAPES, epochs = 0, steps = 0, batch = 64, limit = 0;
static int patch_size = 0, width = 64, depth = 4, heads = 4, mlp = 0;
static int position = POSITION_LEARNED, pool = POOL_CLS, norm = 0, gelu_kind = GELU_ERF;
static int augment = 1, warmup = -1, seed = 1, threads = 0, stop_at = 0;
static int lanes = 4, portion = 0;
static double lr = 1e-3, decay = 0.05, beta2 = 0.999, clip = 1, smoothing = 0;
static double dropout_rate = 0, drop_path_rate = 0;
static const char *out = NULL, *resume = NULL, *folder = "data";
static const char *program_path; /* as it was called */

#define INT(NAME, VARIABLE, LOW, HIGH, HELP)                                \
  {.name = NAME, .kind = OPTION_INT, .value = &VARIABLE, .low = LOW,        \
   .high = HIGH, .help = HELP}
#define NUMBER(NAME, VARIABLE, LOW, HIGH, HELP)                             \
  {.name = NAME, .kind = OPTION_NUMBER, .value = &VARIABLE, .low = LOW,     \
   .high = HIGH, .help = HELP}
#define CHOICE(NAME, VARIABLE, CHOICES, HELP)                               \
  {.name = NAME, .kind = OPTION_CHOICE, .value = &VARIABLE,                 \
   .choices = CHOICES, .help = HELP}
#define PLACE(NAME, VARIABLE, HELP)                                         \
  {.name = NAME, .kind = OPTION_TEXT, .value = &VARIABLE, .help = HELP,     \
   .transient = true}

static Option options[] = {
    CHOICE("data", data_kind, "shapes|mnist|cifar10", "what to learn"),
    INT("epochs", epochs, 0, 100000, "passes over the data; 0: what suits it"),
    INT("steps", steps, 0, 1e9, "stop the schedule after so many steps instead"),
    INT("batch", batch, 1, 65536, "pictures in a step"),
    INT("limit", limit, 0, 1e9, "use so many training pictures; 0: all"),
    CHOICE("augment", augment, "none|standard", "shift (and mirror) pictures"),
    INT("patch-size", patch_size, 0, 4096, "side of a patch; 0: what suits"),
    INT("width", width, 1, 65536, "length of a token's vector"),
    INT("depth", depth, 1, 1000, "blocks"),
    INT("heads", heads, 1, 65536, "attention heads; must divide the width"),
    INT("mlp", mlp, 0, 1 << 20, "hidden width of the MLP; 0: four times the width"),
    CHOICE("position", position, "none|learned|sincos", "position encoding"),
    CHOICE("pool", pool, "cls|mean", "how a picture becomes one vector"),
    CHOICE("norm", norm, "pre|post", "where blocks normalise"),
    CHOICE("gelu", gelu_kind, "erf|tanh|quick", "which GELU"),
    NUMBER("lr", lr, 0, 100, "highest learning rate"),
    INT("warmup", warmup, -1, 1e9, "steps of warm-up; -1: half an epoch"),
    NUMBER("weight-decay", decay, 0, 10, "weight decay"),
    NUMBER("beta2", beta2, 0, 0.999999, "memory of AdamW's second mean"),
    NUMBER("clip", clip, 0, 1e9, "longest gradient; 0: any"),
    NUMBER("smoothing", smoothing, 0, 0.9, "label smoothing"),
    NUMBER("dropout", dropout_rate, 0, 0.99, "dropout rate"),
    NUMBER("drop-path", drop_path_rate, 0, 0.99, "drop path rate of the last block"),
    INT("seed", seed, 0, 1e9, "seed of all random numbers"),
    INT("lanes", lanes, 1, 64, "parts of a batch worked off side by side"),
    INT("portion", portion, 0, 65536, "pictures of a lane at once; 0: what suits"),
    PLACE("data-dir", folder, "folder with mnist/ and cifar10/"),
    PLACE("out", out, "folder of the run; default build/try/vit-DATA"),
    PLACE("resume", resume, "go on with the run in this folder"),
    {.name = "threads", .kind = OPTION_INT, .value = &threads, .low = 0, .high = 1024,
     .help = "threads; 0: one per core", .transient = true},
    {.name = "stop-at", .kind = OPTION_INT, .value = &stop_at, .low = 0, .high = 1e9,
     .help = "stop after this step as if by Ctrl-C; 0: never", .transient = true}};

static Program program = {"train-vit", "", "Train a Vision Transformer to tell "
                          "classes of pictures apart.",
                          options, sizeof options / sizeof *options};

// The state of a run
typedef struct Run {
  Dataset train, test;
  Vit vit;
  Augment augment;
  int *order, epoch; /* the order of the pictures in this epoch */
  Predictions said;  /* at the last evaluation */
} Run;

static const int suits[][2] = {/* patch size, epochs */ {8, 9}, {7, 5}, {4, 3}};
static const char *const data_names[] = {"shapes", "mnist", "cifar10"};

// Open the data
static bool open_data(Run *run) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%s", folder, data_names[data_kind]);
  bool good = true;
  if (data_kind == SHAPES) {
    shapes_make(&run->train, 6000, (uint64_t)seed);
    shapes_make(&run->test, 1000, (uint64_t)seed + 1000000007u);
  } else if (data_kind == MNIST) {
    good = mnist_load(&run->train, path, true) && mnist_load(&run->test, path, false);
  } else {
    good = cifar10_load(&run->train, path, true) &&
           cifar10_load(&run->test, path, false);
  }
  if (!good) return false;
  if (limit && limit < run->train.count) run->train.count = limit;
  if (run->train.count < batch)
    return fail("--batch: expected at most the %d training pictures, found %d",
                run->train.count, batch);
  if (run->test.height != run->train.height || run->test.width != run->train.width ||
      run->train.height != run->train.width)
    return fail("%s: expected square pictures of one size, found %d x %d and %d x %d",
                path, run->train.height, run->train.width, run->test.height,
                run->test.width);
  memcpy(run->test.mean, run->train.mean, sizeof run->test.mean);
  memcpy(run->test.deviation, run->train.deviation, sizeof run->test.deviation);
  if (augment && data_kind == MNIST) run->augment = (Augment){.shift = 2};
  if (augment && data_kind == CIFAR10)
    run->augment = (Augment){.shift = 4, .flip = true};
  return true;
}

// Settle the sizes
static VitConfig model_config(const Run *run) {
  return (VitConfig){.image_size = run->train.height, .channels = run->train.channels,
                     .patch_size = patch_size ? patch_size : suits[data_kind][0],
                     .width = width, .depth = depth, .heads = heads,
                     .mlp = mlp ? mlp : 4 * width, .classes = run->train.classes,
                     .position = (PositionKind)position, .pool = (PoolKind)pool,
                     .post_norm = norm, .gelu = (GeluKind)gelu_kind, .eps = 1e-6,
                     .dropout = dropout_rate, .drop_path = drop_path_rate};
}

static int least(int a, int b) { return a < b ? a : b; }

static bool trainer_config(const Run *run, TrainerConfig *config) {
  int per_epoch = run->train.count / batch;
  long passes = epochs ? epochs : suits[data_kind][1];
  long all = steps ? steps : passes * per_epoch;
  long warm = warmup >= 0 ? warmup : per_epoch / 2 < all / 2 ? per_epoch / 2 : all / 2;
  if (all > 1000000000)
    return fail("--epochs: expected at most %d passes of %d steps, found %ld",
                1000000000 / per_epoch, per_epoch, passes);
  if (warm >= all)
    return fail("--warmup: expected less than the %ld steps of the run, found %ld", all,
                warm);
  *config = (TrainerConfig){.folder = out, .steps = (int)all, .per_epoch = per_epoch,
                            .batch = batch, .seed = seed, .lanes = least(lanes, batch),
                            .portion = portion ? portion : vit_portion(&run->vit),
                            .lr = lr, .decay = decay,
                            .beta2 = beta2, .clip = clip, .warmup = (int)warm,
                            .stop_at = stop_at, .resume = resume != NULL};
  for (int i = 0; i < 2 * run->train.channels; i++) {
    SafetensorsNote *note = &config->data.list[config->data.count++];
    int c = i / 2;
    snprintf(note->key, sizeof note->key, "%s%d", i % 2 ? "deviation" : "mean", c);
    snprintf(note->value, sizeof note->value, "%.9g",
             (double)(i % 2 ? run->train.deviation[c] : run->train.mean[c]));
  }
  return true;
}

// Loss and evaluation of a vit
static void run_begin(void *state, int step) {
  Run *run = state;
  int per_epoch = run->train.count / batch, epoch = step / per_epoch;
  if (epoch == run->epoch) return;
  RandomKey shuffle = random_key((uint64_t)seed, "shuffle");
  random_permutation(random_subkey(shuffle, (uint64_t)epoch), run->order,
                     run->train.count);
  run->epoch = epoch;
}

static Tensor *run_loss(Tape *tape, void *state, int step, int first, int count,
                        double *metric) {
  const Run *run = state;
  const Dataset *data = &run->train;
  int correct, *labels = tape_memory(tape, (size_t)count * sizeof *labels);
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels,
                                                     data->height, data->width));
  RandomKey key = random_key((uint64_t)seed, "augment");
  dataset_batch(data, run->order + step % (data->count / batch) * batch + first, count,
                run->augment, random_subkey(key, (uint64_t)step), images->value,
                labels);
  Tensor *logits = vit_forward(tape, &run->vit, images);
  Tensor *loss = cross_entropy(tape, logits, labels, smoothing, &correct);
  *metric = (double)correct / count;
  return loss;
}

static void run_evaluate(Tape *tape, void *state, double *loss, double *metric) {
  Run *run = state;
  predictions_free(&run->said);
  run->said = predictions_make(tape, &run->vit, &run->test, batch);
  *loss = run->said.loss;
  *metric = (double)run->said.correct / run->test.count;
}

// Write what a run found
static bool write_summary(const Run *run, const TrainerConfig *c,
                          const TrainerResult *result, const Params *params) {
  char path[1024];
  snprintf(path, sizeof path, "%s/summary.tsv", out);
  FILE *file = file_begin(path);
  struct rusage usage;
  if (!file) return false;
  getrusage(RUSAGE_SELF, &usage);
  fprintf(file, "test_accuracy\t%.4f\ntest_loss\t%.4f\n", result->metric,
          result->loss);
  fprintf(file, "train_seconds\t%.1f\nparameters\t%zu\n", result->seconds,
          params_count(params, true));
  fprintf(file, "images_per_second\t%.0f\npeak_mebibytes\t%ld\n",
          (double)c->steps * c->batch / result->seconds, usage.ru_maxrss / 1024);
  fprintf(file, "steps\t%d\nepochs\t%.3g\nclasses\t%d\n", c->steps,
          (double)c->steps / c->per_epoch, run->train.classes);
  fprintf(file, "train_images\t%d\ntest_images\t%d\n", run->train.count,
          run->test.count);
  for (int i = 0; i < run->train.channels; i++)
    fprintf(file, "mean%d\t%.4f\ndeviation%d\t%.4f\n", i,
            (double)run->train.mean[i], i, (double)run->train.deviation[i]);
  for (int i = 0; i < program.count; i++) {
    char text[192];
    option_text(&options[i], text, sizeof text);
    if (!options[i].transient && strcmp(options[i].name, "steps") != 0 &&
        strcmp(options[i].name, "epochs") != 0)
      fprintf(file, "%s\t%s\n", options[i].name, text);
  }
  return file_commit(file, path);
}

// Train a vit
static int train(Run *run, Params *params) {
  TrainerConfig config;
  if (!trainer_config(run, &config)) return options_complain(&program);
  if (!folder_make(out)) return fail_report(program.name);
  Task task = {run, "accuracy", run_begin, run_loss, run_evaluate};
  TrainerResult result = trainer_run(&config, &task, params, &program);
  if (result.end == TRAINER_FAILED) return fail_report(program.name);
  if (result.end == TRAINER_STOPPED) {
    bool elsewhere = strcmp(folder, "data") != 0;
    fprintf(stderr, "%s: stopped; go on with: %s --resume %s%s%s\n", program.name,
            program_path, out, elsewhere ? " --data-dir " : "",
            elsewhere ? folder : "");
    return 130;
  }
  if (!write_summary(run, &config, &result, params) ||
      !gallery_write(out, &run->vit, &run->test, &run->said))
    return fail_report(program.name);
  printf("%s: test accuracy %.4f after %d steps in %.1f s; see %s\n", program.name,
         result.metric, config.steps, result.seconds, out);
  return 0;
}

static int prepare_and_train(Run *run, Params *params) {
  if (!open_data(run)) return fail_report(program.name);
  VitConfig config = model_config(run);
  if (!vit_check(&config)) return options_complain(&program);
  run->vit = vit_declare(params, "", config);
  run->order = allocate((size_t)run->train.count, sizeof *run->order);
  params_fill(params, (uint64_t)seed);
  return train(run, params);
}

// The main function of train-vit
int main(int argc, char **argv) {
  char default_out[64];
  int first = options_parse(&program, argc, argv);
  if (first < argc) {
    fail("expected options only, found '%s'", argv[first]);
    return options_complain(&program);
  }
  if (resume && !checkpoint_load_options(resume, &program))
    return fail_report(program.name);
  snprintf(default_out, sizeof default_out, "build/try/vit-%s",
           data_names[data_kind]);
  program_path = argv[0];
  if (resume && out) {
    fail("--out: expected none with --resume, found '%s'", out);
    return options_complain(&program);
  }
  out = resume ? resume : out ? out : default_out;
  if (threads) omp_set_num_threads(threads);
  Run run = {.epoch = -1};
  Params *params = params_new();
  int status = prepare_and_train(&run, params);
  params_free(params);
  dataset_free(&run.train);
  dataset_free(&run.test);
  predictions_free(&run.said);
  free(run.order);
  return status;
}
