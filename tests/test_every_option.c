/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include "base/random.h"
#include "testing.h"

// Small data of three kinds
static char base[256];

static void prepare(const char *name) {
  uint8_t record[4 * 3073];
  snprintf(base, sizeof base, "%s", scratch_folder(name));
  setenv("OMP_NUM_THREADS", "1", 1);
  const char *printed;
  run_command(&printed, "mkdir -p %s/data/cifar10", base);
  for (int part = 0; part < 6; part++) {
    RandomKey key = random_key((uint64_t)part, "noise");
    for (int i = 0; i < 4 * 3073; i++)
      record[i] = (uint8_t)random_below(key, (uint64_t)i, 256);
    for (int i = 0; i < 4; i++) record[i * 3073] = (uint8_t)((4 * part + i) % 10);
    write_file(text_of(part ? "%s/data/cifar10/data_batch_%d.bin"
                            : "%s/data/cifar10/test_batch.bin", base, part),
               record, sizeof record);
  }
}

// Options and other values
typedef struct Row {
  const char *option, *value, *with;
  bool alike;
} Row;

#define ALIKE true
#define TRAINING                                                              \
  {"epochs", "2", "--steps 0 --epochs 1", 0}, {"steps", "5", "", 0},          \
  {"batch", "6", "", 0}, {"lr", "5e-3", "", 0}, {"warmup", "3", "", 0},       \
  {"weight-decay", "0.9", "--lr 0.01", 0}, {"optimizer", "lamb", "", 0},      \
  {"beta2", "0.5", "", 0}, {"clip", "0.01", "--optimizer lamb --lr 0.01", 0}, \
  {"seed", "2", "", 0}, {"shards", "2", "", ALIKE},               \
  {"precision", "bf16", "", 0}, {"precision", "pure-bf16", "--precision bf16", 0}
static const Row vit_rows[] = {
    TRAINING, {"limit", "12", "", 0}, {"test", "2", "", 0}, {"augment", "none", "", 0},
    {"labels", "10", "", 0}, {"init", "random", "--from %s", 0},
    {"layer-decay", "0.5", "--from %s", 0}, {"patch-size", "8", "", 0},
    {"width", "12", "", 0}, {"depth", "1", "", 0}, {"heads", "1", "", 0},
    {"mlp", "5", "", 0}, {"position", "sincos", "", 0}, {"pool", "mean", "", 0},
    {"norm", "post", "", 0}, {"gelu", "quick", "", 0}, {"block", "eva02", "", 0},
    {"patch-dropout", "0.5", "", 0}, {"smoothing", "0.2", "", 0},
    {"dropout", "0.3", "", 0}, {"drop-path", "0.5", "", 0},
    {"micro-batch", "1", "", ALIKE}};
static const Row mae_rows[] = {
    TRAINING, {"limit", "12", "", 0}, {"augment", "none", "", 0},
    {"patch-size", "8", "", 0}, {"width", "12", "", 0}, {"depth", "1", "", 0},
    {"heads", "1", "", 0}, {"decoder-width", "12", "", 0}, {"decoder-depth", "2", "", 0},
    {"decoder-heads", "1", "", 0}, {"ratio", "0.5", "--patch-size 8", 0},
    {"targets", "pixels", "", 0}};
#define PAIRED                                                                      \
  TRAINING, {"limit", "24", "", 0}, {"augment", "none", "", 0},                     \
  {"patch-size", "8", "", 0}, {"width", "12", "--project both", 0},                 \
  {"depth", "1", "", 0}, {"heads", "1", "", 0}, {"style", "vit", "", 0},            \
  {"pool", "mean", "", 0},                                                          \
  {"text-width", "12", "", 0}, {"text-depth", "2", "", 0}, {"text-heads", "1", "", 0}, \
  {"vocabulary", "520", "", 0}, {"context", "6", "", 0}, {"scale", "3", "", 0},     \
  {"logit-lr-scale", "9", "", 0}, {"gelu", "erf", "", 0}, {"block", "eva02", "", 0},    \
  {"patch-dropout", "0.5", "--patch-size 8", 0}, {"dropout", "0.3", "", 0},         \
  {"drop-path", "0.5", "", 0}, {"repeat", "2", "", 0},                              \
  {"init", "random", "--image-encoder %s", 0},                                      \
  {"layer-decay", "0.5", "--image-encoder %s", 0}
static const Row siglip_rows[] = {
    PAIRED, {"text-style", "clip", "", 0}, {"project", "both", "", 0},
    {"embed", "5", "--project both", 0}, {"loss", "sigmoid-mean", "", 0},
    {"bias", "zero", "", 0}, {"chunks", "3", "", ALIKE},
    {"exchange", "ring", "", ALIKE},
    {"positives", "captions", "--repeat 4", 0}};

static const Row clip_rows[] = {
    PAIRED, {"text-style", "siglip", "", 0},
    {"project", "text", "", 0}, {"embed", "5", "", 0}, {"loss", "sum", "", 0},
    {"bias", "zero", "--loss sigmoid --bias paper", 0},
    {"chunks", "3", "--loss sigmoid --bias paper", ALIKE},
    {"exchange", "ring", "--loss sigmoid --bias paper", ALIKE},
    {"positives", "captions", "--loss sigmoid --bias paper --repeat 4", 0}};
