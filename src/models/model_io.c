/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "models/model_io.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/format.h"

// Sizes as notes
typedef enum { FIELD_INT, FIELD_BOOL, FIELD_NUMBER } FieldKind;

/* A field of a configuration in the metadata. One that is optional is 0 or false in a
   run that does not say it, and a switch that is off is not said. */
typedef struct Field {
  const char *key;
  size_t at; /* in the configuration */
  FieldKind kind;
  double low, high;
  bool optional;
} Field;

#define INT_FIELD(KEY, AT, LOW, HIGH) {KEY, AT, FIELD_INT, LOW, HIGH, false}
#define SWITCH_FIELD(KEY, AT) {KEY, AT, FIELD_BOOL, 0, 1, true}
_Static_assert(sizeof(PairLoss) == sizeof(int) && sizeof(TextStyle) == sizeof(int) &&
                   sizeof(GeluKind) == sizeof(int) && sizeof(PoolKind) == sizeof(int) &&
                   sizeof(PositionKind) == sizeof(int) &&
                   sizeof(VitStyle) == sizeof(int) &&
                   sizeof(ConnectorKind) == sizeof(int),
               "choices are kept as ints");

static const Field vit_fields[] = {
    INT_FIELD("image.size", offsetof(VitConfig, image_size), 1, 4096),
    INT_FIELD("image.channels", offsetof(VitConfig, channels), 1, 3),
    INT_FIELD("image.patch", offsetof(VitConfig, patch_size), 1, 4096),
    INT_FIELD("image.width", offsetof(VitConfig, width), 1, 1 << 16),
    INT_FIELD("image.depth", offsetof(VitConfig, depth), 1, 1000),
    INT_FIELD("image.heads", offsetof(VitConfig, heads), 1, 1 << 16),
    INT_FIELD("image.mlp", offsetof(VitConfig, mlp), 1, 1 << 20),
    INT_FIELD("image.position", offsetof(VitConfig, position), 0, POSITION_SINCOS),
    INT_FIELD("image.pool", offsetof(VitConfig, pool), 0, POOL_MAP),
    INT_FIELD("image.style", offsetof(VitConfig, style), 0, STYLE_SIGLIP),
    INT_FIELD("image.gelu", offsetof(VitConfig, gelu), 0, GELU_QUICK),
    {"image.post_norm", offsetof(VitConfig, post_norm), FIELD_BOOL, 0, 1, false},
    {"image.eps", offsetof(VitConfig, eps), FIELD_NUMBER, 0, 1, false},
    SWITCH_FIELD("image.swiglu", offsetof(VitConfig, variant.swiglu)),
    SWITCH_FIELD("image.sub_norm", offsetof(VitConfig, variant.sub_norm)),
    SWITCH_FIELD("image.inner_norm", offsetof(VitConfig, variant.inner_norm)),
    SWITCH_FIELD("image.no_key_bias", offsetof(VitConfig, variant.no_key_bias)),
    SWITCH_FIELD("image.rotary", offsetof(VitConfig, variant.rotary)),
    SWITCH_FIELD("image.branch_norm", offsetof(VitConfig, variant.branch_norm)),
    {0}};
static const Field text_fields[] = {
    INT_FIELD("text.vocabulary", offsetof(TextConfig, vocabulary), TOKENIZER_SYMBOLS + 2,
              1 << 20),
    INT_FIELD("text.context", offsetof(TextConfig, context), 2, 1 << 16),
    INT_FIELD("text.width", offsetof(TextConfig, width), 1, 1 << 16),
    INT_FIELD("text.depth", offsetof(TextConfig, depth), 1, 1000),
    INT_FIELD("text.heads", offsetof(TextConfig, heads), 1, 1 << 16),
    INT_FIELD("text.mlp", offsetof(TextConfig, mlp), 1, 1 << 20),
    INT_FIELD("text.gelu", offsetof(TextConfig, gelu), 0, GELU_QUICK),
    {"text.causal", offsetof(TextConfig, causal), FIELD_BOOL, 0, 1, false},
    {"text.eps", offsetof(TextConfig, eps), FIELD_NUMBER, 0, 1, false},
    {"text.style", offsetof(TextConfig, style), FIELD_INT, 0, TEXT_SIGLIP, true},
    {0}};
