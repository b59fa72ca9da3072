/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "models/model_io.h"
#include "models/published.h"

static Program program = {
    "inspect", "MODEL", "What a model is: its family, its sizes, how pictures are "
    "prepared for it, and tensors that are not used. MODEL is a published file, its "
    "folder, or a run.", NULL, 0};

static const char *gelu_name(GeluKind kind) {
  return kind == GELU_ERF ? "erf" : kind == GELU_TANH ? "tanh" : "quick";
}

static void say_image(const VitConfig *c) {
  static const char *const pools[] = {"CLS", "mean", "attention"};
  printf("image\t%d x %d, patches of %d, width %d, %d blocks, %d heads, MLP %d, %s, GELU "
         "%s, eps %g\n", c->image_size, c->image_size, c->patch_size, c->width, c->depth,
         c->heads, c->mlp, pools[c->pool], gelu_name(c->gelu), c->eps);
  if (c->classes) printf("classes\t%d\n", c->classes);
  printf("multiply-adds\t%.4g\n", vit_macs(c));
}

static void say_clip(const ClipConfig *c) {
  say_image(&c->image);
  printf("text\t%d tokens of %d, width %d, %d blocks, %d heads, MLP %d, GELU %s, eps "
         "%g\n", c->text.context, c->text.vocabulary, c->text.width, c->text.depth,
         c->text.heads, c->text.mlp, gelu_name(c->text.gelu), c->text.eps);
  printf("vectors\t%d numbers, %s\n", c->embed,
         c->loss < LOSS_SIGMOID ? "InfoNCE" : "sigmoid loss");
}

static void say_three(const char *what, const real *x) {
  printf("%s\t%.8g %.8g %.8g\n", what, (double)x[0], (double)x[1], (double)x[2]);
}

static void say_published(const Published *m) {
  const Preparation *p = &m->preparation;
  const char *filter = p->filter == FILTER_BICUBIC ? "bicubic" : "bilinear";
  printf("family\t%s\nparameters\t%zu\n", m->family, params_count(m->params, false));
  if (m->kind == PUBLISHED_CLIP) say_clip(&m->clip.config);
  else say_image(&published_vit(m)->config);
  if (m->kind == PUBLISHED_MAE)
    printf("decoder\twidth %d, %d blocks, %d heads, MLP %d\n", m->mae.config.width,
           m->mae.config.depth, m->mae.config.heads, m->mae.config.mlp);
  if (p->shorter)
    printf("pictures\tshorter side to %d, %s, the middle %d x %d\n", p->shorter, filter,
           p->size, p->size);
  else printf("pictures\tboth sides to %d, %s\n", p->size, filter);
  say_three("mean", p->mean), say_three("std", p->std);
  for (int i = 0; i < m->unused_count; i++) printf("not used\t%s\n", m->unused[i]);
}

static bool say_run(const char *folder, bool two) {
  LoadedClip clip;
  LoadedVit vit;
  if (two && clip_open(&clip, folder)) {
    printf("family\ta run\nparameters\t%zu\n", params_count(clip.params, false));
    say_clip(&clip.clip.config);
    say_three("mean", clip.mean), say_three("std", clip.std);
    return clip_close(&clip), true;
  }
  if (two || !vit_open(&vit, folder, true, 0)) return false;
  printf("family\ta run, image encoder\nparameters\t%zu\n",
         params_count(vit.params, false));
  say_image(&vit.vit.config);
  say_three("mean", vit.mean), say_three("std", vit.std);
  return vit_close(&vit), true;
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv);
  if (first != argc - 1)
    return fail("expected one MODEL, found %d arguments", argc - first),
           program_failed(&program);
  Published model;
  bool two, good = true;
  if (run_is(argv[first], &two)) good = say_run(argv[first], two);
  else if ((good = published_open(&model, argv[first], 0))) {
    say_published(&model);
    published_close(&model);
  }
  return good ? 0 : program_failed(&program);
}
