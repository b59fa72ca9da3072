/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "app/settings.h"

#include <omp.h>
#include <string.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/files.h"
#include "base/least.h"
#include "train/checkpoint.h"

// Start with the options
int settings_start(Settings *s, Program *program, int argc, char **argv) {
  s->called = argv[0];
  if (!options_only(program, argc, argv)) return options_complain(program);
  if (s->resume && s->out) {
    fail("--out: expected none with --resume, found '%s'", s->out);
    return options_complain(program);
  }
  if (s->resume && !checkpoint_load_options(s->resume, program))
    return fail_report(program->name);
  if (s->threads) omp_set_num_threads(s->threads);
  return -1;
}

void settings_folder(Settings *s, const char *name) {
  static char folder[128];
  snprintf(folder, sizeof folder, "build/try/%s", name);
  s->out = s->resume ? s->resume : s->out ? s->out : folder;
}

// Plan the run
bool settings_plan(const Settings *s, int examples, int passes, int micro_batch,
                   TrainerConfig *config) {
  if (examples < s->batch)
    return fail("--batch: expected at most the %d training pictures, found %d",
                examples, s->batch);
  int per_epoch = examples / s->batch;
  long rounds = s->epochs ? s->epochs : passes;
  long all = s->steps ? s->steps : rounds * per_epoch;
  long warm = s->warmup >= 0 ? s->warmup : least(per_epoch / 2, (int)(all / 2));
  // Refuse a run that is too long or only warms up
  if (all > 1000000000)
    return fail("--epochs: expected at most %d passes of %d steps, found %ld",
                1000000000 / per_epoch, per_epoch, rounds);
  if (warm >= all)
    return fail("--warmup: expected less than the %ld steps of the run, found %ld", all,
                warm);
  *config = (TrainerConfig){
      .folder = s->out, .steps = (int)all, .per_epoch = per_epoch, .batch = s->batch,
      .seed = s->seed, .shards = least(s->shards, s->batch),
      .micro_batch = s->micro_batch ? s->micro_batch : micro_batch, .lr = s->lr,
      .decay = s->decay,
      .beta2 = s->beta2, .clip = s->clip, .optimizer = (OptimizerKind)s->optimizer,
      .warmup = (int)warm, .stop_at = s->stop_at, .resume = s->resume != NULL};
  return true;
}

void settings_channel_metadata(Metadata *notes, const Dataset *data) {
  for (int i = 0; i < 2 * data->channels; i++) {
    const int c = i / 2;
    const real value = i % 2 ? data->std[c] : data->mean[c];
    char key[32];
    snprintf(key, sizeof key, "%s%d", i % 2 ? "std" : "mean", c);
    metadata_add(notes, key, "%.9g", (double)value);
  }
}

// Finish a run
int settings_finish(const Settings *s, const Program *program, TrainerResult result) {
  if (result.end == TRAINER_FAILED) return fail_report(program->name);
  if (result.end == TRAINER_DONE) return 0;
  bool elsewhere = strcmp(s->data_dir, "data") != 0;
  fprintf(stderr, "%s: stopped; go on with: %s --resume %s%s%s\n", program->name,
          s->called, s->out, elsewhere ? " --data-dir " : "",
          elsewhere ? s->data_dir : "");
  return 130;
}

FILE *settings_summary(const Settings *s, const Program *program,
                       const TrainerConfig *c, TrainerResult result,
                       const Params *params, char *path) {
  snprintf(path, 1024, "%s/summary.tsv", s->out);
  FILE *file = file_begin(path);
  struct rusage usage;
  if (!file) return NULL;
  getrusage(RUSAGE_SELF, &usage);
  fprintf(file, "test_loss\t%.4f\ntrain_seconds\t%.1f\nparameters\t%zu\n", result.loss,
          result.seconds, params_count(params, true));
  fprintf(file, "images_per_second\t%.0f\npeak_mebibytes\t%ld\n",
          (double)c->steps * c->batch / result.seconds, usage.ru_maxrss / 1024);
  fprintf(file, "steps\t%d\nepochs\t%.3g\n", c->steps,
          (double)c->steps / c->per_epoch);
  for (int i = 0; i < program->count; i++) {
    const Option *option = &program->options[i];
    char text[192];
    option_text(option, text, sizeof text);
    if (!option->transient && strcmp(option->name, "steps") != 0 &&
        strcmp(option->name, "epochs") != 0)
      fprintf(file, "%s\t%s\n", option->name, text);
  }
  return file;
}
