/* Tangled from chapters/68-library.nw: edit that, not this. */
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "eval/encoders.h"

static int as = 0;
static Option options[] = {
    CHOICE_OPTION("as", as, "hf-clip|hf-vit|timm", "whose names: CLIPModel or ViTModel "
                  "of Transformers, VisionTransformer of timm")};
static Program program = PROGRAM("export", "RUN FOLDER", "Write a run so that others "
                                 "open it: model.safetensors and its configurations, in "
                                 "a folder where no model is yet.");
typedef enum { AS_HF_CLIP, AS_HF_VIT, AS_TIMM } As;
static const char *const names[] = {"hf-clip", "hf-vit", "timm"};

// What a family cannot have
/* What keeps an image encoder from being one of the family's; NULL: nothing. */
static const char *image_obstacle(const VitConfig *c) {
  static const BlockVariant plain;
  const bool clip = as == AS_HF_CLIP;
  if (c->pool != POOL_CLS) return "pooling other than CLS";
  if (c->post_norm) return "norms after the sums";
  if (c->position == POSITION_NONE) return "no positions";
  if (memcmp(&c->variant, &plain, sizeof plain) != 0) return "blocks of EVA's kind";
  if ((c->style == STYLE_CLIP) != clip)
    return clip ? "an image encoder without CLIP's first norm"
                : "an image encoder with CLIP's first norm";
  if (as == AS_TIMM && c->gelu != GELU_ERF) return "a GELU other than erf";
  if (as == AS_TIMM && fabs(c->eps / 1e-6 - 1) > 1e-9) return "an eps other than 1e-6";
  return NULL;
}

static const char *obstacle(const Encoders *e) {
  if (!e->clip != (as != AS_HF_CLIP))
    return e->clip ? "two encoders" : "an image encoder alone";
  const char *image = image_obstacle(&e->vit->config);
  if (image || !e->clip) return image;
  const ClipConfig *c = &e->clip->config;
  if (c->loss >= LOSS_SIGMOID || c->biased) return "SigLIP's loss";
  if (c->no_image_projection || c->text_bias || c->image_bias)
    return "projections of SigLIP's kind";
  if (!c->text.causal || c->text.style != TEXT_CLIP) return "a text encoder of SigLIP's";
  return NULL;
}

// Configurations for others
static const char *act_name(GeluKind kind) {
  return kind == GELU_QUICK ? "quick_gelu" : kind == GELU_ERF ? "gelu" : "gelu_new";
}

/* Write a value as FOLDER/NAME, and give it up. */
static bool put(const char *folder, const char *name, json_t *value) {
  char path[PATH_MAX];
  char *text = value ? json_dumps(value, JSON_INDENT(2)) : NULL;
  json_decref(value);
  const bool good = text ? path_join(path, folder, name) &&
                               file_replace(path, text, strlen(text))
                         : fail("%s/%s: cannot make it: out of memory", folder, name);
  free(text);
  return good;
}

static json_t *image_json(const VitConfig *c) {
  return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f}", "image_size",
                   c->image_size, "patch_size", c->patch_size, "num_channels",
                   c->channels, "hidden_size", c->width, "num_hidden_layers", c->depth,
                   "num_attention_heads", c->heads, "intermediate_size", c->mlp,
                   "hidden_act", act_name(c->gelu), "layer_norm_eps", c->eps);
}

static json_t *text_json(const TextConfig *c) {
  return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:f, s:i, s:i, s:i}",
                   "vocab_size", c->vocabulary, "max_position_embeddings", c->context,
                   "hidden_size", c->width, "num_hidden_layers", c->depth,
                   "num_attention_heads", c->heads, "intermediate_size", c->mlp,
                   "hidden_act", act_name(c->gelu), "layer_norm_eps", c->eps,
                   "bos_token_id", c->vocabulary - 2, "eos_token_id", c->vocabulary - 1,
                   "pad_token_id", c->vocabulary - 1);
}

/* A number for each channel. */
static json_t *channels_json(const real *x, int channels) {
  json_t *list = json_array();
  for (int i = 0; i < channels; i++) json_array_append_new(list, json_real((double)x[i]));
  return list;
}

static json_t *processor_json(const Encoders *e) {
  const int S = e->side;
  json_t *p = json_pack("{s:b, s:b, s:b, s:i, s:o, s:o}", "do_resize", 1, "do_rescale", 1,
                        "do_normalize", 1, "resample", 3, "image_mean",
                        channels_json(encoders_mean(e), e->channels), "image_std",
                        channels_json(encoders_std(e), e->channels));
  json_object_update_new(
      p, as == AS_HF_CLIP
             ? json_pack("{s:s, s:{s:i}, s:b, s:{s:i, s:i}}", "image_processor_type",
                         "CLIPImageProcessor", "size", "shortest_edge", S,
                         "do_center_crop", 1, "crop_size", "height", S, "width", S)
             : json_pack("{s:s, s:{s:i, s:i}}", "image_processor_type",
                         "ViTImageProcessor", "size", "height", S, "width", S));
  return p;
}

