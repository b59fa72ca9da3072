/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "models/published.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "io/json_text.h"
#include "io/safetensors.h"
#include "models/presets.h"

// A line of a family's table
typedef enum {
  AS_IT_IS,
  TRANSPOSED,  /* [in][out] there */
  THREE,       /* q, k and v by themselves, to be stacked */
  FIRST_THIRD, /* of a stack of q, k and v, only q */
  REST,        /* and only k and v */
  PIXELS_LAST  /* rows are (row, column, channel) there, (channel, row, column) here */
} Layout;

typedef struct Line {
  const char *ours, *theirs;
  Layout layout;
} Line;

// The tables
#define RESBLOCKS(OURS, THEIRS)                                                        \
  {OURS "norm1", THEIRS "ln_1", AS_IT_IS}, {OURS "norm2", THEIRS "ln_2", AS_IT_IS},    \
      {OURS "attn.qkv.weight", THEIRS "attn.in_proj_weight", AS_IT_IS},                \
      {OURS "attn.qkv.bias", THEIRS "attn.in_proj_bias", AS_IT_IS},                    \
      {OURS "attn.proj", THEIRS "attn.out_proj", AS_IT_IS},                            \
      {OURS "mlp.fc1", THEIRS "mlp.c_fc", AS_IT_IS},                                   \
      {OURS "mlp.fc2", THEIRS "mlp.c_proj", AS_IT_IS}

static const Line clip_lines[] = {
    {"visual.cls_token", "visual.class_embedding", AS_IT_IS},
    {"visual.pos_embed", "visual.positional_embedding", AS_IT_IS},
    {"visual.patch_embed.proj", "visual.conv1", AS_IT_IS},
    {"visual.norm_pre", "visual.ln_pre", AS_IT_IS},
    RESBLOCKS("visual.blocks.*.", "visual.transformer.resblocks.*."),
    {"visual.norm", "visual.ln_post", AS_IT_IS},
    {"visual_projection.weight", "visual.proj", TRANSPOSED},
    {"text.token_embedding", "@token_embedding", AS_IT_IS},
    {"text.positional_embedding", "@positional_embedding", AS_IT_IS},
    RESBLOCKS("text.blocks.*.", "@transformer.resblocks.*."),
    {"text.ln_final", "@ln_final", AS_IT_IS},
    {"text_projection.weight", "@text_projection", TRANSPOSED},
    {"logit_scale", "logit_scale", AS_IT_IS},
    {0}};
#define TOWER(OURS, THEIRS)                                                     \
  {OURS "blocks.*.norm1", THEIRS "encoder.layers.*.layer_norm1", AS_IT_IS},      \
      {OURS "blocks.*.norm2", THEIRS "encoder.layers.*.layer_norm2", AS_IT_IS},  \
      {OURS "blocks.*.attn.qkv", THEIRS "encoder.layers.*.self_attn.#_proj",     \
       THREE},                                                                   \
      {OURS "blocks.*.attn.proj", THEIRS "encoder.layers.*.self_attn.out_proj",  \
       AS_IT_IS},                                                                \
      {OURS "blocks.*.mlp.fc1", THEIRS "encoder.layers.*.mlp.fc1", AS_IT_IS},    \
      {OURS "blocks.*.mlp.fc2", THEIRS "encoder.layers.*.mlp.fc2", AS_IT_IS}
#define BOTH_TOWERS                                                               \
  {"visual.pos_embed", "vision_model.embeddings.position_embedding.weight",       \
   AS_IT_IS},                                                                     \
      {"visual.patch_embed.proj", "vision_model.embeddings.patch_embedding",      \
       AS_IT_IS},                                                                 \
      TOWER("visual.", "vision_model."),                                          \
      {"visual.norm", "vision_model.post_layernorm", AS_IT_IS},                   \
      {"text.token_embedding", "text_model.embeddings.token_embedding", AS_IT_IS}, \
      {"text.positional_embedding",                                               \
       "text_model.embeddings.position_embedding.weight", AS_IT_IS},              \
      TOWER("text.", "text_model."),                                              \
      {"text.ln_final", "text_model.final_layer_norm", AS_IT_IS},                 \
      {"logit_scale", "logit_scale", AS_IT_IS}

