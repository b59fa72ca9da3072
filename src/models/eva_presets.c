/* Tangled from chapters/11-eva.nw: edit that, not this. */
#include "models/eva_presets.h"

#include <string.h>

const char *const eva_preset_names[] = {"EVA-g/14",   "EVA02-Ti/14", "EVA02-S/14",
                                        "EVA02-B/14", "EVA02-L/14",  "EVA02-CLIP-E/14",
                                        NULL};

static const struct {
  int width, depth, heads, mlp;
  BlockVariant variant;
} sizes[] = {
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
                          .width = sizes[i].width, .depth = sizes[i].depth,
                          .heads = sizes[i].heads, .mlp = sizes[i].mlp,
                          .position = POSITION_LEARNED, .gelu = GELU_ERF, .eps = 1e-6,
                          .variant = sizes[i].variant,
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
