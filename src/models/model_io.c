/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "models/model_io.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/format.h"

// Sizes as notes
typedef struct Size {
  const char *key;
  size_t at; /* of an int in the configuration */
  int low, high;
} Size;

static const Size vit_sizes[] = {
    {"image.size", offsetof(VitConfig, image_size), 1, 4096},
    {"image.channels", offsetof(VitConfig, channels), 1, 3},
    {"image.patch", offsetof(VitConfig, patch_size), 1, 4096},
    {"image.width", offsetof(VitConfig, width), 1, 1 << 16},
    {"image.depth", offsetof(VitConfig, depth), 1, 1000},
    {"image.heads", offsetof(VitConfig, heads), 1, 1 << 16},
    {"image.mlp", offsetof(VitConfig, mlp), 1, 1 << 20},
    {"image.position", offsetof(VitConfig, position), 0, POSITION_SINCOS},
    {"image.pool", offsetof(VitConfig, pool), 0, POOL_MAP},
    {"image.style", offsetof(VitConfig, style), 0, STYLE_SIGLIP},
    {"image.gelu", offsetof(VitConfig, gelu), 0, GELU_QUICK},
    {NULL, 0, 0, 0}};
static const Size text_sizes[] = {
    {"text.vocabulary", offsetof(TextConfig, vocabulary), TOKENIZER_SYMBOLS + 2, 1 << 20},
    {"text.context", offsetof(TextConfig, context), 2, 1 << 16},
    {"text.width", offsetof(TextConfig, width), 1, 1 << 16},
    {"text.depth", offsetof(TextConfig, depth), 1, 1000},
    {"text.heads", offsetof(TextConfig, heads), 1, 1 << 16},
    {"text.mlp", offsetof(TextConfig, mlp), 1, 1 << 20},
    {"text.gelu", offsetof(TextConfig, gelu), 0, GELU_QUICK},
    {NULL, 0, 0, 0}};
static const Size clip_sizes[] = {{"embed", offsetof(ClipConfig, embed), 1, 1 << 16},
                                  {NULL, 0, 0, 0}};

/* What only some dual encoders have: 0 in a run that says nothing of it. */
static const Size clip_choices[] = {
    {"loss", offsetof(ClipConfig, loss), 0, LOSS_SIGMOID_MEAN},
    {"text.style", offsetof(ClipConfig, text.style), 0, TEXT_SIGLIP},
    {NULL, 0, 0, 0}};

_Static_assert(sizeof(PairLoss) == sizeof(int) && sizeof(TextStyle) == sizeof(int) &&
                   sizeof(GeluKind) == sizeof(int) && sizeof(PoolKind) == sizeof(int) &&
                   sizeof(PositionKind) == sizeof(int) && sizeof(VitStyle) == sizeof(int),
               "choices are kept as ints");

/* Switches of the blocks; a run that says nothing about one has it off. */
static const struct {
  const char *key;
  size_t at; /* of a bool in the variant */
} switches[] = {{"image.swiglu", offsetof(BlockVariant, swiglu)},
                {"image.sub_norm", offsetof(BlockVariant, sub_norm)},
                {"image.inner_norm", offsetof(BlockVariant, inner_norm)},
                {"image.no_key_bias", offsetof(BlockVariant, no_key_bias)},
                {"image.rotary", offsetof(BlockVariant, rotary)},
                {"image.branch_norm", offsetof(BlockVariant, branch_norm)}};
enum { SWITCHES = sizeof switches / sizeof *switches };
static const struct {
  const char *key;
  size_t at; /* of a bool in the configuration */
} clip_switches[] = {{"bare_image", offsetof(ClipConfig, no_image_projection)},
                     {"text_bias", offsetof(ClipConfig, text_bias)},
                     {"logit_bias", offsetof(ClipConfig, biased)}};
enum { CLIP_SWITCHES = sizeof clip_switches / sizeof *clip_switches };

static void add_sizes(Metadata *notes, const Size *size, const void *config) {
  for (; size->key; size++) {
    int value;
    memcpy(&value, (const char *)config + size->at, sizeof value);
    metadata_add(notes, size->key, "%d", value);
  }
}

static bool read_number(const Safetensors *file, const char *path, const char *key,
                        double low, double high, double *value) {
  const char *text = safetensors_metadata(file, key);
  *value = 0;
  if (!text) return fail("%s: expected metadata %s, found none", path, key);
  if (!text_number(text, value) || !(*value >= low && *value <= high))
    return fail("%s: metadata %s: expected a number from %g to %g, found '%s'", path, key,
                low, high, text);
  return true;
}