static const Line hf_clip_lines[] = {
    BOTH_TOWERS,
    {"visual.cls_token", "vision_model.embeddings.class_embedding", AS_IT_IS},
    {"visual.norm_pre", "vision_model.pre_layrnorm", AS_IT_IS},
    {"visual_projection", "visual_projection", AS_IT_IS},
    {"text_projection", "text_projection", AS_IT_IS},
    {0}};
static const Line hf_siglip_lines[] = {
    BOTH_TOWERS,
    {"visual.attn_pool.latent", "vision_model.head.probe", AS_IT_IS},
    {"visual.attn_pool.q.weight", "vision_model.head.attention.in_proj_weight",
     FIRST_THIRD},
    {"visual.attn_pool.q.bias", "vision_model.head.attention.in_proj_bias", FIRST_THIRD},
    {"visual.attn_pool.kv.weight", "vision_model.head.attention.in_proj_weight", REST},
    {"visual.attn_pool.kv.bias", "vision_model.head.attention.in_proj_bias", REST},
    {"visual.attn_pool.proj", "vision_model.head.attention.out_proj", AS_IT_IS},
    {"visual.attn_pool.norm", "vision_model.head.layernorm", AS_IT_IS},
    {"visual.attn_pool.mlp.fc1", "vision_model.head.mlp.fc1", AS_IT_IS},
    {"visual.attn_pool.mlp.fc2", "vision_model.head.mlp.fc2", AS_IT_IS},
    {"text_projection", "text_model.head", AS_IT_IS},
    {"logit_bias", "logit_bias", AS_IT_IS},
    {0}};
static const Line hf_vit_lines[] = {
    {"cls_token", "@embeddings.cls_token", AS_IT_IS},
    {"pos_embed", "@embeddings.position_embeddings", AS_IT_IS},
    {"patch_embed.proj", "@embeddings.patch_embeddings.projection", AS_IT_IS},
    {"blocks.*.norm1", "@encoder.layer.*.layernorm_before", AS_IT_IS},
    {"blocks.*.norm2", "@encoder.layer.*.layernorm_after", AS_IT_IS},
    {"blocks.*.attn.qkv", "@encoder.layer.*.attention.attention.#", THREE},
    {"blocks.*.attn.proj", "@encoder.layer.*.attention.output.dense", AS_IT_IS},
    {"blocks.*.mlp.fc1", "@encoder.layer.*.intermediate.dense", AS_IT_IS},
    {"blocks.*.mlp.fc2", "@encoder.layer.*.output.dense", AS_IT_IS},
    {"norm", "@layernorm", AS_IT_IS},
    {"head", "classifier", AS_IT_IS},
    {0}};

static const Line timm_lines[] = {
    {"decoder_pred", "decoder_pred", PIXELS_LAST}, {"", "", AS_IT_IS}, {0}};

// Find a parameter's tensors
enum { NAME_ROOM = 256 };

/* The rest of `name` after the pattern, or NULL; the number in place of * to `number`. */
static const char *after_pattern(const char *pattern, const char *name, char number[16]) {
  for (; *pattern; pattern++) {
    if (*pattern != '*') {
      if (*name++ != *pattern) return NULL;
      continue;
    }
    const size_t digits = strspn(name, "0123456789");
    if (digits == 0 || digits > 15) return NULL;
    snprintf(number, 16, "%.*s", (int)digits, name);
    name += digits;
  }
  return name;
}

static bool fits(const Line *line, const char *name, char number[16], const char **rest) {
  *rest = after_pattern(line->ours, name, number);
  return *rest && (!**rest || !*line->ours || strcmp(*rest, ".weight") == 0 ||
                   strcmp(*rest, ".bias") == 0);
}

