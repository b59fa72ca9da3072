/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "app/experiment.h"

#include <fnmatch.h>
#include <dirent.h>
#include <math.h>
#include <omp.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "app/interrupt.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "train/world.h"

typedef struct Run {
  const char *folder;
  FolderLock lock;
  TrainerConfig config;
  TrainerResult result;
} Run;

// Which data they were
static uLong sum_of(uLong sum, const Dataset *data) {
  const int sizes[] = {data->count, data->channels, data->height, data->width};
  const size_t size = dataset_image_size(data);
  sum = crc32(sum, (const Bytef *)sizes, sizeof sizes);
  for (int i = 0; i < data->count; i++)
    sum = crc32(sum, dataset_image(data, i), (uInt)size);
  return data->labels ? crc32(sum, data->labels, (uInt)data->count) : sum;
}

static uLong sum_of_pairs(uLong sum, const Pairs *pairs) {
  sum = sum_of(sum, &pairs->pictures);
  for (int i = 0; i < pairs_captions(pairs); i++)
    sum = crc32(sum, (const Bytef *)pairs->caption[i], (uInt)strlen(pairs->caption[i]));
  return sum;
}

static void describe_data(Plan *plan) {
  const Dataset *train = plan->train, *test = plan->test;
  uLong sum = crc32(0, NULL, 0);
  if (plan->train_pairs)
    sum = sum_of_pairs(sum_of_pairs(sum, plan->train_pairs), plan->test_pairs);
  else sum = sum_of(sum_of(sum, train), test);
  sum ^= plan->texts;
  snprintf(plan->data, sizeof plan->data,
           "%d and %d pictures of %d x %d x %d, check sum %08lx", train->count,
           test->count, train->channels, train->height, train->width, sum);
}

/* Everything about the run that its files are to say. */
static void describe_run(const Experiment *e, Plan *plan) {
  char key[16];
  for (int c = 0; c < plan->train->channels; c++) {
    snprintf(key, sizeof key, "mean%d", c);
    metadata_add(&plan->metadata, key, "%.9g", (double)plan->train->mean[c]);
    snprintf(key, sizeof key, "std%d", c);
    metadata_add(&plan->metadata, key, "%.9g", (double)plan->train->std[c]);
  }
  describe_data(plan);
  metadata_add(&plan->metadata, "data", "%s", plan->data);
  options_metadata(&e->program, &plan->metadata);
}

static bool same_data(const char *folder, const char *found) {
  Safetensors *file = checkpoint_open(folder);
  if (!file) return false;
  const char *expected = safetensors_metadata(file, "data");
  bool good = expected && strcmp(expected, found) == 0;
  if (!good)
    fail("%s: expected the data that the run was trained on (%s), found %s", folder,
         expected ? expected : "its checkpoint does not say which", found);
  safetensors_free(file);
  return good;
}

// Take a folder for a run
static const char *const written[] = {
    "summary.tsv", "log.tsv", "eval.tsv", "gradients.tsv", "merges.txt",
    "checkpoint.safetensors", "model.safetensors", "confusion.tsv", "mistakes.tsv",
    "examples.png", "filters.png", "positions.png", "attention.png", "mistakes.png",
    "similarity-before.tsv", "similarity-after.tsv", "plane.tsv", "batches.tsv",
    "answers.tsv", "answer-[0-9].png", "pulls.tsv", "filled-*.png", "ratios.png",
    "masks.png", "features.png", "words.txt", "spoken.tsv", "spoken-[0-9].png", "*.new"};

static void remove_run(const char *folder) {
  DIR *list = opendir(folder);
  char path[PATH_MAX];
  for (struct dirent *entry; list && (entry = readdir(list));)
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
      if (fnmatch(written[i], entry->d_name, 0) == 0 &&
          path_join(path, folder, entry->d_name))
        unlink(path);
  if (list) closedir(list);
}

static bool has(const char *folder, const char *name) {
  char path[PATH_MAX];
  return path_join(path, folder, name) && access(path, F_OK) == 0;
}

static bool take_folder(Run *run, const Plan *plan, const Settings *s) {
  const char *folder = run->folder;
  if (!folder_make(folder) || !folder_lock(&run->lock, folder)) return false;
  bool good = true;
  if (s->resume) {
    good = same_data(folder, plan->data);
  } else if (!s->overwrite && has(folder, "summary.tsv")) {
    good = fail("--out: expected a new folder, found a finished run in %s; --overwrite "
                "replaces it", folder);
  } else if (!s->overwrite && has(folder, "checkpoint.safetensors")) {
    good = fail("--out: expected a new folder, found a stopped run in %s; --resume %s "
                "goes on with it, --overwrite replaces it", folder, folder);
  } else if (s->overwrite) {
    remove_run(folder);
  }
  if (!good) folder_unlock(&run->lock);
  return good;
}

