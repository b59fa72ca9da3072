/* Tangled from chapters/10-eva.nw: edit that, not this. */
#include "models/eva.h"

#include <assert.h>
#include <string.h>

#include "kernels/dot.h"
#include "tensor/layers.h"

int eva_outputs(const EvaConfig *c) {
  const VitConfig *v = &c->student;
  if (c->target == EVA_FEATURES) return c->embed;
  return v->channels * v->patch_size * v->patch_size;
}

Eva eva_declare(Params *params, EvaConfig c) {
  const int width = c.student.width, outputs = eva_outputs(&c);
  Eva eva = {.config = c};
  assert(c.student.pool == POOL_CLS && !c.student.classes);
  eva.student = vit_declare(params, "", c.student);
  eva.mask_token = params_add(params, "mask_token", SHAPE(1, 1, width),
                              init_truncated(0.015), PARAM_DECAYED);
  eva.head = params_add_linear(params, "", "lm_head", SHAPE(outputs, width),
                               init_truncated(0.015), init_constant(0));
  return eva;
}

// Say what is hidden
static void scale_gradient_backward(const Entry *e) {
  const real part = *(const real *)e->saved;
  for (size_t i = 0; i < tensor_size(e->output); i++)
    e->input[0]->grad[i] += part * e->output->grad[i];
}

Tensor *scale_gradient(Tape *tape, Tensor *x, double part) {
  Tensor *y = tape_tensor(tape, "scale_gradient", x->shape);
  real *saved = tape_memory(tape, sizeof *saved);
  *saved = (real)part;
  memcpy(y->value, x->value, tensor_size(x) * sizeof *x->value);
  tape_record(tape, y, scale_gradient_backward, saved, x, NULL, NULL);
  return y;
}

Tensor *eva_predict(Tape *tape, const Eva *eva, Tensor *images, const Masking *mask) {
  const Vit *vit = &eva->student;
  assert(mask->kept == mask->patches && mask->patches == vit->patches);
  Tensor *x = vit_patch_embed(tape, vit, images);
  if (eva->config.patch_gradient < 1)
    x = scale_gradient(tape, x, eva->config.patch_gradient);
  if (!eva->config.unmasked)
    x = scatter_tokens(tape, x, eva->mask_token, mask->restore, vit->patches);
  x = vit_encode(tape, vit, vit_add_positions(tape, vit, x), NULL);
  x = vit_drop_cls(tape, vit, x);
  return linear(tape, x, eva->head.weight, eva->head.bias);
}

// What the teacher sees
Tensor *eva_teacher_features(Tape *tape, const Clip *teacher, Tensor *images) {
  const bool recording = tape->recording, training = tape->training, bf16 = tape->bf16;
  tape->recording = tape->training = tape->bf16 = false;
  const Vit *vit = &teacher->visual;
  Tensor *x = vit_encode(tape, vit, vit_embed(tape, vit, images), NULL);
  x = vit_drop_cls(tape, vit, x);
  x = linear(tape, x, teacher->visual_projection.weight, teacher->visual_projection.bias);
  tape->recording = recording, tape->training = training, tape->bf16 = bf16;
  return x;
}

// The cosine of hidden patches
typedef struct CosineSaved {
  const int *restore;
  real *cosine; /* [B N] */
  real *weight; /* of a hidden patch of each image */
} CosineSaved;
static void cosine_backward(const Entry *e) {
  const CosineSaved *s = e->saved;
  Tensor *predicted = e->input[0];
  const int N = predicted->shape.size[1], n = tensor_last(predicted);
  for (int r = 0; r < tensor_rows(predicted); r++) {
    if (s->restore[r] >= 0) continue;
    const real *a = predicted->value + (size_t)r * n,
    *b = e->input[1]->value + (size_t)r * n;
    const real la = (real)vector_length(a, n), lb = (real)vector_length(b, n);
    const real slope = -e->output->grad[0] * s->weight[r / N] / la;
    for (int i = 0; i < n; i++)
      predicted->grad[(size_t)r * n + i] +=
          slope * (b[i] / lb - s->cosine[r] * a[i] / la);
  }
}

Tensor *masked_cosine_loss(Tape *tape, Tensor *predicted, Tensor *target,
                           const Masking *mask) {
  const int N = mask->patches, rows = mask->images * N, n = tensor_last(predicted);
  Tensor *loss = tape_tensor(tape, "masked_cosine", SCALAR);
  CosineSaved *s = tape_memory(tape, sizeof *s);
  *s = (CosineSaved){mask->restore, tape_memory(tape, (size_t)rows * sizeof(real)),
                     tape_memory(tape, (size_t)mask->images * sizeof(real))};
  assert(shape_equal(predicted->shape, target->shape) && !target->requires_grad);
  double sum = 0;
  for (int r = 0; r < rows; r++) {
    const int b = r / N;
    if (r % N == 0) {
      assert(masking_hidden(mask, b) > 0);
      s->weight[b] = (real)(1.0 / ((double)mask->images * masking_hidden(mask, b)));
    }
    if (mask->restore[r] >= 0) continue;
    s->cosine[r] = (real)vector_cosine(predicted->value + (size_t)r * n,
                                       target->value + (size_t)r * n, n);
    sum += (double)(s->weight[b] * s->cosine[r]);
  }
  loss->value[0] = (real)-sum;
  tape_record(tape, loss, cosine_backward, s, predicted, target, NULL);
  return loss;
}

Tensor *eva_loss(Tape *tape, const Eva *eva, const Clip *teacher, Tensor *images,
                 const Masking *mask) {
  Tensor *predicted = eva_predict(tape, eva, images, mask);
  if (eva->config.target == EVA_FEATURES)
    return masked_cosine_loss(tape, predicted,
                              eva_teacher_features(tape, teacher, images), mask);
  return masked_mse(tape, predicted,
                    patch_targets(tape, images, eva->config.student.patch_size,
                                  eva->config.normalize), mask);
}