static bool read_integer(const Safetensors *file, const char *path, const char *key,
                         int low, int high, int *value) {
  double number;
  if (!read_number(file, path, key, low, high, &number)) return false;
  *value = (int)number;
  if (number == *value) return true;
  return fail("%s: metadata %s: expected an integer, found %g", path, key, number);
}

static bool read_sizes(const Safetensors *file, const char *path, const Size *size,
                       void *config) {
  for (; size->key; size++) {
    int value;
    if (!read_integer(file, path, size->key, size->low, size->high, &value)) return false;
    memcpy((char *)config + size->at, &value, sizeof value);
  }
  return true;
}

void vit_metadata(Metadata *notes, const VitConfig *config, const char *prefix) {
  add_sizes(notes, vit_sizes, config);
  metadata_add(notes, "image.post_norm", "%d", config->post_norm);
  metadata_add(notes, "image.eps", "%g", config->eps);
  metadata_add(notes, "image.prefix", "%s", prefix);
  for (int i = 0; i < SWITCHES; i++)
    if (*((const bool *)((const char *)&config->variant + switches[i].at)))
      metadata_add(notes, switches[i].key, "1");
}

void clip_metadata(Metadata *notes, const ClipConfig *config) {
  vit_metadata(notes, &config->image, "visual.");
  add_sizes(notes, text_sizes, &config->text);
  add_sizes(notes, clip_sizes, config);
  add_sizes(notes, clip_choices, config);
  for (int i = 0; i < CLIP_SWITCHES; i++)
    if (*(const bool *)((const char *)config + clip_switches[i].at))
      metadata_add(notes, clip_switches[i].key, "1");
  metadata_add(notes, "text.causal", "%d", config->text.causal);
  metadata_add(notes, "text.eps", "%g", config->text.eps);
}

/* A switch: what is not noted is off. */
static bool read_switch(const Safetensors *file, const char *path, const char *key,
                        bool *on) {
  int value = 0;
  if (safetensors_metadata(file, key) && !read_integer(file, path, key, 0, 1, &value))
    return false;
  *on = value;
  return true;
}

static bool read_switches(const Safetensors *file, const char *path, VitConfig *c) {
  int on;
  if (!read_integer(file, path, "image.post_norm", 0, 1, &on)) return false;
  c->post_norm = on;
  for (int i = 0; i < SWITCHES; i++)
    if (!read_switch(file, path, switches[i].key,
                     (bool *)((char *)&c->variant + switches[i].at)))
      return false;
  return true;
}

static bool read_clip_choices(const Safetensors *file, const char *path, ClipConfig *c) {
  for (const Size *choice = clip_choices; choice->key; choice++) {
    int value = 0;
    if (safetensors_metadata(file, choice->key) &&
        !read_integer(file, path, choice->key, choice->low, choice->high, &value))
      return false;
    memcpy((char *)c + choice->at, &value, sizeof value);
  }
  for (int i = 0; i < CLIP_SWITCHES; i++)
    if (!read_switch(file, path, clip_switches[i].key,
                     (bool *)((char *)c + clip_switches[i].at)))
      return false;
  return true;
}

static bool read_channels(const Safetensors *file, const char *path, int channels,
                          real *mean, real *std) {
  for (int i = 0; i < channels; i++) {
    char key[2][32];
    double number;
    snprintf(key[0], sizeof key[0], "mean%d", i);
    snprintf(key[1], sizeof key[1], "std%d", i);
    if (!read_number(file, path, key[0], -1e6, 1e6, &number)) return false;
    mean[i] = (real)number;
    if (!read_number(file, path, key[1], 1e-6, 1e6, &number)) return false;
    std[i] = (real)number;
  }
  return true;
}

static bool read_vit(const Safetensors *file, const char *path, VitConfig *c,
                     real *mean, real *std) {
  *c = (VitConfig){0};
  if (!read_sizes(file, path, vit_sizes, c) || !read_switches(file, path, c) ||
      !read_number(file, path, "image.eps", 0, 1, &c->eps) ||
      !read_channels(file, path, c->channels, mean, std))
    return false;
  if (!vit_check(c))
    return fail("%s: expected sizes of an image encoder that fit together, found others",
                path);
  return true;
}