/* What stands for @, and what for #. */
typedef struct Names {
  const char *prefix, *const *words;
} Names;

/* A name in the file: its pattern filled in, with word number `word` for #. */
static const char *their_name(char room[NAME_ROOM], const char *pattern,
                              const Names *names, const char *number, int word,
                              const char *rest) {
  size_t at = 0;
  room[0] = 0;
  for (const char *c = pattern; *c && at < NAME_ROOM; c++) {
    const char *piece = *c == '@' ? names->prefix : *c == '*' ? number
                        : *c == '#' ? names->words[word] : (char[]){*c, 0};
    at += (size_t)snprintf(room + at, NAME_ROOM - at, "%s", piece);
  }
  if (at < NAME_ROOM) snprintf(room + at, NAME_ROOM - at, "%s", rest);
  return room;
}

static Shape without_ones(Shape shape) {
  int ones = 0;
  while (ones < shape.rank && shape.size[ones] == 1) ones++;
  return shape_make(shape.rank - ones, shape.size + ones);
}

/* Numbers of the file's tensor `name`, which has this shape but for ones in front; with
   `to` NULL only whether it has. */
static bool take(const Safetensors *file, const char *name, Shape shape, real *to) {
  Shape found;
  if (safetensors_sizes(file, name, &found) &&
      shape_equal(without_ones(found), without_ones(shape))) shape = found;
  return to ? safetensors_take(file, name, shape, to)
            : safetensors_fits(file, name, shape);
}

static void transposed(real *to, const real *from, int rows, int columns) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < columns; c++) to[(size_t)r * columns + c] =
        from[(size_t)c * rows + r];
}

/* Row (channel, pixel) of `to` is row (pixel, channel) of `from`. */
static void channels_first(real *to, const real *from, int rows, size_t length) {
  const int pixels = rows / 3;
  for (int c = 0; c < 3; c++)
    for (int p = 0; p < pixels; p++)
      memcpy(to + ((size_t)c * pixels + p) * length, from + ((size_t)p * 3 + c) * length,
             length * sizeof *to);
}

static bool take_part(const Safetensors *file, const char *name, Layout layout,
                      const Tensor *t) {
  const int rows = t->shape.size[0];
  const size_t count = tensor_size(t), length = count / (size_t)rows;
  const int all = layout == FIRST_THIRD ? 3 * rows : layout == REST ? rows / 2 * 3 : rows;
  const int skipped = layout == REST ? rows / 2 : 0;
  Shape shape = t->shape;
  if (layout == TRANSPOSED) shape = SHAPE(t->shape.size[1], rows);
  else shape.size[0] = all;
  if (!t->value) return take(file, name, shape, NULL);
  real *numbers = allocate((size_t)all * length, sizeof *numbers);
  const bool good = take(file, name, shape, numbers);
  if (good && layout == TRANSPOSED)
    transposed(t->value, numbers, rows, t->shape.size[1]);
  else if (good && layout == PIXELS_LAST)
    channels_first(t->value, numbers, rows, length);
  else if (good)
    memcpy(t->value, numbers + (size_t)skipped * length, count * sizeof *numbers);
  free(numbers);
  return good;
}

/* Fill one parameter, if it has memory, and mark the tensors that it is made of. */
static bool take_parameter(const Safetensors *file, const Line *line, const Names *names,
                           const Tensor *t, bool *used) {
  char number[16] = "", name[NAME_ROOM];
  const char *rest;
  while (line->ours && !fits(line, t->name, number, &rest)) line++;
  assert(line->ours); /* each family names all parameters */
  Shape part = t->shape;
  if (line->layout == THREE) part.size[0] /= 3;
  for (int word = 0; word < (line->layout == THREE ? 3 : 1); word++) {
    their_name(name, line->theirs, names, number, word, rest);
    real *to = t->value ? t->value + (size_t)word * shape_size(part) : NULL;
    if (!(line->layout == AS_IT_IS || line->layout == THREE
              ? take(file, name, part, to) : take_part(file, name, line->layout, t)))
      return false;
    used[safetensors_number(file, name)] = true;
  }
  return true;
}