static const Field clip_fields[] = {
    {"loss", offsetof(ClipConfig, loss), FIELD_INT, 0, LOSS_SIGMOID_MEAN, true},
    INT_FIELD("embed", offsetof(ClipConfig, embed), 1, 1 << 16),
    SWITCH_FIELD("bare_image", offsetof(ClipConfig, no_image_projection)),
    SWITCH_FIELD("image_bias", offsetof(ClipConfig, image_bias)),
    SWITCH_FIELD("text_bias", offsetof(ClipConfig, text_bias)),
    SWITCH_FIELD("logit_bias", offsetof(ClipConfig, biased)),
    {0}};
static const Field vlm_fields[] = {
    INT_FIELD("connector", offsetof(VlmConfig, connector.kind), 0, CONNECTOR_NONE),
    INT_FIELD("connector.queries", offsetof(VlmConfig, connector.queries), 0, 4096),
    INT_FIELD("connector.heads", offsetof(VlmConfig, connector.heads), 1, 1 << 16),
    SWITCH_FIELD("penultimate", offsetof(VlmConfig, penultimate)),
    SWITCH_FIELD("prefix_lm", offsetof(VlmConfig, prefix_lm)),
    SWITCH_FIELD("separate_output", offsetof(VlmConfig, separate_output)),
    {0}};

static double field_value(const Field *f, const void *config) {
  const char *at = (const char *)config + f->at;
  double number;
  int integer;
  if (f->kind == FIELD_BOOL) return *(const bool *)at;
  if (f->kind == FIELD_NUMBER) return memcpy(&number, at, sizeof number), number;
  return memcpy(&integer, at, sizeof integer), integer;
}

static void add_fields(Metadata *metadata, const Field *f, const void *config) {
  for (; f->key; f++)
    if (f->kind != FIELD_BOOL || !f->optional || field_value(f, config) != 0)
      metadata_add(metadata, f->key, "%.12g", field_value(f, config));
}

void vit_metadata(Metadata *metadata, const VitConfig *config, const char *prefix) {
  add_fields(metadata, vit_fields, config);
  metadata_add(metadata, "image.prefix", "%s", prefix);
}

void clip_metadata(Metadata *metadata, const ClipConfig *config) {
  vit_metadata(metadata, &config->image, "visual.");
  add_fields(metadata, text_fields, &config->text);
  add_fields(metadata, clip_fields, config);
}

