/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "app/settings.h"

#include "base/error.h"
#include "base/memory.h"
#include "train/world.h"

// Keep and take up the options of a run
void options_metadata(const Program *program, Metadata *metadata) {
  for (int i = 0; i < program->count; i++) {
    const Option *option = &program->options[i];
    char key[80], *value = option_value(option);
    snprintf(key, sizeof key, "option.%s", option->name);
    if (!option->transient) metadata_add(metadata, key, "%s", value);
    free(value);
  }
}

static bool resume_option(const Safetensors *file, const char *folder, Option *option) {
  char key[80];
  snprintf(key, sizeof key, "option.%s", option->name);
  const char *text = safetensors_metadata(file, key);
  if (option->transient) return true;
  if (option->given)
    return fail("--%s: cannot be changed when a run is resumed", option->name);
  if (!text)
    return fail("%s/checkpoint.safetensors: expected metadata %s, found none", folder,
                key);
  if (option->kind == OPTION_TEXT) text = text_copy(text); /* stays for the run */
  if (option_set(option, text)) return true;
  char why[512];
  snprintf(why, sizeof why, "%s", fail_message());
  return fail("%s/checkpoint.safetensors: %s", folder, why);
}

bool options_resume(const char *folder, Program *program) {
  Safetensors *file = checkpoint_open(folder);
  bool good = file != NULL;
  for (int i = 0; good && i < program->count; i++)
    good = resume_option(file, folder, &program->options[i]);
  if (file) safetensors_free(file);
  return good;
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
  if (least(s->shards, s->batch) < world_size())
    return fail("--shards: expected at least the %d processes, found %d", world_size(),
                least(s->shards, s->batch));
  // Refuse a run that is too long or only warms up
  if (all > 1000000000)
    return fail("--epochs: expected at most %d passes of %d steps, found %ld",
                1000000000 / per_epoch, per_epoch, rounds);
  if (warm >= all)
    return fail("--warmup: expected less than the %ld steps of the run, found %ld", all,
                warm);
  *config = (TrainerConfig){
      .steps = (int)all, .per_epoch = per_epoch, .batch = s->batch, .seed = s->seed,
      .shards = least(s->shards, s->batch), .lr = s->lr, .decay = s->decay,
      .micro_batch = s->micro_batch ? s->micro_batch : micro_batch, .beta2 = s->beta2,
      .clip = s->clip, .optimizer = (OptimizerKind)s->optimizer,
      .split = s->split && world_size() > 1, .warmup = (int)warm,
      .precision = (Precision)s->precision,
      .stop_at = s->stop_at, .resume = s->resume != NULL};
  return true;
}
