/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "models/vit.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "testing.h"
#include "train/adamw.h"
#include "train/safetensors.h"

#include "base/fail.h"

// Read what PyTorch computed
static const double agreement = sizeof(real) == 4 ? 1e-5 : 1e-11;

static Safetensors *witness(const char *name) {
  char path[256];
  snprintf(path, sizeof path, "tests/fixtures/%s.safetensors", name);
  Safetensors *file = safetensors_read(path);
  ck_assert_msg(file != NULL, "%s", fail_message());
  return file;
}

/* Room for a tensor of the file, filled. */
static Tensor *take(const Safetensors *file, Params *params, const char *op,
                    const char *part, Shape shape) {
  const char *name = params_name(params, "%s.%s", op, part);
  ck_assert_msg(safetensors_check(file, name, shape), "%s", fail_message());
  Tensor *t = params_add(params, name, shape, init_constant(0), PARAM_DECAYED);
  t->value = calloc(tensor_size(t), sizeof(real));
  t->grad = calloc(tensor_size(t), sizeof(real));
  safetensors_get(file, name, t->value);
  return t;
}

static void agree(const Safetensors *file, const char *name, Shape shape,
                  const real *ours) {
  Tensor t = {.shape = shape};
  real *theirs = calloc(tensor_size(&t), sizeof(real));
  ck_assert_msg(safetensors_check(file, name, shape), "%s", fail_message());
  safetensors_get(file, name, theirs);
  double error = relative_error(ours, theirs, tensor_size(&t));
  ck_assert_msg(error < agreement, "%s: relative error %.2e", name, error);
  free(theirs);
}

// One operation against the witness
static void check_parts(const Safetensors *file, Params *params, Tape *tape,
                        const char *op, Tensor *y, Tensor *const inputs[3]) {
  static const char *const parts[] = {"dx", "dw", "db"};
  agree(file, params_name(params, "%s.y", op), y->shape, y->value);
  Tensor *dy = take(file, params, op, "dy", y->shape);
  dy->needs_grad = false;
  tape_backward(tape, sum(tape, mul(tape, y, dy)));
  for (int i = 0; i < 3; i++)
    if (inputs[i])
      agree(file, params_name(params, "%s.%s", op, parts[i]), inputs[i]->shape,
            inputs[i]->grad);
}

START_TEST(rows_agree) {
  Safetensors *file = witness("ops");
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *x = take(file, params, "linear", "x", SHAPE(3, 5, 7));
  Tensor *w = take(file, params, "linear", "w", SHAPE(6, 7));
  Tensor *b = take(file, params, "linear", "b", SHAPE(6));
  check_parts(file, params, tape, "linear", linear(tape, x, w, b),
              (Tensor *[]){x, w, b});
  for (int i = 0; i < 2; i++) {
    const char *op = i ? "layernorm6" : "layernorm5";
    x = take(file, params, op, "x", SHAPE(4, 12));
    w = take(file, params, op, "w", SHAPE(12));
    b = take(file, params, op, "b", SHAPE(12));
    check_parts(file, params, tape, op, layernorm(tape, x, w, b, i ? 1e-6 : 1e-5),
                (Tensor *[]){x, w, b});
  }
  static const char *const gelus[] = {"gelu_erf", "gelu_tanh", "gelu_quick"};
  for (int kind = 0; kind < 3; kind++) {
    x = take(file, params, gelus[kind], "x", SHAPE(40));
    check_parts(file, params, tape, gelus[kind], gelu(tape, x, (GeluKind)kind),
                (Tensor *[]){x, NULL, NULL});
  }
  x = take(file, params, "softmax", "x", SHAPE(4, 9));
  check_parts(file, params, tape, "softmax", softmax(tape, x),
              (Tensor *[]){x, NULL, NULL});
  x = take(file, params, "normalize", "x", SHAPE(4, 9));
  check_parts(file, params, tape, "normalize", normalize(tape, x, 0),
              (Tensor *[]){x, NULL, NULL});
}
END_TEST