// Read the sizes off the tensors
/* A file that is being opened. */
typedef struct Source {
  const Safetensors *file;
  const char *path;
  Names names;
  json_t *config, *processor; /* or NULL */
} Source;

enum { MOST_WIDTH = 1 << 16, MOST_TABLE = 1 << 20, MOST_SIDE = 1 << 14 };

static int usual_heads(int width) {
  const int sixteen[] = {1152, 1280, 1408, 1664};
  for (int i = 0; i < 4; i++)
    if (width == sixteen[i]) return 16;
  return width < 64 ? 1 : width / 64;
}

/* Size number `axis` of a tensor, whose name may have @; 0 if it is not there. */
static int size_at(const Source *s, const char *name, int axis) {
  char room[NAME_ROOM];
  Shape shape;
  their_name(room, name, &s->names, "0", 0, "");
  if (!safetensors_sizes(s->file, room, &shape)) return 0;
  return axis < shape.rank ? shape.size[axis] : 0;
}

/* How many blocks have this tensor, * being the number. */
static int count_blocks(const Source *s, const char *name) {
  char room[NAME_ROOM], number[16];
  for (int i = 0;; i++) {
    snprintf(number, sizeof number, "%d", i);
    their_name(room, name, &s->names, number, 0, "");
    if (safetensors_number(s->file, room) < 0) return i;
  }
}

/* A whole number of a configuration; 0: there is none, -1: it is no size. */
static int config_size(const json_t *config, const char *key) {
  const json_t *number = json_object_get(config, key);
  const json_int_t n = json_integer_value(number);
  if (!number) return 0;
  return n >= 1 && n <= MOST_WIDTH ? (int)n : -1;
}

static GeluKind config_gelu(const json_t *config, GeluKind otherwise) {
  const char *name = json_string_value(json_object_get(config, "hidden_act"));
  if (!name) return otherwise;
  if (strcmp(name, "quick_gelu") == 0) return GELU_QUICK;
  return strcmp(name, "gelu") == 0 ? GELU_ERF : GELU_TANH;
}

static int root_of(int square) {
  int root = 0;
  while ((root + 1) * (root + 1) <= square && root < MOST_SIDE) root++;
  return root;
}

/* The image encoder's sizes, from its patch projection, its positions and its first
   MLP; `blocks` is a tensor that each block has. */
static bool image_sizes(const Source *s, VitConfig *c, const char *projection,
                        const char *positions, int axis, const char *mlp,
                        const char *blocks) {
  const int extra = c->pool == POOL_CLS, tokens = size_at(s, positions, axis);
  const int side = root_of(tokens - extra);
  c->width = size_at(s, projection, 0), c->channels = size_at(s, projection, 1);
  c->patch_size = size_at(s, projection, 2), c->mlp = size_at(s, mlp, 0);
  c->depth = count_blocks(s, blocks);
  if (c->width < 1 || c->width > MOST_WIDTH || c->channels != 3 || c->patch_size < 1 ||
      c->patch_size > 4096 || c->mlp < 1 || c->mlp > MOST_TABLE || c->depth < 1)
    return fail("%s: expected the tensors of an image encoder, %s and %s, found sizes "
                "that are none", s->path, projection, mlp);
  if (side < 1 || side * side + extra != tokens || side * c->patch_size > MOST_SIDE)
    return fail("%s: expected %s of a square grid of patches%s, found %d rows", s->path,
                positions, extra ? " and CLS" : "", tokens);
  c->image_size = side * c->patch_size, c->position = POSITION_LEARNED;
  if (!c->heads) c->heads = usual_heads(c->width);
  return (c->heads > 0 && vit_check(c)) ||
         fail("%s: expected sizes of an image encoder that fit together, found width %d "
              "with %d heads", s->path, c->width, c->heads);
}

