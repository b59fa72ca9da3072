/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#include "train/layer_decay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *name, const char *with) {
  return strncmp(name, with, strlen(with)) == 0;
}

int layer_of(const char *name, int depth) {
  static const char *const first[] = {"patch_embed.", "cls_token", "pos_embed",
                                      "mask_token", "norm_pre."};
  if (begins(name, "blocks.")) return 1 + atoi(name + strlen("blocks."));
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    if (begins(name, first[i])) return 0;
  return depth + 1;
}

void layer_decay(Params *params, const char *prefix, int depth, double decay) {
  for (int i = 0; i < params->count; i++) {
    Parameter *p = &params->list[i];
    if (!begins(p->tensor->name, prefix)) continue;
    const int layer = layer_of(p->tensor->name + strlen(prefix), depth);
    p->lr_scale = pow(decay, depth + 1 - layer);
  }
}
