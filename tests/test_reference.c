/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "io/safetensors.h"
#include "kernels/bf16.h"
#include "models/vit.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "testing.h"
#include "train/optimizer.h"

#include "base/error.h"

// Read what PyTorch computed
typedef struct Reference {
  Safetensors *file;
  Params *params; /* its arena holds what is taken from the file */
  Tape *tape;
  double agreement;
} Reference;

static Reference reference(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "tests/fixtures/%s.safetensors", name);
  return (Reference){fixture_open(path), params_new(), tape_new(),
                     sizeof(real) == 4 ? 1e-5 : 1e-11};
}

static void done(Reference *w) {
  safetensors_free(w->file), tape_free(w->tape), params_free(w->params);
}

/* A tensor of the file with room for a gradient. */
static Tensor *take(Reference *w, const char *op, const char *part, Shape shape) {
  const char *name = params_name(w->params, "%s.%s", op, part);
  ck_assert_msg(safetensors_check(w->file, name, shape), "%s", fail_message());
  Tensor *t = arena_get(w->params->arena, sizeof *t);
  *t = (Tensor){.name = name, .shape = shape, .requires_grad = true};
  size_t bytes = tensor_size(t) * sizeof(real);
  t->value = arena_get(w->params->arena, bytes);
  t->grad = memset(arena_get(w->params->arena, bytes), 0, bytes);
  safetensors_get(w->file, name, t->value);
  return t;
}

static void agree(Reference *w, const char *name, Shape shape, const real *ours) {
  Tensor t = {.shape = shape};
  real *theirs = arena_get(w->params->arena, tensor_size(&t) * sizeof(real));
  ck_assert_msg(safetensors_check(w->file, name, shape), "%s", fail_message());
  safetensors_get(w->file, name, theirs);
  double error = relative_error(ours, theirs, tensor_size(&t));
  ck_assert_msg(error < w->agreement, "%s: relative error %.2e", name, error);
}

// One operation against PyTorch
static void check_parts(Reference *w, const char *op, Tensor *y,
                        Tensor *const inputs[3]) {
  static const char *const parts[] = {"dx", "dw", "db"};
  agree(w, params_name(w->params, "%s.y", op), y->shape, y->value);
  Tensor *dy = take(w, op, "dy", y->shape);
  dy->requires_grad = false;
  tape_backward(w->tape, sum(w->tape, mul(w->tape, y, dy)));
  for (int i = 0; i < 3; i++)
    if (inputs[i])
      agree(w, params_name(w->params, "%s.%s", op, parts[i]), inputs[i]->shape,
            inputs[i]->grad);
}

/* An operation of one input. */
#define AGREE_ON(w, op, x_shape, result)                                     \
  do {                                                                       \
    Tensor *x = take(&w, op, "x", x_shape);                                  \
    check_parts(&w, op, result, (Tensor *[]){x, NULL, NULL});                \
  } while (0)

START_TEST(linear_agrees) {
  Reference w = reference("ops");
  Tensor *x = take(&w, "linear", "x", SHAPE(3, 5, 7));
  Tensor *m = take(&w, "linear", "w", SHAPE(6, 7));
  Tensor *b = take(&w, "linear", "b", SHAPE(6));
  check_parts(&w, "linear", linear(w.tape, x, m, b), (Tensor *[]){x, m, b});
  done(&w);
}
END_TEST

START_TEST(layernorm_agrees) {
  Reference w = reference("ops");
  for (int i = 0; i < 2; i++) {
    const char *op = i ? "layernorm6" : "layernorm5";
    Tensor *x = take(&w, op, "x", SHAPE(4, 12));
    Tensor *g = take(&w, op, "w", SHAPE(12)), *b = take(&w, op, "b", SHAPE(12));
    check_parts(&w, op, layernorm(w.tape, x, g, b, i ? 1e-6 : 1e-5),
                (Tensor *[]){x, g, b});
  }
  done(&w);
}
END_TEST

START_TEST(functions_of_one_input_agree) {
  Reference w = reference("ops");
  AGREE_ON(w, "gelu_erf", SHAPE(40), gelu(w.tape, x, GELU_ERF));
  AGREE_ON(w, "gelu_tanh", SHAPE(40), gelu(w.tape, x, GELU_TANH));
  AGREE_ON(w, "gelu_quick", SHAPE(40), gelu(w.tape, x, GELU_QUICK));
  AGREE_ON(w, "softmax", SHAPE(4, 9), softmax(w.tape, x));
  AGREE_ON(w, "normalize", SHAPE(4, 9), normalize(w.tape, x, 0));
  const Mask all = {false}, causal = {.causal = true};
  AGREE_ON(w, "attention", SHAPE(2, 5, 36), attention(w.tape, x, 3, all, NULL));
  AGREE_ON(w, "attention_causal", SHAPE(2, 5, 36), attention(w.tape, x, 3, causal, NULL));
  done(&w);
}
END_TEST

START_TEST(bf16_agrees) {
  Reference w = reference("bf16");
  Tensor *number = take(&w, "round", "x", SHAPE(64));
  Tensor *want = take(&w, "round", "y", SHAPE(64));
  for (int i = 0; i < 64; i++) ck_assert(bf16(number->value[i]) == want->value[i]);
  w.tape->bf16 = true;
  Tensor *in = take(&w, "linear", "x", SHAPE(13, 40));
  Tensor *m = take(&w, "linear", "w", SHAPE(21, 40));
  Tensor *b = take(&w, "linear", "b", SHAPE(21));
  check_parts(&w, "linear", linear(w.tape, in, m, b), (Tensor *[]){in, m, b});
  w.agreement = sizeof(real) == 4 ? 0x1p-8 : 1e-11;
  tape_reset(w.tape, (RandomKey){0});
  AGREE_ON(w, "attention", SHAPE(2, 7, 72), attention(w.tape, x, 3, (Mask){false},
                                                       NULL));
  done(&w);
}
END_TEST