static bool text_sizes(const Source *s, TextConfig *c, const char *tokens,
                       const char *positions, const char *mlp, const char *blocks) {
  c->vocabulary = size_at(s, tokens, 0), c->width = size_at(s, tokens, 1);
  c->context = size_at(s, positions, 0), c->mlp = size_at(s, mlp, 0);
  c->depth = count_blocks(s, blocks);
  if (c->vocabulary < 3 || c->vocabulary > MOST_TABLE || c->width < 1 ||
      c->width > MOST_WIDTH || c->context < 2 || c->context > MOST_WIDTH || c->mlp < 1 ||
      c->mlp > MOST_TABLE || c->depth < 1)
    return fail("%s: expected the tensors of a text encoder, %s and %s, found sizes "
                "that are none", s->path, tokens, mlp);
  if (!c->heads) c->heads = usual_heads(c->width);
  return (c->heads > 0 && text_check(c)) ||
         fail("%s: expected sizes of a text encoder that fit together, found width %d "
              "with %d heads", s->path, c->width, c->heads);
}

static bool clip_sizes(const Source *s, const ClipConfig *c) {
  return (c->embed > 0 && c->embed <= MOST_WIDTH && clip_check(c)) ||
         fail("%s: expected sizes of two encoders that fit together, found projections "
              "to %d numbers", s->path, c->embed);
}

// The families
/* OpenCLIP says how wide a head is. */
static int heads_of_width(int width, int head_width) {
  if (head_width < 1) return head_width;
  return width < head_width ? -1 : width / head_width;
}

static bool size_clip(const Source *s, Published *m) {
  const json_t *config = json_object_get(s->config, "model_cfg"); /* OpenCLIP's */
  const GeluKind gelu = !config || json_is_true(json_object_get(config, "quick_gelu"))
                            ? GELU_QUICK : GELU_ERF;
  const int head_width = config_size(json_object_get(config, "vision_cfg"), "head_width");
  const int width = size_at(s, "visual.conv1.weight", 0);
  ClipConfig c = {.embed = size_at(s, "visual.proj", 1),
                  .image = {.pool = POOL_CLS, .style = STYLE_CLIP, .gelu = gelu,
                            .eps = 1e-5, .heads = heads_of_width(width, head_width)},
                  .text = {.causal = true, .gelu = gelu, .eps = 1e-5,
                           .heads = config_size(json_object_get(config, "text_cfg"),
                                                "heads")}};
  if (!image_sizes(s, &c.image, "visual.conv1.weight", "visual.positional_embedding", 0,
                   "visual.transformer.resblocks.0.mlp.c_fc.weight",
                   "visual.transformer.resblocks.*.ln_1.weight") ||
      !text_sizes(s, &c.text, "@token_embedding.weight", "@positional_embedding",
                  "@transformer.resblocks.0.mlp.c_fc.weight",
                  "@transformer.resblocks.*.ln_1.weight")) return false;
  m->clip.config = c;
  return clip_sizes(s, &c);
}

static bool size_towers(const Source *s, ClipConfig *c) {
  c->image.heads = config_size(json_object_get(s->config, "vision_config"),
                               "num_attention_heads");
  c->text.heads = config_size(json_object_get(s->config, "text_config"),
                              "num_attention_heads");
  return image_sizes(s, &c->image, "vision_model.embeddings.patch_embedding.weight",
                     "vision_model.embeddings.position_embedding.weight", 0,
                     "vision_model.encoder.layers.0.mlp.fc1.weight",
                     "vision_model.encoder.layers.*.layer_norm1.weight") &&
         text_sizes(s, &c->text, "text_model.embeddings.token_embedding.weight",
                    "text_model.embeddings.position_embedding.weight",
                    "text_model.encoder.layers.0.mlp.fc1.weight",
                    "text_model.encoder.layers.*.layer_norm1.weight") &&
         clip_sizes(s, c);
}

