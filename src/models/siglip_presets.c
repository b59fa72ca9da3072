/* Tangled from chapters/12-siglip.nw: edit that, not this. */
#include "models/siglip_presets.h"

#include <string.h>

#include "base/error.h"

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