// Finish a run
/* Say why and end, and all other processes with this one. */
static int failed(const Experiment *e) {
  const int status = program_failed(&e->program);
  world_abandon(status);
  return status;
}

/* A word of a shell's command line. */
static void print_quoted(const char *word) {
  if (!word[strcspn(word, " \t\n\"'\\$`&;|<>()*?[]{}!#~=%")]) {
    fputs(word, stderr);
    return;
  }
  fputc('\'', stderr);
  for (; *word; word++) *word == '\'' ? fputs("'\\''", stderr) : fputc(*word, stderr);
  fputc('\'', stderr);
}

static void print_how_to_go_on(const Experiment *e, const Run *run, const char *called) {
  const char *data = e->settings->data_dir;
  fprintf(stderr, "%s: stopped; go on with: ", e->program.name);
  if (world_size() > 1) fprintf(stderr, "mpirun -n %d ", world_size());
  print_quoted(called);
  fputs(" --resume ", stderr);
  print_quoted(run->folder);
  if (strcmp(data, "data") != 0) fputs(" --data-dir ", stderr), print_quoted(data);
  fputc('\n', stderr);
}

static void write_common(FILE *file, const Experiment *e, const Plan *plan,
                         const Run *run) {
  const TrainerConfig *c = &run->config;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  fprintf(file, "test_loss\t%.4f\ntrain_seconds\t%.1f\nparameters\t%zu\n",
          run->result.loss, run->result.seconds, params_count(plan->params, true));
  fprintf(file, "images_per_second\t%.0f\npeak_mebibytes\t%ld\n",
          (double)c->steps * c->batch / run->result.seconds, usage.ru_maxrss / 1024);
  fprintf(file, "train_images\t%d\ntest_images\t%d\nsteps\t%d\nepochs\t%.3g\n",
          plan->train->count, plan->test->count, c->steps,
          (double)c->steps / c->per_epoch);
  if (world_size() > 1) fprintf(file, "processes\t%d\n", world_size());
  for (int i = 0; i < e->program.count; i++) {
    const Option *option = &e->program.options[i];
    char *value = option_value(option);
    if (!option->transient && strcmp(option->name, "steps") != 0 &&
        strcmp(option->name, "epochs") != 0)
      fprintf(file, "%s\t%s\n", option->name, value);
    free(value);
  }
}

static bool report(Experiment *e, const Plan *plan, const Run *run, char *result) {
  char path[PATH_MAX];
  if (!path_join(path, run->folder, "summary.tsv")) return false;
  FILE *file = file_begin(path);
  if (!file) return false;
  write_common(file, e, plan, run);
  if (e->report(e->state, run->folder, file, run->result, result))
    return file_commit(file, path);
  file_abandon(file, path);
  return false;
}

static int finish(Experiment *e, const Plan *plan, const Run *run, const char *called) {
  char result[RESULT_LENGTH] = "";
  if (run->result.end == TRAINER_STOPPED) {
    if (world_rank() == 0) print_how_to_go_on(e, run, called);
    return 130;
  }
  if (run->result.end == TRAINER_FAILED) return failed(e);
  if (world_rank() > 0) return 0;
  if (!report(e, plan, run, result)) return failed(e);
  printf("%s: %s after %d steps in %.1f s; see %s\n", e->program.name, result,
         run->config.steps, run->result.seconds, run->folder);
  return 0;
}

// Show where a run stands
static void time_left(char text[32], double seconds) {
  if (seconds < 100) snprintf(text, 32, "%.0f s", seconds);
  else if (seconds < 6000) snprintf(text, 32, "%.0f min", seconds / 60);
  else snprintf(text, 32, "%.0f h", fmin(seconds / 3600, 9999));
}

/* On a terminal one line of less than 60 columns that is rewritten, otherwise a line
   every ten seconds. `last` ends it. */
static void progress_show(const char *program, const TrainerStep *s, bool last) {
  static time_t shown;
  const bool terminal = isatty(STDERR_FILENO);
  const time_t now = time(NULL), pause = terminal ? 0 : 10;
  char left[32], line[160];
  if (!last && now - shown <= pause) return;
  shown = now;
  time_left(left, s->seconds_left);
  if (!terminal) {
    fprintf(stderr, "%s: step %d of %d, loss %.4f, %.0f images/s, %s left\n", program,
            s->step, s->steps, s->loss, s->images_per_second, left);
    return;
  }
  snprintf(line, sizeof line, "%s: %d/%d, loss %.4f, %.0f/s, %s left", program, s->step,
           s->steps, s->loss, s->images_per_second, left);
  fprintf(stderr, "\r%-59.59s%s", line, last ? "\n" : "");
}

