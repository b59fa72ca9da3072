/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "models/presets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static const struct {
  const char *name;
  int width, depth, mlp, heads;
} vit_sizes[] = {
    {"Ti", 192, 12, 768, 3},     {"S", 384, 12, 1536, 6},
    {"B", 768, 12, 3072, 12},    {"L", 1024, 24, 4096, 16},
    {"H", 1280, 32, 5120, 16},   {"g", 1408, 40, 6144, 16},
    {"G", 1664, 48, 8192, 16},   {"e", 1792, 56, 15360, 16},
};

bool vit_preset(VitConfig *config, const char *name) {
  char size[8], digits[4] = "";
  int end = 0, read = sscanf(name, "%7[A-Za-z]/%3[0-9]%n", size, digits, &end);
  int patch = digits[0] == '0' ? 0 : atoi(digits);
  if (read != 2 || name[end] ||
      (patch != 8 && patch != 14 && patch != 16 && patch != 32))
    return fail("%s: expected a name such as B/16, patch size 8, 14, 16 or 32", name);
  for (size_t i = 0; i < sizeof vit_sizes / sizeof *vit_sizes; i++)
    if (strcmp(size, vit_sizes[i].name) == 0) {
      *config = (VitConfig){
          .image_size = 224, .channels = 3, .patch_size = patch,
          .width = vit_sizes[i].width, .depth = vit_sizes[i].depth,
          .heads = vit_sizes[i].heads, .mlp = vit_sizes[i].mlp, .classes = 1000,
          .position = POSITION_LEARNED, .gelu = GELU_TANH, .eps = 1e-6};
      return true;
    }
  return fail("%s: expected one of Ti, S, B, L, H, g, G, e before the slash", name);
}

bool clip_preset(ClipConfig *config, const char *name) {
  static const struct {
    const char *name, *image;
    int size, text_width, embed;
  } published[] = {{"ViT-B/32", "B/32", 224, 512, 512},
                   {"ViT-B/16", "B/16", 224, 512, 512},
                   {"ViT-L/14", "L/14", 224, 768, 768},
                   {"ViT-L/14@336", "L/14", 336, 768, 768}};
  for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
    if (strcmp(name, published[i].name) != 0) continue;
    const int width = published[i].text_width;
    // Fill in two encoders of this size
    *config = (ClipConfig){.embed = published[i].embed,
                           .text = {.vocabulary = 49408, .context = 77, .width = width,
                                    .depth = 12, .heads = width / 64, .mlp = 4 * width,
                                    .gelu = GELU_QUICK, .eps = 1e-5, .causal = true}};
    vit_preset(&config->image, published[i].image);
    config->image.image_size = published[i].size;
    config->image.classes = 0;
    config->image.style = STYLE_CLIP;
    config->image.gelu = GELU_QUICK;
    config->image.eps = 1e-5;
    return true;
  }
  return fail("%s: expected ViT-B/32, ViT-B/16, ViT-L/14 or ViT-L/14@336", name);
}

const char *const eva_preset_names[] = {"EVA-g/14",   "EVA02-Ti/14", "EVA02-S/14",
                                        "EVA02-B/14", "EVA02-L/14",  "EVA02-CLIP-E/14",
                                        NULL};

static const struct {
  int width, depth, heads, mlp;
  BlockVariant variant;
} eva_sizes[] = {
    {1408, 40, 16, 6144, {.no_key_bias = true}},
    {192, 12, 3, 512, {.swiglu = true, .no_key_bias = true, .rotary = true}},
    {384, 12, 6, 1024, {.swiglu = true, .no_key_bias = true, .rotary = true}},
    {768, 12, 12, 2048,
     {.swiglu = true, .sub_norm = true, .no_key_bias = true, .rotary = true}},
    {1024, 24, 16, 2730,
     {.swiglu = true, .sub_norm = true, .no_key_bias = true, .rotary = true}},
    {1792, 64, 16, 15360, {.no_key_bias = true, .branch_norm = true}}};

bool eva_preset(VitConfig *config, const char *name) {
  for (int i = 0; eva_preset_names[i]; i++) {
    if (strcmp(name, eva_preset_names[i]) != 0) continue;
    *config = (VitConfig){.image_size = 224, .channels = 3, .patch_size = 14,
                          .width = eva_sizes[i].width, .depth = eva_sizes[i].depth,
                          .heads = eva_sizes[i].heads, .mlp = eva_sizes[i].mlp,
                          .position = POSITION_LEARNED, .gelu = GELU_ERF, .eps = 1e-6,
                          .variant = eva_sizes[i].variant,
                          .first = i == 0 ? INIT_EVA : INIT_EVA02};
    return true;
  }
  return false;
}
void eva02_variant(VitConfig *c) {
  c->variant = (BlockVariant){.swiglu = true, .sub_norm = true, .no_key_bias = true,
                              .rotary = true};
  c->mlp = c->width * 8 / 3;
  c->first = INIT_EVA02;
}

void siglip_variant(ClipConfig *c) {
  c->image.style = STYLE_SIGLIP, c->image.pool = POOL_MAP;
  c->image.gelu = c->text.gelu = GELU_TANH;
  c->image.eps = c->text.eps = 1e-6;
  c->text.style = TEXT_SIGLIP, c->text.causal = false;
  c->no_image_projection = c->text_bias = c->biased = true;
  c->loss = LOSS_SIGMOID, c->scale = 10, c->bias = -10;
}

// Siglip as published
bool siglip_preset(ClipConfig *config, const char *name) {
  // List the published sizes
  static const struct {
    const char *name;
    int size, patch, width, depth, heads, mlp, context;
  } published[] = {{"B/16-224", 224, 16, 768, 12, 12, 3072, 64},
                   {"B/16-256", 256, 16, 768, 12, 12, 3072, 64},
                   {"B/16-384", 384, 16, 768, 12, 12, 3072, 64},
                   {"B/16-512", 512, 16, 768, 12, 12, 3072, 64},
                   {"L/16-256", 256, 16, 1024, 24, 16, 4096, 64},
                   {"L/16-384", 384, 16, 1024, 24, 16, 4096, 64},
                   {"So400m/14-224", 224, 14, 1152, 27, 16, 4304, 16},
                   {"So400m/14-384", 378, 14, 1152, 27, 16, 4304, 64}};
  for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
    const int width = published[i].width, depth = published[i].depth;
    const int heads = published[i].heads, mlp = published[i].mlp;
    if (strcmp(name, published[i].name) != 0) continue;
    *config = (ClipConfig){
        .image = {.image_size = published[i].size, .channels = 3, .width = width,
                  .patch_size = published[i].patch, .depth = depth, .heads = heads,
                  .mlp = mlp, .position = POSITION_LEARNED},
        .text = {.vocabulary = 32000, .context = published[i].context, .width = width,
                 .depth = depth, .heads = heads, .mlp = mlp},
        .embed = width};
    siglip_variant(config);
    return true;
  }
  return fail("%s: expected a size such as B/16-224, L/16-256 or So400m/14-384", name);
}