static bool size_hf_clip(const Source *s, Published *m) {
  ClipConfig c = {.embed = size_at(s, "visual_projection.weight", 0),
                  .image = {.pool = POOL_CLS, .style = STYLE_CLIP, .eps = 1e-5,
                            .gelu = config_gelu(json_object_get(s->config,
                                                                "vision_config"),
                                                GELU_QUICK)},
                  .text = {.causal = true, .eps = 1e-5,
                           .gelu = config_gelu(json_object_get(s->config, "text_config"),
                                               GELU_QUICK)}};
  const bool good = size_towers(s, &c);
  m->clip.config = c;
  return good;
}

static bool size_hf_siglip(const Source *s, Published *m) {
  ClipConfig c = {.embed = size_at(s, "text_model.head.weight", 0)};
  siglip_variant(&c);
  const bool good = size_towers(s, &c);
  m->clip.config = c;
  return good;
}

static bool size_hf_vit(const Source *s, Published *m) {
  const double eps = json_number_value(json_object_get(s->config, "layer_norm_eps"));
  VitConfig c = {.pool = POOL_CLS, .gelu = config_gelu(s->config, GELU_ERF),
                 .eps = eps > 0 ? eps : 1e-12,
                 .heads = config_size(s->config, "num_attention_heads"),
                 .classes = size_at(s, "classifier.weight", 0)};
  const bool good = image_sizes(s, &c, "@embeddings.patch_embeddings.projection.weight",
                                "@embeddings.position_embeddings", 1,
                                "@encoder.layer.0.intermediate.dense.weight",
                                "@encoder.layer.*.layernorm_before.weight");
  m->vit.config = c;
  return good;
}

static bool size_timm(const Source *s, Published *m) {
  VitConfig c = {.pool = POOL_CLS, .gelu = GELU_ERF, .eps = 1e-6,
                 .classes = size_at(s, "head.weight", 0)};
  const bool good = image_sizes(s, &c, "patch_embed.proj.weight", "pos_embed", 1,
                                "blocks.0.mlp.fc1.weight", "blocks.*.norm1.weight");
  m->vit.config = c;
  return good;
}

static bool size_mae(const Source *s, Published *m) {
  if (!size_timm(s, m)) return false;
  MaeConfig c = {.encoder = m->vit.config, .normalize = true,
                 .width = size_at(s, "decoder_embed.weight", 0),
                 .depth = count_blocks(s, "decoder_blocks.*.norm1.weight"),
                 .mlp = size_at(s, "decoder_blocks.0.mlp.fc1.weight", 0)};
  c.encoder.position = POSITION_SINCOS, c.encoder.classes = 0;
  c.heads = c.width < 512 ? usual_heads(c.width) : 16;
  if (c.width < 4 || c.width > MOST_WIDTH || c.depth < 1 || c.mlp < 1 ||
      c.mlp > MOST_TABLE)
    return fail("%s: expected the tensors of a decoder, decoder_embed.weight and "
                "decoder_blocks, found sizes that are none", s->path);
  m->mae.config = c;
  return (vit_check(&c.encoder) && mae_check(&c)) ||
         fail("%s: expected sizes of an encoder and a decoder that fit together, found "
              "widths %d and %d", s->path, c.encoder.width, c.width);
}
static const char *const short_words[] = {"q", "k", "v"};
static const char *const long_words[] = {"query", "key", "value"};

/* Means and standard deviations of the three channels. */
static const double clip_mean_std[] = {0.48145466, 0.4578275,  0.40821073,
                                       0.26862954, 0.26130258, 0.27577711};
static const double imagenet_mean_std[] = {0.485, 0.456, 0.406, 0.229, 0.224, 0.225};
static const double halves[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5};

/* A family is known by a tensor that it alone has, and by those before it in the list
   not being it. Pictures: shorter is in units of the encoder's size; 0: squashed. */
typedef struct Family {
  const char *name, *mark, *prefix; /* @ is the prefix, if the mark is there with it */
  PublishedKind kind;
  const Line *lines;
  const char *const *words;
  bool (*size)(const Source *source, Published *model);
  double shorter;
  ResizeFilter filter;
  bool rounded; /* see Preparation */
  const double *mean_std;
} Family;

