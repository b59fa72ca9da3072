/* Tangled from chapters/00-tour.nw: edit that, not this. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "app/options.h"
#include "data/scenes.h"
#include "models/presets.h"
#include "nn/patches.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"
#include "train/optimizer.h"

enum { SIDE = SHAPES_SIDE, N = 4, P = 8, D = 48, E = 32, CONTEXT = 32 };
static int seed = 1;
static Option options[] = {INT_OPTION("seed", seed, 0, 1e9, "seed of what is random")};
static Program program = PROGRAM("sketch", "", "Walk through a ViT, a CLIP and a "
                                 "SigLIP, once.");

// A batch of scenes
/* Pictures with one caption each. */
typedef struct Batch {
  Pairs scenes;
  const char *caption[N];
  Tokenizer *tokenizer;
  Tensor images; /* [N][3][SIDE][SIDE] */
} Batch;

static void batch_free(Batch *b) { tokenizer_free(b->tokenizer), pairs_free(&b->scenes); }

static Batch batch_make(void) {
  static real planes[N * 3 * SIDE * SIDE];
  static const int index[N] = {0, 1, 2, 3};
  Batch b = {.images = {.name = "images", .shape = SHAPE(N, 3, SIDE, SIDE),
                        .value = planes}};
  scenes_make(&b.scenes, N, 500, SCENES_SEEN, (uint64_t)seed);
  for (int i = 0; i < N; i++) b.caption[i] = b.scenes.caption[b.scenes.first[i]];
  dataset_batch(&b.scenes.pictures, index, N, (Augment){0}, (RandomKey){0}, planes, NULL);
  b.tokenizer = tokenizer_train((const char *const *)b.scenes.caption,
                                pairs_captions(&b.scenes), TOKENIZER_SYMBOLS + 42);
  return b;
}

// Pictures and patches in print
static char ink(const uint8_t *pixels, int row, int column) {
  int bright = 0;
  for (int i = 0; i < 8; i++) {
    const uint8_t *at = pixels + ((4 * row + i / 2) * SIDE + 2 * column + i % 2) * 3;
    bright += at[0] > 127 || at[1] > 127 || at[2] > 127;
  }
  return ".:+#"[(bright + 2) / 3];
}

static void show_pictures(const Batch *b) {
  printf("1. FOUR PICTURES of [3][%d][%d], and their captions\n", SIDE, SIDE);
  for (int row = 0; row < SIDE / 4; row++)
    for (int i = 0; i < N; i++) {
      printf(i ? "   " : "\n   ");
      for (int column = 0; column < SIDE / 2; column++)
        putchar(ink(dataset_image(&b->scenes.pictures, i), row, column));
    }
  printf("\n\n");
  for (int i = 0; i < N; i++) printf("   %d  %s\n", i, b->caption[i]);
}

static void show_patches(const Batch *b) {
  static real patches[SIDE / P * (SIDE / P) * 3 * P * P];
  patchify(patches, b->images.value, 3, SIDE, SIDE, P);
  printf("\n   patchify   [3][%d][%d] -> [%d][%d], patches of 3 x %d x %d numbers\n",
         SIDE, SIDE, SIDE / P * (SIDE / P), 3 * P * P, P, P);
  printf("   patch 0  ");
  for (int q = 0; q < P; q++) printf("%7.3f", (double)patches[q]);
  printf(" ...\n");
}

// Two small encoders
static ClipConfig clip_config(int vocabulary) {
  return (ClipConfig){
      .image = {.image_size = SIDE, .channels = 3, .patch_size = P, .width = D,
                .depth = 2, .heads = 4, .mlp = 4 * D, .position = POSITION_LEARNED,
                .pool = POOL_CLS, .style = STYLE_CLIP, .gelu = GELU_QUICK, .eps = 1e-5},
      .text = {.vocabulary = vocabulary, .context = CONTEXT, .width = D, .depth = 2,
               .heads = 4, .mlp = 4 * D, .gelu = GELU_QUICK, .eps = 1e-5,
               .causal = true, .style = TEXT_CLIP},
      .embed = E, .loss = LOSS_HALF};
}