void vlm_metadata(Metadata *metadata, const VlmConfig *config) {
  vit_metadata(metadata, &config->image, "visual.");
  add_fields(metadata, text_fields, &config->language);
  add_fields(metadata, vlm_fields, config);
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

static bool read_fields(const Safetensors *file, const char *path, const Field *f,
                        void *config) {
  for (; f->key; f++) {
    char *at = (char *)config + f->at;
    double value = 0;
    const bool there = !f->optional || safetensors_metadata(file, f->key);
    if (there && !read_number(file, path, f->key, f->low, f->high, &value)) return false;
    if (f->kind != FIELD_NUMBER && value != (int)value)
      return fail("%s: metadata %s: expected an integer, found %g", path, f->key, value);
    const int integer = (int)value;
    if (f->kind == FIELD_NUMBER) memcpy(at, &value, sizeof value);
    else if (f->kind == FIELD_BOOL) *(bool *)at = integer;
    else memcpy(at, &integer, sizeof integer);
  }
  return true;
}

static bool read_channels(const Safetensors *file, const char *path, int channels,
                          real *mean, real *std) {
  for (int i = 0; i < 2 * channels; i++) {
    char key[32];
    double number;
    snprintf(key, sizeof key, "%s%d", i % 2 ? "std" : "mean", i / 2);
    if (!read_number(file, path, key, i % 2 ? 1e-6 : -1e6, 1e6, &number)) return false;
    (i % 2 ? std : mean)[i / 2] = (real)number;
  }
  return true;
}

static bool read_vit(const Safetensors *file, const char *path, VitConfig *c,
                     real *mean, real *std) {
  *c = (VitConfig){0};
  if (!read_fields(file, path, vit_fields, c) ||
      !read_channels(file, path, c->channels, mean, std)) return false;
  return vit_check(c) || fail("%s: expected sizes of an image encoder that fit together, "
                              "found others", path);
}

static bool read_clip(const Safetensors *file, const char *path, ClipConfig *c,
                      real *mean, real *std) {
  *c = (ClipConfig){0};
  if (!read_vit(file, path, &c->image, mean, std) ||
      !read_fields(file, path, text_fields, &c->text) ||
      !read_fields(file, path, clip_fields, c)) return false;
  if (!text_check(&c->text))
    return fail("%s: expected sizes of a text encoder that fit together, found others",
                path);
  return clip_check(c) || fail("%s: expected sizes of two encoders that fit together, "
                               "found others", path);
}

static bool read_vlm(const Safetensors *file, const char *path, VlmConfig *c, real *mean,
                     real *std) {
  *c = (VlmConfig){.prefix_lm = false};
  if (!read_vit(file, path, &c->image, mean, std) ||
      !read_fields(file, path, vlm_fields, c) ||
      !read_fields(file, path, text_fields, &c->language)) return false;
  c->connector.side = c->image.image_size / c->image.patch_size;
  c->connector.from = c->image.width, c->connector.to = c->language.width;
  const int tokens = connector_tokens(&c->connector);
  return (vlm_check(c) && c->language.causal && c->language.context > tokens + 2) ||
         fail("%s: expected sizes of an image encoder, a connector and a language model "
              "that fit together, found others", path);
}

// Open a run
/* The table of positions is made when it is declared, so its size is checked first. */
static bool check_positions(const Safetensors *file, const VitConfig *c,
                            const char *prefix) {
  assert(c->patch_size > 0);
  const int side = c->image_size / c->patch_size;
  char name[256];
  snprintf(name, sizeof name, "%spos_embed", prefix);
  return c->position == POSITION_NONE ||
         safetensors_check(file, name, SHAPE(1, side * side + (c->pool == POOL_CLS),
                                             c->width));
}

enum { MOST_PREFIX = 64 };

/* Classes of the head; 0: there is none. */
static int count_classes(const Safetensors *file, const char *prefix) {
  char name[256];
  Shape shape;
  snprintf(name, sizeof name, "%shead.weight", prefix);
  return safetensors_sizes(file, name, &shape) && shape.rank == 2 ? shape.size[0] : 0;
}

static bool fill(const Safetensors *file, Params *params, bool trained, uint64_t seed) {
  if (!parameters_match(file, params)) return false;
  params_fill(params, seed);
  if (trained) parameters_load(file, params);
  return true;
}

/* The model of a run, and its path; NULL with a message. */
static Safetensors *open_model(const char *folder, char path[PATH_MAX]) {
  return path_join(path, folder, "model.safetensors") ? safetensors_read(path) : NULL;
}

bool run_is(const char *folder, bool *two) {
  char path[PATH_MAX];
  if (!path_join(path, folder, "model.safetensors") || access(path, F_OK) != 0)
    return false;
  Safetensors *file = safetensors_read(path);
  const bool ours = file && safetensors_metadata(file, "image.size");
  *two = ours && safetensors_metadata(file, "embed");
  if (file) safetensors_free(file);
  return ours;
}

static bool open_vit(LoadedVit *s, const char *folder, bool trained, uint64_t seed,
                     bool whole) {
  char path[PATH_MAX];
  VitConfig config;
  Safetensors *file = open_model(folder, path);
  *s = (LoadedVit){.params = params_new()};
  bool good = file && read_vit(file, path, &config, s->mean, s->std);
  const char *prefix = good ? safetensors_metadata(file, "image.prefix") : NULL;
  if (good && !prefix) good =
      fail("%s: expected metadata image.prefix, found none", path);
  else if (good && strlen(prefix) > MOST_PREFIX)
    good = fail("%s: metadata image.prefix: expected at most %d characters, found %zu",
                path, MOST_PREFIX, strlen(prefix));
  good = good && check_positions(file, &config, prefix);
  if (good && whole) config.classes = count_classes(file, prefix);
  if (good) s->prefix = params_name(s->params, "%s", prefix);
  if (good) s->vit = vit_declare(s->params, s->prefix, config);
  good = good && fill(file, s->params, trained, seed);
  if (file) safetensors_free(file);
  if (!good) vit_close(s);
  return good;
}

bool vit_open(LoadedVit *s, const char *folder, bool trained, uint64_t seed) {
  return open_vit(s, folder, trained, seed, false);
}

bool vit_open_whole(LoadedVit *s, const char *folder) {
  return open_vit(s, folder, true, 0, true);
}

static Tokenizer *open_tokenizer(const char *folder, int vocabulary) {
  char path[PATH_MAX];
  Tokenizer *tokenizer =
      path_join(path, folder, "merges.txt")
          ? tokenizer_load(path, vocabulary - TOKENIZER_SYMBOLS - 2) : NULL;
  if (!tokenizer || tokenizer_size(tokenizer) == vocabulary) return tokenizer;
  fail("%s: expected %d tokens, found %d", path, vocabulary, tokenizer_size(tokenizer));
  tokenizer_free(tokenizer);
  return NULL;
}

bool vlm_open(LoadedVlm *s, const char *folder) {
  char path[PATH_MAX];
  VlmConfig config;
  Safetensors *file = open_model(folder, path);
  *s = (LoadedVlm){.params = params_new()};
  bool good = file && read_vlm(file, path, &config, s->mean, s->std);
  good = good && check_positions(file, &config.image, "visual.");
  if (good) s->vlm = vlm_declare(s->params, config);
  good = good && fill(file, s->params, true, 0);
  if (file) safetensors_free(file);
  good = good && (s->tokenizer = open_tokenizer(folder, config.language.vocabulary));
  if (!good) vlm_close(s);
  return good;
}

bool clip_open(LoadedClip *s, const char *folder) {
  char path[PATH_MAX];
  ClipConfig config;
  Safetensors *file = open_model(folder, path);
  *s = (LoadedClip){.params = params_new()};
  bool good = file && read_clip(file, path, &config, s->mean, s->std);
  good = good && check_positions(file, &config.image, "visual.");
  if (good) s->clip = clip_declare(s->params, config);
  good = good && fill(file, s->params, true, 0);
  if (file) safetensors_free(file);
  good = good && (s->tokenizer = open_tokenizer(folder, config.text.vocabulary));
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

Image encoder_pixels(const VitConfig *c, const real *mean, const real *std,
                     const Image *image, real *planes) {
  const int S = c->image_size;
  Image square = image_square(image, S);
  image_normalize(planes, square.pixels, c->channels, S, S, mean, std);
  return square;
}

Tensor *encoder_picture(Tape *tape, const VitConfig *c, const real *mean,
                        const real *std, const char *path, Image *square) {
  const int S = c->image_size;
  Image image;
  if (!image_load(&image, path, c->channels)) return NULL;
  Tensor *x = tape_tensor(tape, "image", SHAPE(1, c->channels, S, S));
  Image own = encoder_pixels(c, mean, std, &image, x->value);
  image_free(&image);
  if (square) *square = own;
  else image_free(&own);
  return x;
}

void vit_close(LoadedVit *s) {
  params_free(s->params);
  *s = (LoadedVit){0};
}

void vlm_close(LoadedVlm *s) {
  params_free(s->params);
  if (s->tokenizer) tokenizer_free(s->tokenizer);
  *s = (LoadedVlm){0};
}

void clip_close(LoadedClip *s) {
  params_free(s->params);
  if (s->tokenizer) tokenizer_free(s->tokenizer);
  *s = (LoadedClip){0};
}