static const Family families[] = {
    {"CLIP, OpenAI and OpenCLIP", "@transformer.resblocks.0.ln_1.weight", "text.",
     PUBLISHED_CLIP, clip_lines, short_words, size_clip, 1,
     FILTER_BICUBIC, true, clip_mean_std},
    {"SigLIP, Hugging Face", "vision_model.head.probe", "", PUBLISHED_CLIP,
     hf_siglip_lines, short_words, size_hf_siglip, 0,
     FILTER_BICUBIC, false, halves},
    {"CLIP, Hugging Face", "vision_model.pre_layrnorm.weight", "", PUBLISHED_CLIP,
     hf_clip_lines, short_words, size_hf_clip, 1,
     FILTER_BICUBIC, false, clip_mean_std},
    {"ViT, Hugging Face", "@encoder.layer.0.layernorm_before.weight", "vit.",
     PUBLISHED_VIT, hf_vit_lines, long_words, size_hf_vit, 0,
     FILTER_BILINEAR, false, halves},
    {"MAE", "decoder_blocks.0.norm1.weight", "", PUBLISHED_MAE, timm_lines, short_words,
     size_mae, 8. / 7, FILTER_BICUBIC, true, imagenet_mean_std},
    {"ViT, timm", "head.weight", "", PUBLISHED_VIT, timm_lines, short_words, size_timm,
     1 / 0.9, FILTER_BICUBIC, true, halves},
    {"MAE's encoder", "patch_embed.proj.weight", "", PUBLISHED_VIT, timm_lines,
     short_words, size_timm, 8. / 7, FILTER_BICUBIC, true, imagenet_mean_std}};

/* Is it this family? If so, the names' prefix is set. */
static bool is_family(Source *s, const Family *f) {
  for (int with = 1; with >= 0; with--) {
    s->names = (Names){with ? f->prefix : "", f->words};
    if (size_at(s, f->mark, 0)) return true;
  }
  return false;
}

// Open a published model
static bool find_file(const char *path, char file[PATH_MAX]) {
  static const char *const names[] = {"model.safetensors", "model.safetensors.index.json",
                                      "open_clip_model.safetensors"};
  struct stat status;
  if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
    for (int i = 0; i < 3; i++)
      if (!path_join(file, path, names[i])) return false;
      else if (access(file, F_OK) == 0) return true;
    return fail("%s: expected model.safetensors, its index, or "
                "open_clip_model.safetensors in this folder, found none", path);
  }
  const char *slash = strrchr(path, '/');
  return path_beside(file, path, slash ? slash + 1 : path);
}

/* A JSON file beside the model, or NULL if there is none; *good says whether a file that
   is there could be read. */
static json_t *read_beside(const char *path, const char *name, bool *good) {
  char beside[PATH_MAX];
  *good = path_beside(beside, path, name);
  if (!*good || access(beside, F_OK) != 0) return NULL;
  json_t *json = jsontext_read(beside, "a configuration", 1 << 20, 0);
  *good = json != NULL;
  return json;
}

/* Three numbers above `low`, if they are there. */
static bool config_three(const Source *s, const json_t *config, const char *key,
                         double low, real to[3]) {
  const json_t *list = json_object_get(config, key);
  if (!list) return true;
  for (size_t i = 0; i < 3; i++) {
    const double number = json_number_value(json_array_get(list, i));
    if (json_array_size(list) != 3 || !json_is_number(json_array_get(list, i)) ||
        !(number > low && number < 1e6))
      return fail("%s: expected %s of the configuration beside it to be three numbers "
                  "above %g, found otherwise", s->path, key, low);
    to[i] = (real)number;
  }
  return true;
}