START_TEST(losses_and_attention_agree) {
  Safetensors *file = witness("ops");
  Params *params = params_new();
  Tape *tape = tape_new();
  for (int i = 0; i < 2; i++) {
    const char *op = i ? "cross_entropy1" : "cross_entropy0";
    Tensor *x = take(file, params, op, "x", SHAPE(6, 5));
    Tensor *ids = take(file, params, op, "labels", SHAPE(6));
    int labels[6];
    for (int k = 0; k < 6; k++) labels[k] = (int)ids->value[k];
    Tensor *y = cross_entropy(tape, x, labels, i ? 0.1 : 0, NULL);
    agree(file, params_name(params, "%s.y", op), SHAPE(1), y->value);
    tape_backward(tape, y);
    agree(file, params_name(params, "%s.dx", op), x->shape, x->grad);
    op = i ? "attention_causal" : "attention";
    x = take(file, params, op, "x", SHAPE(2, 5, 36));
    check_parts(file, params, tape, op, attention(tape, x, 3, i, NULL),
                (Tensor *[]){x, NULL, NULL});
  }
}
END_TEST

// A whole model against the witness
START_TEST(convolution_agrees) {
  Safetensors *file = witness("ops");
  Params *params = params_new();
  Tape *tape = tape_new();
  Tensor *x = take(file, params, "convolution", "x", SHAPE(2, 3, 8, 8));
  Tensor *w = take(file, params, "convolution", "w", SHAPE(5, 3, 4, 4));
  Tensor *b = take(file, params, "convolution", "b", SHAPE(5));
  check_parts(file, params, tape, "convolution",
              linear(tape, patch_tokens(tape, x, 4), w, b), (Tensor *[]){x, w, b});
}
END_TEST

START_TEST(embedding_and_adamw_agree) {
  Safetensors *file = witness("ops");
  Params *params = params_new();
  Tape *tape = tape_new();
  int ids[10];
  Tensor *table = take(file, params, "embedding", "w", SHAPE(6, 7));
  Tensor *which = take(file, params, "embedding", "ids", SHAPE(2, 5));
  for (int i = 0; i < 10; i++) ids[i] = (int)which->value[i];
  check_parts(file, params, tape, "embedding", embedding(tape, table, ids, 2, 5),
              (Tensor *[]){NULL, table, NULL});
  Tensor *grads = take(file, params, "adamw", "grads", SHAPE(5, 20));
  Params *one = params_new();
  Tensor *w = params_add(one, "w", SHAPE(20), init_constant(0), PARAM_DECAYED);
  params_fill(one, 0);
  safetensors_get(file, "adamw.w", w->value);
  AdamW adamw = adamw_new(one, 0.999, 0.05);
  for (int step = 0; step < 5; step++) {
    memcpy(w->grad, grads->value + 20 * step, 20 * sizeof(real));
    adamw_update(&adamw, 0.01);
  }
  agree(file, "adamw.y", SHAPE(20), w->value);
}
END_TEST

static void vit_agrees(const char *name, VitConfig config) {
  Safetensors *file = witness(name);
  Params *params = params_new();
  Tape *tape = tape_new();
  int labels[4];
  real numbers[4];
  Vit vit = vit_declare(params, "", config);
  Tensor *images = params_add(params, "images", SHAPE(4, 3, 8, 8), init_constant(0),
                              PARAM_PLAIN);
  params_fill(params, 0);
  for (int i = 0; i < params->count; i++) {
    Tensor *t = params->list[i].tensor;
    ck_assert_msg(safetensors_check(file, t->name, t->shape), "%s", fail_message());
    safetensors_get(file, t->name, t->value);
  }
  safetensors_get(file, "labels", numbers);
  for (int i = 0; i < 4; i++) labels[i] = (int)numbers[i];
  Tensor *logits = vit_forward(tape, &vit, images);
  Tensor *loss = cross_entropy(tape, logits, labels, 0, NULL);
  tape_backward(tape, loss);
  agree(file, "logits", SHAPE(4, 5), logits->value);
  agree(file, "loss", SHAPE(1), loss->value);
  for (int i = 0; i < params->count; i++) {
    const Tensor *t = params->list[i].tensor;
    if (t->needs_grad)
      agree(file, params_name(params, "grad.%s", t->name), t->shape, t->grad);
  }
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

TEST_MAIN("witness", rows_agree, losses_and_attention_agree, convolution_agrees,
          embedding_and_adamw_agree, vits_agree)