START_TEST(cross_entropy_agrees) {
  Reference w = reference("ops");
  for (int i = 0; i < 2; i++) {
    const char *op = i ? "cross_entropy1" : "cross_entropy0";
    Tensor *x = take(&w, op, "x", SHAPE(6, 5));
    Tensor *ids = take(&w, op, "labels", SHAPE(6));
    int labels[6];
    for (int k = 0; k < 6; k++) labels[k] = (int)ids->value[k];
    Tensor *y = cross_entropy(w.tape, x, labels, i ? 0.1 : 0, NULL);
    agree(&w, params_name(w.params, "%s.y", op), SHAPE(1), y->value);
    tape_backward(w.tape, y);
    agree(&w, params_name(w.params, "%s.dx", op), x->shape, x->grad);
  }
  done(&w);
}
END_TEST

// A whole model against PyTorch
START_TEST(convolution_agrees) {
  Reference w = reference("ops");
  Tensor *x = take(&w, "convolution", "x", SHAPE(2, 3, 8, 8));
  Tensor *m = take(&w, "convolution", "w", SHAPE(5, 3, 4, 4));
  Tensor *b = take(&w, "convolution", "b", SHAPE(5));
  check_parts(&w, "convolution", linear(w.tape, patch_tokens(w.tape, x, 4), m, b),
              (Tensor *[]){x, m, b});
  done(&w);
}
END_TEST

START_TEST(embedding_agrees) {
  Reference w = reference("ops");
  int ids[10];
  Tensor *table = take(&w, "embedding", "w", SHAPE(6, 7));
  Tensor *which = take(&w, "embedding", "ids", SHAPE(2, 5));
  for (int i = 0; i < 10; i++) ids[i] = (int)which->value[i];
  check_parts(&w, "embedding", embedding(w.tape, table, ids, 2, 5),
              (Tensor *[]){NULL, table, NULL});
  done(&w);
}
END_TEST

START_TEST(adamw_agrees) {
  Reference w = reference("ops");
  Tensor *grads = take(&w, "adamw", "grads", SHAPE(5, 20));
  Tensor *t = params_add(w.params, "w", SHAPE(20), init_constant(0), PARAM_DECAYED);
  params_fill(w.params, 0);
  safetensors_get(w.file, "adamw.w", t->value);
  Optimizer adamw = optimizer_new(OPTIMIZER_ADAMW, w.params, 0.999, 0.05);
  for (int step = 0; step < 5; step++) {
    memcpy(t->grad, grads->value + 20 * step, 20 * sizeof(real));
    adamw_update(&adamw, 0.01);
  }
  agree(&w, "adamw.y", SHAPE(20), t->value);
  optimizer_free(&adamw);
  done(&w);
}
END_TEST
static void vit_agrees(const char *name, VitConfig config) {
  Reference w = reference(name);
  Vit vit = vit_declare(w.params, "", config);
  Tensor *images = params_add(w.params, "images", SHAPE(4, 3, 8, 8),
                              init_constant(0), PARAM_PLAIN);
  int labels[4];
  real numbers[4];
  params_fill(w.params, 0);
  // Take images, labels and parameters from the file
  for (int i = 0; i < w.params->count; i++) {
    Tensor *t = w.params->list[i].tensor;
    ck_assert_msg(safetensors_check(w.file, t->name, t->shape), "%s", fail_message());
    safetensors_get(w.file, t->name, t->value);
  }
  safetensors_get(w.file, "labels", numbers);
  for (int i = 0; i < 4; i++) labels[i] = (int)numbers[i];
  Tensor *logits = vit_forward(w.tape, &vit, images);
  Tensor *loss = cross_entropy(w.tape, logits, labels, 0, NULL);
  tape_backward(w.tape, loss);
  agree(&w, "logits", SHAPE(4, 5), logits->value);
  agree(&w, "loss", SHAPE(1), loss->value);
  for (int i = 0; i < w.params->count; i++) {
    const Tensor *t = w.params->list[i].tensor;
    if (t->requires_grad)
      agree(&w, params_name(w.params, "grad.%s", t->name), t->shape, t->grad);
  }
  done(&w);
}

START_TEST(vits_agree) {
  VitConfig c = {.image_size = 8, .channels = 3, .patch_size = 4, .width = 12,
                 .depth = 2, .heads = 3, .mlp = 20, .classes = 5,
                 .position = POSITION_LEARNED, .eps = 1e-6};
  vit_agrees("vit_cls", c);
  c.post_norm = true;
  c.gelu = GELU_QUICK;
  vit_agrees("vit_post", c);
  c.post_norm = false;
  c.gelu = GELU_TANH;
  c.pool = POOL_MEAN;
  c.position = POSITION_SINCOS;
  vit_agrees("vit_mean", c);
}
END_TEST

TEST_MAIN("reference", linear_agrees, layernorm_agrees, functions_of_one_input_agree,
          cross_entropy_agrees, convolution_agrees, embedding_agrees, adamw_agrees,
          bf16_agrees, vits_agree)