typedef struct Model {
  Params *params;
  Tape *tape;
  Clip clip;
} Model;

static Model model_make(ClipConfig config) {
  Model m = {.params = params_new(), .tape = tape_new()};
  m.clip = clip_declare(m.params, config);
  params_fill(m.params, (uint64_t)seed);
  return m;
}

static void model_free(Model *m) { tape_free(m->tape), params_free(m->params); }

// A vit, step by step
static Tensor *show(const char *step, Tensor *x, const char *remark) {
  char shape[32] = "";
  for (int i = 0, n = 0; i < x->shape.rank; i++)
    n += snprintf(shape + n, sizeof shape - (size_t)n, "[%d]", x->shape.size[i]);
  printf("   %-18s%-13s", step, shape);
  for (int i = 0; i < 3; i++) printf("%7.3f", (double)x->value[i]);
  printf(" ...  %s\n", remark);
  return x;
}

static void walk_through(const Model *m, Batch *b) {
  Tape *tape = m->tape;
  const Vit *vit = &m->clip.visual;
  printf("\n2. A VISION TRANSFORMER of width %d, 2 blocks, step by step\n\n", D);
  show("patch_tokens", patch_tokens(tape, &b->images, P), "patches of all");
  Tensor *x = show("vit_patch_embed", vit_patch_embed(tape, vit, &b->images),
                   "times a matrix");
  x = show("vit_add_positions", vit_add_positions(tape, vit, x), "CLS, positions");
  for (int i = 0; i < vit->config.depth; i++)
    x = show("block_forward", block_forward(tape, &vit->blocks[i], x, NULL), "a block");
  x = layernorm(tape, x, vit->norm.weight, vit->norm.bias, vit->config.eps);
  show("layernorm", x, "the final norm");
  show("vit_pool", vit_pool(tape, vit, x), "CLS alone");
  show("vit_features", vit_features(tape, vit, &b->images), "all at once");
}

// Captions, tokens and unit vectors
static Tensor *read_captions(const Model *m, const Batch *b) {
  static int ids[N * CONTEXT];
  for (int i = 0; i < N; i++)
    text_tokens(&m->clip.config.text, b->tokenizer, b->caption[i], ids + i * CONTEXT);
  return clip_encode_text(m->tape, &m->clip, ids, N, CONTEXT);
}

static void show_tokens(const Batch *b) {
  int ids[CONTEXT];
  const char *text = b->caption[0];
  const int count = tokenizer_encode(b->tokenizer, text, strlen(text), ids, CONTEXT);
  printf("   \"%s\"", text);
  for (int i = 0; i < count; i++)
    printf("%s%-15s%4d", i % 3 ? "    " : "\n   ",
           tokenizer_symbol(b->tokenizer, ids[i]), ids[i]);
  printf("\n\n");
}

static void show_vectors(char name, const Tensor *x) {
  printf("   %c [%d][%d]\n", name, N, E);
  for (int i = 0; i < N; i++) {
    double squares = 0;
    for (int e = 0; e < E; e++) squares += pow((double)x->value[i * E + e], 2);
    printf("   %d", i);
    for (int e = 0; e < 6; e++) printf("%8.4f", (double)x->value[i * E + e]);
    printf(" ...  length %.6f\n", sqrt(squares));
  }
}

static void see_and_read(const Model *m, Batch *b, Tensor **u, Tensor **v) {
  printf("\n3. TWO ENCODERS, from pictures and captions to unit vectors\n\n");
  show_tokens(b);
  *u = clip_encode_image(m->tape, &m->clip, &b->images);
  *v = read_captions(m, b);
  show_vectors('u', *u);
  show_vectors('v', *v);
}