/* The family's way, but for what the files beside it say. */
static bool set_preparation(const Source *s, const Family *f, Published *m, int size) {
  Preparation *p = &m->preparation;
  *p = (Preparation){.size = size, .shorter = (int)(f->shorter * size + 0.5),
                     .filter = f->filter, .rounded = f->rounded};
  for (int i = 0; i < 3; i++)
    p->mean[i] = (real)f->mean_std[i], p->std[i] = (real)f->mean_std[3 + i];
  const json_t *open_clip = json_object_get(s->config, "preprocess_cfg");
  const json_t *resample = json_object_get(s->processor, "resample"); /* of Pillow */
  if (json_is_integer(resample))
    p->filter = json_integer_value(resample) == 2 ? FILTER_BILINEAR : FILTER_BICUBIC;
  return config_three(s, s->processor, "image_mean", -1e6, p->mean) &&
         config_three(s, s->processor, "image_std", 0, p->std) &&
         config_three(s, open_clip, "mean", -1e6, p->mean) &&
         config_three(s, open_clip, "std", 0, p->std);
}

static int declare(Published *m) {
  if (m->kind == PUBLISHED_CLIP)
    return m->clip = clip_declare(m->params, m->clip.config),
           m->clip.config.image.image_size;
  if (m->kind == PUBLISHED_MAE)
    return m->mae = mae_declare(m->params, m->mae.config),
           m->mae.config.encoder.image_size;
  m->vit = vit_declare(m->params, "", m->vit.config);
  return m->vit.config.image_size;
}

/* All parameters, first whether they are there, then their numbers. */
static bool take_all(const Source *s, const Family *f, Published *m, bool *used) {
  for (int read = 0; read < 2; read++) {
    for (int i = 0; i < m->params->count; i++)
      if (!take_parameter(s->file, f->lines, &s->names, m->params->list[i].tensor, used))
        return false;
    if (!read) params_allocate(m->params);
  }
  return true;
}

static void list_unused(const Safetensors *file, const bool *used, Published *m) {
  const int count = safetensors_count(file);
  m->unused = allocate((size_t)count + 1, sizeof *m->unused);
  for (int i = 0; i < count; i++) {
    Shape shape;
    const char *name = safetensors_name(file, i);
    if (safetensors_sizes(file, name, &shape)) m->numbers += shape_size(shape);
    if (!used[i]) m->unused[m->unused_count++] = text_copy(name);
  }
}

static bool open_as(Source *s, const Family *f, Published *m) {
  m->family = f->name, m->kind = f->kind;
  if (!f->size(s, m)) return false;
  bool *used = allocate((size_t)safetensors_count(s->file) + 1, sizeof *used);
  const bool good = set_preparation(s, f, m, declare(m)) && take_all(s, f, m, used);
  if (good) list_unused(s->file, used, m);
  free(used);
  return good;
}

bool published_open(Published *m, const char *path) {
  char file[PATH_MAX];
  bool good = find_file(path, file);
  *m = (Published){.params = params_new()};
  Safetensors *opened = good ? safetensors_read(file) : NULL;
  Source s = {.file = opened, .path = file};
  good = opened != NULL;
  if (good) s.config = read_beside(file, "config.json", &good);
  if (good && !s.config) s.config = read_beside(file, "open_clip_config.json", &good);
  if (good) s.processor = read_beside(file, "preprocessor_config.json", &good);
  const Family *f = families, *end = families + sizeof families / sizeof *families;
  while (good && f < end && !is_family(&s, f)) f++;
  if (good && f == end)
    good = fail("%s: expected the tensors of CLIP, SigLIP, ViT or MAE, found %d others, "
                "%s among them", file, safetensors_count(opened),
                safetensors_count(opened) ? safetensors_name(opened, 0) : "none");
  good = good && open_as(&s, f, m);
  json_decref(s.config), json_decref(s.processor);
  if (opened) safetensors_free(opened);
  if (!good) published_close(m);
  return good;
}

void published_close(Published *m) {
  params_free(m->params);
  for (int i = 0; i < m->unused_count; i++) free(m->unused[i]);
  free(m->unused);
  *m = (Published){0};
}