static const Row eva_rows[] = {
    TRAINING, {"limit", "24", "", 0}, {"augment", "none", "", 0},
    {"drop-path", "0.5", "", 0}, {"target", "normalized", "", 0},
    {"masks", "random", "", 0}, {"ratio", "0.7", "", 0}, {"patch-gradient", "0.1", "", 0},
    {"block", "eva02", "", 0}, {"patch-size", "4", "", 0}, {"width", "12", "", 0},
    {"depth", "1", "", 0}, {"heads", "1", "", 0}};
static const Row language_rows[] = {
    TRAINING, {"limit", "24", "", 0}, {"test", "9", "", 0}, {"init", "random", "", 0},
    {"augment", "standard", "", 0}, {"encoder-lr", "1e-2", "", 0},
    {"layer", "penultimate", "", 0}, {"connector", "mlp", "", 0},
    {"queries", "3", "--connector queries", 0}, {"captions", "1", "", 0},
    {"mask", "prefix", "--depth 2", 0}, {"output", "separate", "", 0},
    {"width", "12", "", 0},
    {"depth", "2", "", 0}, {"heads", "1", "", 0}, {"context", "36", "", 0},
    {"vocabulary", "530", "", 0}};
static const Row describe_rows[] = {
    {"temperature", "5", "", 0}, {"seed", "2", "--temperature 5", 0},
    {"top-p", "0.001", "--temperature 5", 0}};
static const Row probe_rows[] = {
    {"labels", "20", "", 0}, {"test", "30", "", 0}, {"k", "3", "", 0},
    {"temperature", "0.001", "", 0}, {"steps", "3", "", 0}, {"batch", "5", "", 0},
    {"lr", "1", "", 0}, {"weight-decay", "0.9", "--lr 1", 0},
    {"weights", "random", "", 0}, {"seed", "9", "--labels 20", 0}};
static bool tested_elsewhere(const char *option) {
  static const char *const names[] = {"data",    "data-dir", "out",  "resume", "threads",
                                      "stop-at", "from",     "help", "teacher",
                                      "overwrite", "image-encoder", "encoder", "look",
                                      "optimizer-states"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(option, names[i])) return true;
  return false;
}

// What an option does to a run
/* How to show what a program leaves in its folder; NULL: what it prints is looked at. */
static const char *left_by(const char *program) {
  if (!strncmp(program, "train-", 6)) return "cd %s && cat log.tsv eval.tsv";
  if (!strcmp(program, "patches")) return "cksum <%s/patches.png";
  return strcmp(program, "captions") ? NULL : "cat %s/captions.tsv";
}

/* The log of a run, or what a program prints or paints. The caller frees. */
static char *outcome(const char *program, const char *arguments, const char *folder) {
  const char *printed, *left = left_by(program);
  int status = run_command(&printed, "%s/%s %s %s %s", programs_folder(), program,
                           arguments, !left ? "" : strncmp(program, "train-", 6) != 0
                           ? "--out" : "--overwrite --out", left ? folder : "");
  ck_assert_msg(status == 0, "%s %s: %s", program, arguments, printed);
  if (left) ck_assert_int_eq(run_command(&printed, left, folder), 0);
  char *text = strdup(printed);
  return text;
}
/* Do two texts have the same words and nearly the same numbers? */
static bool nearly(const char *a, const char *b) {
  while (*a && *b) {
    char *after_a, *after_b;
    double x = strtod(a, &after_a), y = strtod(b, &after_b);
    if (after_a == a || after_b == b) {
      if (*a++ != *b++) return false;
    } else {
      if (!(fabs(x - y) <= 2e-3 * (fabs(x) + 1e-2))) return false;
      a = after_a, b = after_b;
    }
  }
  return *a == *b;
}
static const char *without_option(const char *program, const char *arguments) {
  static char *asked, *found;
  const char *question = text_of("%s %s", program, arguments);
  if (!asked || strcmp(asked, question) != 0) {
    free(asked), free(found);
    asked = strdup(question);
    found = outcome(program, arguments, text_of("%s/without", base));
  }
  return found;
}