// Four by four numbers
static void show_row(const char *before, const real *x) {
  printf("%s", before);
  for (int j = 0; j < N; j++) printf("%9.5f", (double)x[j]);
}

// Two losses of the same cosines
static void compare_losses(Tape *tape, Tensor *u, Tensor *v) {
  real minus_ten = -10;
  Tensor bias = {.name = "bias", .shape = SCALAR, .value = &minus_ten};
  Tensor *cosines = linear(tape, u, v, NULL);
  Tensor *a = scale_by(tape, cosines, 1 / 0.07);
  Tensor *b = shift_by(tape, scale_by(tape, cosines, 10), &bias);
  Tensor *nce = info_nce(tape, a, INFO_NCE_HALF, NULL);
  Tensor *sigmoid = sigmoid_loss(tape, b, NULL, SIGMOID_BY_ROWS, NULL);
  tape_backward(tape, add(tape, nce, sigmoid));
  printf("\n4. COSINES of u[i] and v[j]; the true pairs are on the diagonal\n");
  for (int i = 0; i < N; i++) show_row("\n  ", cosines->value + i * N);
  printf("\n\n5. TWO LOSSES of these cosines, and their gradients by the logits\n\n");
  // Print both losses and both gradients
  printf("   InfoNCE, t = 1/0.07          %8.4f   (knowing nothing: ln 4 = %.4f)\n",
         (double)nce->value[0], log(N));
  printf("   sigmoid, t = 10, b = -10     %8.4f   (knowing nothing: %.6f)\n\n",
         (double)sigmoid->value[0], softplus(10) + (N - 1) * softplus(-10));
  printf("   %-40s%s", "InfoNCE", "sigmoid");
  for (int i = 0; i < N; i++) {
    show_row("\n  ", a->grad + i * N);
    show_row("    ", b->grad + i * N);
  }
}

// One step of training
static Tensor *loss_of(const Model *m, Batch *b) {
  Tensor *u = clip_encode_image(m->tape, &m->clip, &b->images), *v = read_captions(m, b);
  return clip_loss(m->tape, &m->clip, u, v, NULL, NULL);
}

static void take_step(const char *name, ClipConfig config, Batch *batch) {
  Model m = model_make(config);
  Optimizer optimizer = optimizer_new(OPTIMIZER_ADAMW, m.params, 0.98, 0.1);
  Tensor *loss = loss_of(&m, batch);
  const double before = (double)loss->value[0];
  params_clear_grad(m.params);
  tape_backward(m.tape, loss);
  adamw_update(&optimizer, 1e-4);
  clip_clamp(&m.clip);
  tape_reset(m.tape, (RandomKey){0});
  const double after = (double)loss_of(&m, batch)->value[0];
  printf("   %-30s%9.4f ->%8.4f, lower by%8.4f\n", name, before, after, before - after);
  optimizer_free(&optimizer), model_free(&m);
}

// The main function of the sketch
int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  omp_set_num_threads(1);
  Batch batch = batch_make();
  show_pictures(&batch);
  show_patches(&batch);
  const ClipConfig clip = clip_config(tokenizer_size(batch.tokenizer));
  Model model = model_make(clip);
  Tensor *u, *v;
  walk_through(&model, &batch);
  see_and_read(&model, &batch, &u, &v);
  compare_losses(model.tape, u, v);
  // Take a step of each loss
  ClipConfig swapped = clip, siglip = clip;
  swapped.loss = LOSS_SIGMOID, swapped.scale = 10;
  swapped.biased = true, swapped.bias = -10;
  siglip.embed = D;
  siglip_variant(&siglip);
  printf("\n\n6. ONE STEP of AdamW: the loss of this batch before and after\n\n");
  take_step("CLIP", clip, &batch);
  take_step("CLIP's encoders, SigLIP's loss", swapped, &batch);
  take_step("SigLIP", siglip, &batch);
  model_free(&model), batch_free(&batch);
  return 0;
}
