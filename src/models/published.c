/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "models/published.h"

#include <assert.h>
#include <fnmatch.h>
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

#define OPENCLIP_TEXT                                                                  \
  {"text.token_embedding", "@token_embedding", AS_IT_IS},                              \
      {"text.positional_embedding", "@positional_embedding", AS_IT_IS},                \
      RESBLOCKS("text.blocks.*.", "@transformer.resblocks.*."),                        \
      {"text.ln_final", "@ln_final", AS_IT_IS},                                        \
      {"text_projection.weight", "@text_projection", TRANSPOSED},                      \
      {"logit_scale", "logit_scale", AS_IT_IS}

static const Line clip_lines[] = {
    {"visual.cls_token", "visual.class_embedding", AS_IT_IS},
    {"visual.pos_embed", "visual.positional_embedding", AS_IT_IS},
    {"visual.patch_embed.proj", "visual.conv1", AS_IT_IS},
    {"visual.norm_pre", "visual.ln_pre", AS_IT_IS},
    RESBLOCKS("visual.blocks.*.", "visual.transformer.resblocks.*."),
    {"visual.norm", "visual.ln_post", AS_IT_IS},
    {"visual_projection.weight", "visual.proj", TRANSPOSED},
    OPENCLIP_TEXT,
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

/* EVA02-CLIP's image encoder in timm's names; those of queries, keys and values differ
   from the smaller sizes to E. */
#define EVA_BLOCKS                                                                     \
  {"visual.cls_token", "visual.trunk.cls_token", AS_IT_IS},                            \
      {"visual.pos_embed", "visual.trunk.pos_embed", AS_IT_IS},                        \
      {"visual.patch_embed.proj", "visual.trunk.patch_embed.proj", AS_IT_IS},          \
      {"visual.blocks.*.norm1", "visual.trunk.blocks.*.norm1", AS_IT_IS},              \
      {"visual.blocks.*.norm2", "visual.trunk.blocks.*.norm2", AS_IT_IS},              \
      {"visual.blocks.*.attn.inner_attn_ln", "visual.trunk.blocks.*.attn.norm",        \
       AS_IT_IS},                                                                      \
      {"visual.blocks.*.attn.proj", "visual.trunk.blocks.*.attn.proj", AS_IT_IS},      \
      {"visual.blocks.*.mlp.w1", "visual.trunk.blocks.*.mlp.fc1_g", AS_IT_IS},         \
      {"visual.blocks.*.mlp.w2", "visual.trunk.blocks.*.mlp.fc1_x", AS_IT_IS},         \
      {"visual.blocks.*.mlp.w3", "visual.trunk.blocks.*.mlp.fc2", AS_IT_IS},           \
      {"visual.blocks.*.mlp.ffn_ln", "visual.trunk.blocks.*.mlp.norm", AS_IT_IS},      \
      {"visual.blocks.*.mlp.fc1", "visual.trunk.blocks.*.mlp.fc1", AS_IT_IS},          \
      {"visual.blocks.*.mlp.fc2", "visual.trunk.blocks.*.mlp.fc2", AS_IT_IS},          \
      {"visual.norm", "visual.trunk.norm", AS_IT_IS},                                  \
      {"visual_projection", "visual.trunk.head", AS_IT_IS}, OPENCLIP_TEXT

static const Line eva_clip_lines[] = {
    {"visual.blocks.*.attn.qkv", "visual.trunk.blocks.*.attn.#_proj", THREE},
    {"visual.blocks.*.attn.q_bias", "visual.trunk.blocks.*.attn.q_proj.bias", AS_IT_IS},
    {"visual.blocks.*.attn.v_bias", "visual.trunk.blocks.*.attn.v_proj.bias", AS_IT_IS},
    EVA_BLOCKS,
    {0}};
static const Line eva_clip_e_lines[] = {
    {"visual.blocks.*.attn.qkv", "visual.trunk.blocks.*.attn.qkv", AS_IT_IS},
    {"visual.blocks.*.attn.q_bias", "visual.trunk.blocks.*.attn.q_bias", AS_IT_IS},
    {"visual.blocks.*.attn.v_bias", "visual.trunk.blocks.*.attn.v_bias", AS_IT_IS},
    EVA_BLOCKS,
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

/* The line of a parameter; each family names all of them. */
static const Line *line_of(const Line *line, const char *name, char number[16],
                           const char **rest) {
  number[0] = 0;
  while (line->ours && !fits(line, name, number, rest)) line++;
  assert(line->ours);
  return line;
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

/* Positions of a grid of another size, after those of other tokens. */
static bool take_positions(const Safetensors *file, const char *name, const Tensor *t,
                           int old_side, int side) {
  const int length = tensor_last(t), rows = tensor_rows(t), extra = rows - side * side;
  const Shape shape = SHAPE(1, extra + old_side * old_side, length);
  if (!t->value) return take(file, name, shape, NULL);
  real *old = allocate(shape_size(shape), sizeof *old);
  const size_t before = (size_t)extra * length;
  const bool good = take(file, name, shape, old);
  if (good) memcpy(t->value, old, before * sizeof *old);
  if (good)
    resize_numbers(t->value + before, side, old + before, old_side, length);
  free(old);
  return good;
}

/* A file that is being opened. */
typedef struct Source {
  const Safetensors *file;
  const char *path;
  Names names;
  json_t *config, *processor; /* or NULL */
  int image_size; /* that is asked for, or 0 */
  int old_side, side; /* of the grid of positions, in the file and in the model */
  int channels;       /* of pictures */
} Source;

static bool is_positions(const char *name) {
  return strcmp(name, "pos_embed") == 0 || strcmp(name, "visual.pos_embed") == 0;
}

/* Fill one parameter, if it has memory, and mark the tensors that it is made of. */
static bool take_parameter(const Source *s, const Line *line, const Tensor *t,
                           bool *used) {
  const Safetensors *file = s->file;
  char number[16] = "", name[NAME_ROOM];
  const char *rest;
  line = line_of(line, t->name, number, &rest);
  Shape part = t->shape;
  if (line->layout == THREE) part.size[0] /= 3;
  for (int word = 0; word < (line->layout == THREE ? 3 : 1); word++) {
    their_name(name, line->theirs, &s->names, number, word, rest);
    real *to = t->value ? t->value + (size_t)word * shape_size(part) : NULL;
    const bool resized = s->old_side != s->side && is_positions(t->name);
    if (!(resized ? take_positions(file, name, t, s->old_side, s->side)
          : line->layout == AS_IT_IS || line->layout == THREE
              ? take(file, name, part, to) : take_part(file, name, line->layout, t)))
      return false;
    used[safetensors_number(file, name)] = true;
  }
  return true;
}

// Read the sizes off the tensors
enum { MOST_WIDTH = 1 << 16, MOST_TABLE = 1 << 20, MOST_SIDE = 1 << 14 };

static int usual_heads(int width) {
  const int sixteen[] = {1152, 1280, 1408, 1664, 1792};
  for (int i = 0; i < 5; i++)
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
static bool image_sizes(Source *s, VitConfig *c, const char *projection,
                        const char *positions, int axis, const char *mlp,
                        const char *blocks) {
  const int extra = c->pool == POOL_CLS, tokens = size_at(s, positions, axis);
  const int side = root_of(tokens - extra);
  c->width = size_at(s, projection, 0), c->channels = size_at(s, projection, 1);
  c->patch_size = size_at(s, projection, 2), c->mlp = size_at(s, mlp, 0);
  c->depth = count_blocks(s, blocks);
  if (c->width < 1 || c->width > MOST_WIDTH || (c->channels != 3 && c->channels != 1) ||
      c->patch_size < 1 ||
      c->patch_size > 4096 || c->mlp < 1 || c->mlp > MOST_TABLE || c->depth < 1)
    return fail("%s: expected the tensors of an image encoder, %s and %s, found sizes "
                "that are none", s->path, projection, mlp);
  if (side < 1 || side * side + extra != tokens || side * c->patch_size > MOST_SIDE)
    return fail("%s: expected %s of a square grid of patches%s, found %d rows", s->path,
                positions, extra ? " and CLS" : "", tokens);
  s->old_side = s->side = side, s->channels = c->channels;
  if (s->image_size) {
    s->side = s->image_size / c->patch_size;
    if (s->side * c->patch_size != s->image_size || s->side < 1)
      return fail("--image-size: expected a multiple of the patches' %d pixels, found %d",
                  c->patch_size, s->image_size);
  }
  c->image_size = s->side * c->patch_size, c->position = POSITION_LEARNED;
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
  if (!c->heads) c->heads = c->width == 1152 ? 16 : c->width < 64 ? 1 : c->width / 64;
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

static bool openclip_text_sizes(const Source *s, TextConfig *c) {
  return text_sizes(s, c, "@token_embedding.weight", "@positional_embedding",
                    "@transformer.resblocks.0.mlp.c_fc.weight",
                    "@transformer.resblocks.*.ln_1.weight");
}

static bool size_clip(Source *s, Published *m) {
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
      !openclip_text_sizes(s, &c.text)) return false;
  m->clip.config = c;
  return clip_sizes(s, &c);
}

/* EVA02-CLIP: sizes B and L have gated units, norms inside the branches and rotary
   positions; E has norms at the ends of branches. */
static bool size_eva_clip(Source *s, Published *m) {
  const json_t *config = json_object_get(s->config, "model_cfg");
  const bool gated = size_at(s, "visual.trunk.blocks.0.mlp.fc1_g.weight", 0);
  ClipConfig c = {.embed = size_at(s, "visual.trunk.head.weight", 0), .image_bias = true,
                  .image = {.pool = POOL_CLS, .gelu = GELU_ERF, .eps = 1e-6,
                            .variant = {.no_key_bias = true, .swiglu = gated,
                                        .sub_norm = gated, .inner_norm = gated,
                                        .rotary = gated, .branch_norm = !gated},
                            .rotary_side = gated ? 16 : 0},
                  .text = {.causal = true, .gelu = GELU_ERF, .eps = 1e-5,
                           .heads = config_size(json_object_get(config, "text_cfg"),
                                                "heads")}};
  if (!image_sizes(s, &c.image, "visual.trunk.patch_embed.proj.weight",
                   "visual.trunk.pos_embed", 1,
                   gated ? "visual.trunk.blocks.0.mlp.fc1_g.weight"
                         : "visual.trunk.blocks.0.mlp.fc1.weight",
                   "visual.trunk.blocks.*.norm1.weight") ||
      !openclip_text_sizes(s, &c.text)) return false;
  m->clip.config = c;
  return clip_sizes(s, &c);
}

static bool size_towers(Source *s, ClipConfig *c) {
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

static bool size_hf_clip(Source *s, Published *m) {
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

static bool size_hf_siglip(Source *s, Published *m) {
  ClipConfig c = {.embed = size_at(s, "text_model.head.weight", 0)};
  siglip_variant(&c);
  const bool good = size_towers(s, &c);
  m->clip.config = c;
  return good;
}

static bool size_hf_vit(Source *s, Published *m) {
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

static bool size_timm(Source *s, Published *m) {
  const json_t *arguments = json_object_get(s->config, "model_args");
  VitConfig c = {.pool = POOL_CLS, .gelu = GELU_ERF, .eps = 1e-6,
                 .heads = config_size(arguments, "num_heads"),
                 .classes = size_at(s, "head.weight", 0)};
  const bool good = image_sizes(s, &c, "patch_embed.proj.weight", "pos_embed", 1,
                                "blocks.0.mlp.fc1.weight", "blocks.*.norm1.weight");
  m->vit.config = c;
  return good;
}

static bool size_mae(Source *s, Published *m) {
  if (s->image_size)
    return fail("--image-size: expected none for an autoencoder, whose positions are "
                "fixed, found %d", s->image_size);
  if (!size_timm(s, m)) return false;
  MaeConfig c = {.encoder = m->vit.config, .normalize = true,
                 .width = size_at(s, "decoder_embed.weight", 0),
                 .depth = count_blocks(s, "decoder_blocks.*.norm1.weight"),
                 .mlp = size_at(s, "decoder_blocks.0.mlp.fc1.weight", 0)};
  c.encoder.position = POSITION_SINCOS, c.encoder.classes = 0;
  c.heads = c.width < 512 ? usual_heads(c.width) : 16;
  if (c.width < 4 || c.width > MOST_WIDTH || c.depth < 1 || c.mlp < 1 ||
      c.mlp > MOST_TABLE || size_at(s, "pos_embed", 2) != c.encoder.width ||
      size_at(s, "decoder_pos_embed", 1) != s->side * s->side + 1 ||
      size_at(s, "decoder_pos_embed", 2) != c.width) /* which are made when declared */
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

/* A family is known by a tensor that it alone has, its mark, and by those before it in
   the list not being it. Pictures: shorter is in units of the encoder's size; 0: both
   sides are scaled. */
typedef struct Family {
  const char *name, *mark, *as; /* as: its name when it is written, or NULL */
  PublishedKind kind;
  const Line *lines;
  const char *const *words;
  bool (*size)(Source *source, Published *model);
  double shorter;
  ResizeFilter filter;
  bool rounded; /* see Preparation */
  const double *mean_std;
} Family;

static const Family families[] = {
    {"CLIP, OpenAI and OpenCLIP", "visual.transformer.resblocks.0.ln_1.weight", NULL,
     PUBLISHED_CLIP, clip_lines, short_words, size_clip, 1,
     FILTER_BICUBIC, true, clip_mean_std},
    {"EVA02-CLIP, OpenCLIP", "visual.trunk.blocks.0.attn.q_proj.weight", NULL,
     PUBLISHED_CLIP, eva_clip_lines, short_words, size_eva_clip, 1,
     FILTER_BICUBIC, true, clip_mean_std},
    {"EVA02-CLIP E, OpenCLIP", "visual.trunk.blocks.0.attn.q_bias", NULL,
     PUBLISHED_CLIP, eva_clip_e_lines, short_words, size_eva_clip, 1,
     FILTER_BICUBIC, true, clip_mean_std},
    {"SigLIP, Hugging Face", "vision_model.head.probe", NULL, PUBLISHED_CLIP,
     hf_siglip_lines, short_words, size_hf_siglip, 0,
     FILTER_BICUBIC, false, halves},
    {"CLIP, Hugging Face", "vision_model.pre_layrnorm.weight", "hf-clip", PUBLISHED_CLIP,
     hf_clip_lines, short_words, size_hf_clip, 1,
     FILTER_BICUBIC, false, clip_mean_std},
    {"ViT, Hugging Face", "@encoder.layer.0.layernorm_before.weight", "hf-vit",
     PUBLISHED_VIT, hf_vit_lines, long_words, size_hf_vit, 0,
     FILTER_BILINEAR, false, halves},
    {"MAE", "decoder_blocks.0.norm1.weight", NULL, PUBLISHED_MAE, timm_lines, short_words,
     size_mae, 8. / 7, FILTER_BICUBIC, true, imagenet_mean_std},
    {"ViT, timm", "head.weight", "timm", PUBLISHED_VIT, timm_lines, short_words,
     size_timm, 1 / 0.9, FILTER_BICUBIC, true, halves},
    {"MAE's encoder", "patch_embed.proj.weight", NULL, PUBLISHED_VIT, timm_lines,
     short_words, size_timm, 8. / 7, FILTER_BICUBIC, true, imagenet_mean_std}};

/* What stands for @: before a text's names in OpenCLIP's files, or all in HF's ViT. */
static const char *find_prefix(const Safetensors *file) {
  if (safetensors_number(file, "token_embedding.weight") >= 0) return "";
  if (safetensors_number(file, "text.token_embedding.weight") >= 0) return "text.";
  const bool vit = safetensors_number(file, "vit.embeddings.position_embeddings") >= 0;
  return vit ? "vit." : "";
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

/* A number for each channel above `low`, if they are there. */
static bool config_channels(const Source *s, const json_t *config, const char *key,
                            double low, real to[3]) {
  const json_t *list = json_object_get(config, key);
  if (!list) return true;
  for (size_t i = 0; i < (size_t)s->channels; i++) {
    const double number = json_number_value(json_array_get(list, i));
    if (json_array_size(list) != (size_t)s->channels ||
        !json_is_number(json_array_get(list, i)) || !(number > low && number < 1e6))
      return fail("%s: expected %s of the configuration beside it to be %s "
                  "above %g, found otherwise", s->path, key,
                  s->channels == 3 ? "three numbers" : "one number", low);
    to[i] = (real)number;
  }
  return true;
}

/* The picture's size that the configuration names, or `shown`, a whole number of patches
   that is at most a patch less. False with a message if it is neither. */
static bool config_side(const Source *s, int shown, int patch, int *size) {
  const json_t *at[] = {
      json_object_get(s->config, "image_size"),
      json_object_get(json_object_get(s->config, "vision_config"), "image_size"),
      json_object_get(json_object_get(json_object_get(s->config, "model_cfg"),
                                      "vision_cfg"), "image_size")};
  *size = shown;
  for (int i = 0; i < 3 && !s->image_size; i++)
    if (json_is_integer(at[i])) {
      const json_int_t n = json_integer_value(at[i]);
      if (n < shown || n >= shown + patch)
        return fail("%s: expected image_size of the configuration beside it to be what "
                    "the table of positions is for, %d, found %lld", s->path, shown,
                    (long long)n);
      *size = (int)n;
    }
  return true;
}

/* The family's way, but for what the files beside it say. */
static bool set_preparation(const Source *s, const Family *f, Published *m, int shown,
                            int patch) {
  Preparation *p = &m->preparation;
  const json_t *open_clip = json_object_get(s->config, "preprocess_cfg");
  const json_t *timm = json_object_get(s->config, "pretrained_cfg");
  const double crop = json_number_value(json_object_get(timm, "crop_pct"));
  const bool cropped = crop >= 0.1 && crop <= 1 && f->shorter > 0;
  const double shorter = cropped ? 1 / crop : f->shorter;
  int size;
  if (!config_side(s, shown, patch, &size)) return false;
  *p = (Preparation){.size = size, .shorter = (int)(shorter * size + 0.5), .shown = shown,
                     .filter = f->filter, .rounded = f->rounded};
  for (int i = 0; i < 3; i++)
    p->mean[i] = (real)f->mean_std[i], p->std[i] = (real)f->mean_std[3 + i];
  const json_t *resample = json_object_get(s->processor, "resample"); /* of Pillow */
  const char *filter = json_string_value(json_object_get(timm, "interpolation"));
  if (json_is_integer(resample))
    p->filter = json_integer_value(resample) == 2 ? FILTER_BILINEAR : FILTER_BICUBIC;
  if (filter)
    p->filter = strcmp(filter, "bilinear") == 0 ? FILTER_BILINEAR : FILTER_BICUBIC;
  return config_channels(s, s->processor, "image_mean", -1e6, p->mean) &&
         config_channels(s, s->processor, "image_std", 0, p->std) &&
         config_channels(s, open_clip, "mean", -1e6, p->mean) &&
         config_channels(s, open_clip, "std", 0, p->std) &&
         config_channels(s, timm, "mean", -1e6, p->mean) &&
         config_channels(s, timm, "std", 0, p->std);
}

/* What has been declared, of its image encoder. */
static const VitConfig *declare(Published *m) {
  if (m->kind == PUBLISHED_CLIP)
    return m->clip = clip_declare(m->params, m->clip.config), &m->clip.config.image;
  if (m->kind == PUBLISHED_MAE)
    return m->mae = mae_declare(m->params, m->mae.config), &m->mae.config.encoder;
  return m->vit = vit_declare(m->params, "", m->vit.config), &m->vit.config;
}

/* Are all tensors there? If not, a message that names the first of them. */
static bool none_missing(const Source *s, const Family *f, const Params *params) {
  enum { NAMED = 6 };
  char list[NAMED * (NAME_ROOM + 2)] = "", number[16], name[NAME_ROOM];
  int missing = 0;
  for (int i = 0; i < params->count; i++) {
    const char *rest;
    const Line *line = line_of(f->lines, params->list[i].tensor->name, number, &rest);
    for (int word = 0; word < (line->layout == THREE ? 3 : 1); word++) {
      their_name(name, line->theirs, &s->names, number, word, rest);
      const size_t at = strlen(list);
      if (safetensors_number(s->file, name) >= 0) continue;
      if (missing++ < NAMED)
        snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", name);
    }
  }
  if (missing > NAMED)
    return fail("%s: expected tensors %s and %d more, found none of these", s->path, list,
                missing - NAMED);
  return !missing || fail("%s: expected %s %s, found none", s->path,
                          missing > 1 ? "tensors" : "a tensor", list);
}

/* All parameters, first whether they are there and of their shapes, then numbers. */
static bool take_all(const Source *s, const Family *f, Published *m, bool *used) {
  if (!none_missing(s, f, m->params)) return false;
  for (int read = 0; read < 2; read++) {
    for (int i = 0; i < m->params->count; i++)
      if (!take_parameter(s, f->lines, m->params->list[i].tensor, used)) return false;
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

/* The names of classes that a configuration has, if it has all of them. */
static void read_labels(const Source *s, Published *m, int classes) {
  const json_t *names = json_object_get(s->config, "id2label");
  char key[16];
  if (classes < 1 || json_object_size(names) != (size_t)classes) return;
  m->labels = allocate((size_t)classes, sizeof *m->labels);
  for (m->label_count = 0; m->label_count < classes; m->label_count++) {
    snprintf(key, sizeof key, "%d", m->label_count);
    const char *name = json_string_value(json_object_get(names, key));
    m->labels[m->label_count] = text_copy(name ? name : key);
  }
}

static bool open_as(Source *s, const Family *f, Published *m) {
  m->family = f->name, m->kind = f->kind, s->names.words = f->words;
  if (!f->size(s, m)) return false;
  bool *used = allocate((size_t)safetensors_count(s->file) + 1, sizeof *used);
  const VitConfig *image = declare(m);
  const bool good = set_preparation(s, f, m, image->image_size, image->patch_size) &&
                    take_all(s, f, m, used);
  if (good) list_unused(s->file, used, m), read_labels(s, m, image->classes);
  free(used);
  return good;
}

bool published_open(Published *m, const char *path, int image_size) {
  *m = (Published){.params = params_new()};
  char *file = m->path;
  bool good = find_file(path, file);
  Safetensors *opened = good ? safetensors_read(file) : NULL;
  Source s = {.file = opened, .path = file, .image_size = image_size};
  good = opened != NULL;
  if (good) s.config = read_beside(file, "config.json", &good);
  if (good && !s.config) s.config = read_beside(file, "open_clip_config.json", &good);
  if (good) s.processor = read_beside(file, "preprocessor_config.json", &good);
  const Family *f = families, *end = families + sizeof families / sizeof *families;
  if (good) s.names.prefix = find_prefix(opened);
  while (good && f < end && !size_at(&s, f->mark, 0)) f++;
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

/* The tensors of one parameter as the family has them. */
static void add_items(const Family *f, const Names *names, const Tensor *t,
                      const char *name, Params *texts, SafetensorsItem *items,
                      int *count) {
  char number[16], theirs[NAME_ROOM];
  const char *rest;
  const Line *line = line_of(f->lines, name, number, &rest);
  const int parts = line->layout == THREE ? 3 : 1;
  assert(line->layout == THREE || line->layout == AS_IT_IS);
  Shape shape = f->kind == PUBLISHED_CLIP ? without_ones(t->shape) : t->shape;
  shape.size[0] /= parts;
  for (int word = 0; word < parts; word++) {
    their_name(theirs, line->theirs, names, number, word, rest);
    items[(*count)++] =
        (SafetensorsItem){params_name(texts, "%s", theirs), shape,
                          t->value + (size_t)word * tensor_size(t) / parts};
  }
}

bool published_write(const char *path, const char *as, const Params *params,
                     const char *prefix) {
  const Family *f = families;
  while (!f->as || strcmp(f->as, as) != 0) f++; /* it is one of them */
  char head_name[NAME_ROOM];
  snprintf(head_name, sizeof head_name, "%shead.weight", prefix);
  const bool head = params_find(params, head_name) != NULL;
  const Names names = {head ? "vit." : "", f->words};
  const size_t most = 3 * (size_t)params->count;
  SafetensorsItem *items = allocate(most, sizeof *items);
  Params *texts = params_new(); /* which keeps names */
  Metadata notes = {0};
  int count = 0;
  for (int i = 0; i < params->count; i++) {
    const Tensor *t = params->list[i].tensor;
    add_items(f, &names, t, t->name + strlen(prefix), texts, items, &count);
  }
  metadata_add(&notes, "format", "pt");
  const bool good = safetensors_write(path, items, count, &notes);
  metadata_free(&notes), params_free(texts), free(items);
  return good;
}

const Vit *published_vit(const Published *m) {
  return m->kind == PUBLISHED_CLIP ? &m->clip.visual
         : m->kind == PUBLISHED_MAE ? &m->mae.encoder : &m->vit;
}

bool published_whole(const Published *m) {
  static const char *const harmless[] = {
      "*position_ids", "*mask_token", "*pooler.dense.*", "*rope.*", "*attn_mask",
      "*lm_head.*", "input_resolution", "context_length", "vocab_size"};
  for (int i = 0; i < m->unused_count; i++) {
    bool known = false;
    for (size_t k = 0; k < sizeof harmless / sizeof *harmless; k++)
      known |= fnmatch(harmless[k], m->unused[i], 0) == 0;
    if (!known)
      return fail("%s: expected only tensors that this family computes with, %s, found "
                  "%s: its authors compute something else", m->path, m->family,
                  m->unused[i]);
  }
  return true;
}

void published_close(Published *m) {
  params_free(m->params);
  for (int i = 0; i < m->unused_count; i++) free(m->unused[i]);
  for (int i = 0; i < m->label_count; i++) free(m->labels[i]);
  free(m->unused), free(m->labels);
  *m = (Published){0};
}