/* The tokens and their numbers. */
static json_t *vocabulary_json(const Tokenizer *t) {
  json_t *tokens = json_object();
  for (int id = 0; id < tokenizer_size(t); id++)
    json_object_set_new(tokens, tokenizer_symbol(t, id), json_integer(id));
  return tokens;
}

static bool put_hf_clip(const char *folder, const Encoders *e) {
  char merges[PATH_MAX];
  const ClipConfig *c = &e->clip->config;
  return put(folder, "config.json",
             json_pack("{s:s, s:[s], s:i, s:o, s:o}", "model_type", "clip",
                       "architectures", "CLIPModel", "projection_dim", c->embed,
                       "vision_config", image_json(&c->image), "text_config",
                       text_json(&c->text))) &&
         put(folder, "vocab.json", vocabulary_json(e->tokenizer)) &&
         put(folder, "tokenizer_config.json",
             json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:b}", "tokenizer_class",
                       "CLIPTokenizer", "bos_token", "<|startoftext|>", "eos_token",
                       "<|endoftext|>", "unk_token", "<|endoftext|>", "pad_token",
                       "<|endoftext|>", "model_max_length", c->text.context,
                       "do_lower_case", 1)) &&
         path_join(merges, folder, "merges.txt") &&
         tokenizer_save(e->tokenizer, merges);
}

static bool put_hf_vit(const char *folder, const Encoders *e) {
  const VitConfig *c = &e->vit->config;
  json_t *config = image_json(c), *labels = json_object();
  for (int i = 0; i < c->classes; i++) {
    char number[16];
    snprintf(number, sizeof number, "%d", i);
    json_object_set_new(labels, number, json_string(number));
  }
  json_object_update_new(config, json_pack("{s:s, s:[s], s:b, s:o}", "model_type", "vit",
                                           "architectures",
                                           c->classes ? "ViTForImageClassification"
                                                      : "ViTModel",
                                           "qkv_bias", 1, "id2label", labels));
  return put(folder, "config.json", config);
}

static bool put_timm(const char *folder, const Encoders *e) {
  const VitConfig *c = &e->vit->config;
  json_t *model = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:i}", "img_size",
                            c->image_size, "patch_size", c->patch_size, "in_chans",
                            c->channels, "embed_dim", c->width, "depth", c->depth,
                            "num_heads", c->heads, "mlp_ratio",
                            (double)c->mlp / c->width, "num_classes", c->classes);
  json_t *how = json_pack("{s:[i, i, i], s:s, s:f, s:i, s:o, s:o}", "input_size",
                          c->channels, c->image_size, c->image_size, "interpolation",
                          "bicubic", "crop_pct", 1.0, "num_classes", c->classes, "mean",
                          channels_json(encoders_mean(e), c->channels), "std",
                          channels_json(encoders_std(e), c->channels));
  return put(folder, "config.json",
             json_pack("{s:s, s:i, s:i, s:o, s:o}", "architecture",
                       "vit_tiny_patch16_224", "num_classes", c->classes, "num_features",
                       c->width, "model_args", model, "pretrained_cfg", how));
}

// The main function of export
static bool export(const Encoders *e, const char *run, const char *folder) {
  char path[PATH_MAX];
  const char *why = obstacle(e);
  if (why) return fail("%s: expected what %s can have, found %s", run, names[as], why);
  if (!path_join(path, folder, "model.safetensors")) return false;
  if (access(path, F_OK) == 0)
    return fail("%s: expected a folder without a model, found model.safetensors in it",
                folder);
  if (!folder_make(folder)) return false;
  const bool good = as == AS_TIMM ? put_timm(folder, e)
                    : put(folder, "preprocessor_config.json", processor_json(e)) &&
                          (as == AS_HF_VIT ? put_hf_vit(folder, e)
                                           : put_hf_clip(folder, e));
  return good && published_write(path, names[as], encoders_params(e),
                                 e->clip ? "" : e->run.prefix);
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv);
  if (argc - first != 2)
    return fail("expected RUN and FOLDER, found %d arguments", argc - first),
           program_failed(&program);
  Encoders e;
  bool two;
  const char *run = argv[first];
  if (!run_is(run, &two))
    return fail("%s: expected the folder of a run, found none of ours", run),
           program_failed(&program);
  if (!encoders_open(&e, run, (EncodersWish){.texts = two, .values = true}))
    return program_failed(&program);
  const bool good = export(&e, run, argv[first + 1]);
  encoders_close(&e);
  return good ? 0 : program_failed(&program);
}