static void try_row(const char *program, const char *plain, const Row *row) {
  const char *run = text_of("%s/plain", base);
  const char *with = strstr(row->with, "%s") ? text_of(row->with, run) : row->with;
  const char *without = without_option(program, text_of("%s %s", plain, with));
  char *changed = outcome(program, text_of("%s %s --%s %s", plain, with, row->option,
                                           row->value), text_of("%s/with", base));
  if (row->alike)
    ck_assert_msg(nearly(without, changed), "%s --%s %s: expected the same log, found "
                  "another:\n%s", program, row->option, row->value, changed);
  else
    ck_assert_msg(strcmp(without, changed) != 0, "%s --%s %s: it changes nothing",
                  program, row->option, row->value);
  free(changed);
}
/* Each option in the program's help must have a row, or a test elsewhere. */
static void expect_rows(const char *program, const Row *rows, int count) {
  const char *printed;
  ck_assert_int_eq(run_command(&printed, "%s/%s --help", programs_folder(), program), 0);
  for (const char *line = printed; (line = strstr(line, "\n  --")); line++) {
    char name[40];
    int i = 0;
    sscanf(line, "\n  --%39s", name);
    while (i < count && strcmp(rows[i].option, name)) i++;
    ck_assert_msg(i < count || tested_elsewhere(name), "%s --%s: no test", program, name);
  }
}
/* A run that begins from another takes its encoder from there: `later` is what it
   needs. */
static void try_rows(const char *program, const char *plain, const char *later,
                     const Row *rows, int count) {
  char kept[2][1024]; /* text_of's last for so many calls only */
  snprintf(kept[0], sizeof kept[0], "%s", plain);
  snprintf(kept[1], sizeof kept[1], "%s", later);
  expect_rows(program, rows, count);
  for (int i = 0; i < count; i++)
    try_row(program, kept[strstr(rows[i].with, "%s") != NULL], &rows[i]);
}

#define TRY(program, plain, later, rows) \
  try_rows(program, plain, later, rows, (int)(sizeof rows / sizeof *rows))

// Every option of every program
#define SHORT "--batch 8 --steps 4 --shards 1 --seed 1 "
#define TINY "--width 8 --depth 2 --heads 2 --patch-size 16 " SHORT
#define TEXTS "--limit 32 --text-width 8 --text-depth 1 --text-heads 2 " \
              "--vocabulary 540 --embed 8 "
#define WORDS TINY TEXTS

START_TEST(of_train_vit) {
  prepare("option-vit");
  const char *photos = text_of("--data cifar10 --data-dir %s/data", base);
  const char *plain = text_of(TINY "%s", photos);
  free(outcome("train-vit", plain, text_of("%s/plain", base)));
  TRY("train-vit", plain, text_of(SHORT "%s", photos), vit_rows);
}
END_TEST
START_TEST(of_train_mae) {
  prepare("option-mae");
  TRY("train-mae", text_of(TINY "--data cifar10 --data-dir %s/data", base), "", mae_rows);
}
END_TEST

START_TEST(of_train_siglip) {
  prepare("option-siglip");
  free(outcome("train-siglip", WORDS, text_of("%s/plain", base)));
  TRY("train-siglip", WORDS, SHORT TEXTS, siglip_rows);
}
END_TEST

START_TEST(of_train_clip) {
  prepare("option-clip");
  free(outcome("train-clip", WORDS, text_of("%s/plain", base)));
  TRY("train-clip", WORDS, SHORT TEXTS, clip_rows);
}
END_TEST
START_TEST(of_train_eva) {
  prepare("option-eva");
  TRY("train-eva", TINY "--limit 32 --target pixels --patch-size 8", "", eva_rows);
}
END_TEST

START_TEST(of_train_language) {
  prepare("option-language");
  free(outcome("train-vit", TINY "--data scenes --limit 64 --test 20",
               text_of("%s/encoder", base)));
  const char *plain = text_of("--encoder %s/encoder --limit 32 --test 20 --width 8 "
                              "--depth 1 --heads 2 --vocabulary 540 --context 60 " SHORT,
                              base);
  free(outcome("train-language", plain, text_of("%s/plain", base)));
  TRY("train-language", plain, "", language_rows);
  TRY("describe", text_of("%s/plain %s/plain/spoken-0.png", base, base), "",
      describe_rows);
}
END_TEST

START_TEST(of_probe) {
  prepare("option-probe");
  free(outcome("train-siglip", WORDS, text_of("%s/plain", base)));
  const char *plain = text_of("%s/plain --labels 300 --test 500 --steps 40", base);
  TRY("probe", plain, "", probe_rows);
}
END_TEST
START_TEST(of_what_prints) {
  static const Row sets[] = {{"set", "giants", "", 0}};
  static const Row curves[] = {{"curve", "gelu", "", 0}, {"curve", "pull", "", 0},
                               {"curve", "start", "", 0}, {"curve", "logit", "", 0}};
  static const Row most[] = {{"most", "128", "", 0}};
  static const Row seed[] = {{"seed", "2", "", 0}};
  static const Row patches[] = {{"patch-size", "8", "", 0}, {"size", "32", "", 0},
                                {"gap", "1", "", 0}, {"seed", "2", "", 0}};
  prepare("option-prints");
  TRY("configurations", "", "", sets);
  TRY("curves", "", "", curves);
  TRY("pair-memory", "--most 64", "", most);
  TRY("sketch", "", "", seed);
  TRY("captions", text_of("--data-dir %s", base), "", seed);
  TRY("patches", "--size 48", "", patches);
}
END_TEST

TEST_MAIN("every option", of_train_vit, of_train_siglip, of_train_clip, of_train_mae,
          of_train_eva, of_train_language, of_probe, of_what_prints)
