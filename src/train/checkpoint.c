/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "train/checkpoint.h"

#include <math.h>

#include "base/error.h"
#include "base/files.h"
#include "base/format.h"
#include "base/memory.h"

// Collect what is to be written
typedef struct Contents {
  SafetensorsItem *items;
  char (*names)[256];
  int count;
} Contents;

/* Add each parameter's part of `array`, which is laid out like the table. */
static void add_items(Contents *c, const Params *params, const char *prefix,
                      const real *array) {
  for (int i = 0; i < params->count; i++) {
    const Parameter *p = &params->list[i];
    snprintf(c->names[c->count], sizeof *c->names, "%s%s", prefix, p->tensor->name);
    c->items[c->count] = (SafetensorsItem){c->names[c->count], p->tensor->shape,
                                           array + p->offset};
    c->count++;
  }
}

static Metadata all_metadata(Progress progress, const Metadata *given) {
  Metadata all = {0};
  for (int i = 0; given && i < given->count; i++)
    metadata_add(&all, given->list[i].key, "%s", given->list[i].value);
  metadata_add(&all, "step", "%d", progress.step);
  metadata_add(&all, "seconds", "%.3f", progress.seconds);
  return all;
}

// Save a checkpoint
bool checkpoint_save(const char *folder, const Optimizer *o, Progress progress,
                     const Metadata *metadata) {
  char path[PATH_MAX], model[PATH_MAX];
  size_t most = 3 * (size_t)o->params->count;
  Contents c = {allocate(most, sizeof *c.items), allocate(most, sizeof *c.names), 0};
  Metadata all = all_metadata(progress, metadata);
  add_items(&c, o->params, "", o->params->value);
  add_items(&c, o->params, "adamw.m.", o->m);
  add_items(&c, o->params, "adamw.v.", o->v);
  bool good = path_join(path, folder, "checkpoint.safetensors") &&
              path_join(model, folder, "model.safetensors") &&
              safetensors_write(path, c.items, c.count, &all) &&
              safetensors_write(model, c.items, o->params->count, &all);
  metadata_free(&all), free(c.items), free(c.names);
  return good;
}

Safetensors *checkpoint_open(const char *folder) {
  char path[PATH_MAX];
  if (!path_join(path, folder, "checkpoint.safetensors")) return NULL;
  return safetensors_read(path);
}

// Load tensors into the table
/* First check all, then copy all. */
static bool load_array(const Safetensors *file, const Params *params,
                       const char *prefix, real *array, size_t base, bool copy) {
  for (int i = 0; i < params->count; i++) {
    const Parameter *p = &params->list[i];
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, p->tensor->name);
    if (copy) safetensors_get(file, name, array + (p->offset - base));
    else if (!safetensors_check(file, name, p->tensor->shape)) return false;
  }
  return true;
}

bool parameters_match(const Safetensors *file, const Params *params) {
  return load_array(file, params, "", params->value, 0, false);
}

void parameters_load(const Safetensors *file, Params *params) {
  load_array(file, params, "", params->value, 0, true);
}

// Load a checkpoint
/* Metadata that is a number from 0 on, up to a limit; false without a message. */
static bool read_metadata(const Safetensors *file, const char *key, double most,
                          double *value) {
  const char *text = safetensors_metadata(file, key);
  return text && text_number(text, value) && *value >= 0 && *value <= most;
}

bool checkpoint_load(const char *folder, Optimizer *o, Progress *progress) {
  Safetensors *file = checkpoint_open(folder);
  if (!file) return false;
  double step = 0, seconds = 0;
  bool good = read_metadata(file, "step", 1e9, &step) && step == floor(step) &&
              read_metadata(file, "seconds", 1e12, &seconds);
  if (!good)
    fail("%s/checkpoint.safetensors: expected step and seconds that are numbers, "
         "found step %s", folder, safetensors_metadata(file, "step") ?
         safetensors_metadata(file, "step") : "none");
  Params own = *o->params; /* those whose moments the optimiser has */
  own.list += o->first, own.count = o->last - o->first;
  for (int copy = 0; good && copy < 2; copy++)
    good = load_array(file, o->params, "", o->params->value, 0, copy) &&
           load_array(file, &own, "adamw.m.", o->m, o->base, copy) &&
           load_array(file, &own, "adamw.v.", o->v, o->base, copy);
  if (good) {
    *progress = (Progress){(int)step, seconds};
    o->steps = progress->step;
  }
  safetensors_free(file);
  return good;
}