static bool read_clip(const Safetensors *file, const char *path, ClipConfig *c,
                      real *mean, real *std) {
  int causal;
  *c = (ClipConfig){0};
  if (!read_vit(file, path, &c->image, mean, std) ||
      !read_sizes(file, path, text_sizes, &c->text) ||
      !read_sizes(file, path, clip_sizes, c) || !read_clip_choices(file, path, c) ||
      !read_integer(file, path, "text.causal", 0, 1, &causal) ||
      !read_number(file, path, "text.eps", 0, 1, &c->text.eps))
    return false;
  c->text.causal = causal;
  if (!text_check(&c->text))
    return fail("%s: expected sizes of a text encoder that fit together, found others",
                path);
  if (!clip_check(c))
    return fail("%s: expected sizes of two encoders that fit together, found others",
                path);
  return true;
}

// Open a run
/* The table of positions is made when it is declared, so its size is checked first. */
static bool check_positions(const Safetensors *file, const VitConfig *c,
                            const char *prefix) {
  const int side = c->image_size / c->patch_size;
  char name[256];
  snprintf(name, sizeof name, "%spos_embed", prefix);
  return c->position == POSITION_NONE ||
         safetensors_check(file, name, SHAPE(1, side * side + (c->pool == POOL_CLS),
                                             c->width));
}

static bool fill(const Safetensors *file, Params *params, bool trained, uint64_t seed) {
  if (!parameters_match(file, params)) return false;
  params_fill(params, seed);
  if (trained) parameters_load(file, params);
  return true;
}

bool vit_open(LoadedVit *s, const char *folder, bool trained, uint64_t seed) {
  char path[PATH_MAX];
  VitConfig config;
  Safetensors *file =
      path_join(path, folder, "model.safetensors") ? safetensors_read(path) : NULL;
  *s = (LoadedVit){.params = params_new()};
  bool good = file && read_vit(file, path, &config, s->mean, s->std);
  const char *prefix = good ? safetensors_metadata(file, "image.prefix") : NULL;
  if (good && !prefix) good =
      fail("%s: expected metadata image.prefix, found none", path);
  good = good && check_positions(file, &config, prefix);
  if (good) s->prefix = params_name(s->params, "%s", prefix);
  if (good) s->vit = vit_declare(s->params, s->prefix, config);
  good = good && fill(file, s->params, trained, seed);
  if (file) safetensors_free(file);
  if (!good) vit_close(s);
  return good;
}

bool clip_open(LoadedClip *s, const char *folder) {
  char path[PATH_MAX];
  ClipConfig config;
  Safetensors *file =
      path_join(path, folder, "model.safetensors") ? safetensors_read(path) : NULL;
  *s = (LoadedClip){.params = params_new()};
  bool good = file && read_clip(file, path, &config, s->mean, s->std);
  good = good && check_positions(file, &config.image, "visual.");
  if (good) s->clip = clip_declare(s->params, config);
  good = good && fill(file, s->params, true, 0);
  if (file) safetensors_free(file);
  good = good && path_join(path, folder, "merges.txt");
  if (good)
    s->tokenizer =
        tokenizer_load(path, config.text.vocabulary - TOKENIZER_SYMBOLS - 2);
  good = good && s->tokenizer;
  if (good && tokenizer_size(s->tokenizer) != config.text.vocabulary)
    good = fail("%s: expected %d tokens, found %d", path, config.text.vocabulary,
                tokenizer_size(s->tokenizer));
  if (!good) clip_close(s);
  return good;
}

bool encoder_takes(const VitConfig *c, const real *mean, const real *std, Dataset *data,
                   const char *blame) {
  if (c->image_size != data->height || c->image_size != data->width ||
      c->channels != data->channels)
    return fail("%s: expected an encoder for %d x %d pictures of %d channels, found one "
                "for %d x %d of %d", blame, data->height, data->width, data->channels,
                c->image_size, c->image_size, c->channels);
  dataset_normalize_with(data, mean, std);
  return true;
}

bool vit_takes(const LoadedVit *loaded, Dataset *data, const char *blame) {
  return encoder_takes(&loaded->vit.config, loaded->mean, loaded->std, data, blame);
}

void vit_copy_parameters(const LoadedVit *from, Params *params, const char *prefix) {
  for (int i = 0; i < from->params->count; i++) {
    const Tensor *value = from->params->list[i].tensor;
    char name[256];
    snprintf(name, sizeof name, "%s%s", prefix, value->name + strlen(from->prefix));
    const Parameter *own = params_find(params, name);
    assert(own && tensor_size(own->tensor) == tensor_size(value));
    memcpy(own->tensor->value, value->value, tensor_size(value) * sizeof(real));
  }
}

void vit_close(LoadedVit *s) {
  params_free(s->params);
  *s = (LoadedVit){0};
}

void clip_close(LoadedClip *s) {
  params_free(s->params);
  if (s->tokenizer) tokenizer_free(s->tokenizer);
  *s = (LoadedClip){0};
}