// Train and report
// Start with others
/* A check sum of this program's file. */
static void describe_program(char text[16]) {
  size_t size = 0;
  char *bytes = file_read("/proc/self/exe", &size);
  snprintf(text, 16, "%08lx", bytes ? crc32(0, (const Bytef *)bytes, (uInt)size) : 0);
  free(bytes);
}

static bool same_everywhere(const Experiment *e) {
  char text[16], what[80];
  if (world_size() == 1) return true;
  describe_program(text);
  bool same = world_same("the program's check sum", text);
  for (int i = 0; same && i < e->program.count; i++) {
    const Option *option = &e->program.options[i];
    char *value = option_value(option);
    snprintf(what, sizeof what, "--%s", option->name);
    same = strcmp(option->name, "threads") == 0 ||
           strcmp(option->name, "data-dir") == 0 || world_same(what, value);
    free(value);
  }
  return same;
}

static void share_cores(const Experiment *e) {
  const int sharing = world_sharing(), cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
  if (world_size() == 1) return;
  if (!getenv("OMP_NUM_THREADS"))
    omp_set_num_threads(greatest(1, least(omp_get_num_procs(), cores / sharing)));
  if (sharing > cores && world_rank() == 0)
    fprintf(stderr, "%s: %d processes share %d cores: no faster than %d would be\n",
            e->program.name, sharing, cores, cores);
}

static bool start(Experiment *e, int argc, char **argv) {
  const Settings *s = e->settings;
  if (!options_only(&e->program, argc, argv)) return false;
  if (s->resume && s->out)
    return fail("--out: expected none with --resume, found '%s'", s->out);
  if (s->resume && s->overwrite)
    return fail("--overwrite: expected not to be there with --resume");
  if (s->resume && !options_resume(s->resume, &e->program)) return false;
  world_begin(&argc, &argv);
  if (s->threads) omp_set_num_threads(s->threads);
  else share_cores(e);
  return same_everywhere(e);
}

static bool accept(Experiment *e, Plan *plan, Run *run) {
  const Settings *s = e->settings;
  if (!e->prepare(e->state, plan) ||
      !settings_plan(s, plan->examples, plan->passes, plan->micro_batch, &run->config))
    return false;
  run->config.folder = run->folder;
  run->config.every = plan->evaluations ? (run->config.steps + plan->evaluations - 1) /
                                              plan->evaluations : plan->every;
  describe_run(e, plan);
  if (!world_same("the data", plan->data)) return false;
  if (world_rank() > 0) return true;
  if (!take_folder(run, plan, s)) return false;
  if (s->resume || !e->begin || e->begin(e->state, run->folder)) return true;
  folder_unlock(&run->lock);
  return false;
}

static bool stepped(void *watcher, const TrainerStep *step) {
  const Experiment *e = watcher;
  const bool stop = interrupt_wanted();
  if (world_rank() == 0) progress_show(e->program.name, step, step->evaluates || stop);
  return stop;
}

static int train(Experiment *e, Plan *plan, const char *called) {
  Run run = {.folder = plan->folder};
  if (!accept(e, plan, &run)) return failed(e);
  run.config.metadata = &plan->metadata;
  run.config.stepped = stepped, run.config.watcher = e;
  interrupt_watch();
  run.result = trainer_run(&run.config, &plan->task, plan->params);
  interrupt_release();
  const int status = finish(e, plan, &run, called);
  if (world_rank() == 0) folder_unlock(&run.lock);
  return status;
}

/* build/try/MODEL-DATA: the model is in the program's name, the data are an option. */
static void default_folder(const Program *program, char *folder, size_t size) {
  char *value = option_value(option_find(program, "data", strlen("data")));
  snprintf(folder, size, "build/try/%s-%s", program->name + strlen("train-"), value);
  free(value);
}

int experiment_run(Experiment *e, int argc, char **argv) {
  Plan plan = {0};
  char folder[96];
  if (!start(e, argc, argv)) return failed(e);
  plan.params = params_new();
  default_folder(&e->program, folder, sizeof folder);
  const Settings *s = e->settings;
  plan.folder = s->resume ? s->resume : s->out ? s->out : folder;
  const int status = train(e, &plan, argv[0]);
  e->end(e->state);
  metadata_free(&plan.metadata), params_free(plan.params);
  world_end();
  return status;
}
