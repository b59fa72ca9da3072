/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "train/checkpoint.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
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

void metadata_add(Metadata *notes, const char *key, const char *format, ...) {
  assert(notes->count < (int)(sizeof notes->list / sizeof *notes->list));
  SafetensorsMetadata *note = &notes->list[notes->count++];
  va_list arguments;
  va_start(arguments, format);
  snprintf(note->key, sizeof note->key, "%s", key);
  vsnprintf(note->value, sizeof note->value, format, arguments);
  va_end(arguments);
}

static int make_metadata(SafetensorsMetadata *notes, Progress progress,
                         const Metadata *data, const Program *program) {
  int count = 0;
  for (; count < data->count; count++) notes[count] = data->list[count];
  SafetensorsMetadata *note = &notes[count++];
  *note = (SafetensorsMetadata){"step", ""};
  snprintf(note->value, sizeof note->value, "%d", progress.step);
  note = &notes[count++];
  *note = (SafetensorsMetadata){"seconds", ""};
  snprintf(note->value, sizeof note->value, "%.3f", progress.seconds);
  for (int i = 0; i < program->count; i++) {
    const Option *option = &program->options[i];
    if (option->transient) continue;
    note = &notes[count++];
    snprintf(note->key, sizeof note->key, "option.%s", option->name);
    option_text(option, note->value, sizeof note->value);
  }
  return count;
}

// Save a checkpoint
bool checkpoint_save(const char *folder, const Optimizer *o, Progress progress,
                     const Metadata *data, const Program *program) {
  char path[1024];
  size_t most = 3 * (size_t)o->params->count;
  Contents c = {allocate(most, sizeof *c.items), allocate(most, sizeof *c.names), 0};
  SafetensorsMetadata *notes =
      allocate((size_t)(program->count + data->count) + 2, sizeof *notes);
  int metadata_count = make_metadata(notes, progress, data, program);
  add_items(&c, o->params, "", o->params->value);
  add_items(&c, o->params, "adamw.m.", o->m);
  add_items(&c, o->params, "adamw.v.", o->v);
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  bool good = safetensors_write(path, c.items, c.count, notes, metadata_count);
  snprintf(path, sizeof path, "%s/model.safetensors", folder);
  good = good &&
  safetensors_write(path, c.items, o->params->count, notes, metadata_count);
  free(notes);
  free(c.items);
  free(c.names);
  return good;
}

// Take the options of a run
static Safetensors *open_checkpoint(const char *folder) {
  char path[1024];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  return safetensors_read(path);
}

static bool take_option(const Safetensors *file, const char *folder, Option *option) {
  char key[80];
  snprintf(key, sizeof key, "option.%s", option->name);
  const char *text = safetensors_metadata(file, key);
  if (option->transient) return true;
  if (option->given)
    return fail("--%s: cannot be changed when a run is resumed", option->name);
  if (!text)
    return fail("%s/checkpoint.safetensors: expected a note %s, found none", folder,
                key);
  if (option->kind == OPTION_TEXT) text = text_copy(text); /* stays for the run */
  if (option_set(option, text)) return true;
  char why[512];
  snprintf(why, sizeof why, "%s", fail_message());
  return fail("%s/checkpoint.safetensors: %s", folder, why);
}

bool checkpoint_load_options(const char *folder, Program *program) {
  Safetensors *file = open_checkpoint(folder);
  bool good = file != NULL;
  for (int i = 0; good && i < program->count; i++)
    good = take_option(file, folder, &program->options[i]);
  if (file) safetensors_free(file);
  return good;
}

// Load tensors into the table
/* First check all, then copy all. */
static bool load_array(const Safetensors *file, const Params *params,
                       const char *prefix, real *array, bool copy) {
  for (int i = 0; i < params->count; i++) {
    const Parameter *p = &params->list[i];
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, p->tensor->name);
    if (copy) safetensors_get(file, name, array + p->offset);
    else if (!safetensors_check(file, name, p->tensor->shape)) return false;
  }
  return true;
}

bool parameters_match(const Safetensors *file, const Params *params) {
  return load_array(file, params, "", params->value, false);
}

void parameters_load(const Safetensors *file, Params *params) {
  load_array(file, params, "", params->value, true);
}

// Load a checkpoint
/* A note that is a number from 0 on, up to a limit; false without a message. */
static bool read_metadata(const Safetensors *file, const char *key, double most,
                          double *value) {
  const char *text = safetensors_metadata(file, key);
  char *end;
  if (!text) return false;
  *value = strtod(text, &end);
  return end != text && !*end && *value >= 0 && *value <= most;
}

bool checkpoint_load(const char *folder, Optimizer *o, Progress *progress) {
  Safetensors *file = open_checkpoint(folder);
  if (!file) return false;
  double step = 0, seconds = 0;
  bool good = read_metadata(file, "step", 1e9, &step) && step == floor(step) &&
              read_metadata(file, "seconds", 1e12, &seconds);
  if (!good)
    fail("%s/checkpoint.safetensors: expected notes step and seconds that are numbers, "
         "found step %s", folder, safetensors_metadata(file, "step") ?
         safetensors_metadata(file, "step") : "none");
  for (int copy = 0; good && copy < 2; copy++)
    good = load_array(file, o->params, "", o->params->value, copy) &&
           load_array(file, o->params, "adamw.m.", o->m, copy) &&
           load_array(file, o->params, "adamw.v.", o->v, copy);
  if (good) {
    *progress = (Progress){(int)step, seconds};
    o->steps = progress->step;
  }
  safetensors_free(file);
  return good;
}
