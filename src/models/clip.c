/* Tangled from chapters/08-clip.nw: edit that, not this. */
#include "models/clip.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"

// Declare two encoders
bool clip_check(const ClipConfig *c) {
  if (c->no_image_projection && c->embed != c->image.width)
    return fail("embed: expected the image encoder's width %d, since nothing "
                "projects its vector, found %d", c->image.width, c->embed);
  assert(!(c->no_image_projection && c->image_bias));
  if (c->chunks && c->loss < LOSS_SIGMOID)
    return fail("chunks: expected loss sigmoid or sigmoid-mean, found InfoNCE, which "
                "is computed by whole rows here");
  return vit_check(&c->image) && text_check(&c->text);
}

Clip clip_declare(Params *params, ClipConfig c) {
  Clip clip = {.config = c};
  clip.visual = vit_declare(params, "visual.", c.image);
  clip.text = text_declare(params, "text.", c.text);
  if (!c.no_image_projection)
    clip.visual_projection.weight =
        params_add(params, "visual_projection.weight", SHAPE(c.embed, c.image.width),
                   init_normal(sqrt(1.0 / c.image.width)), PARAM_DECAYED);
  if (c.image_bias)
    clip.visual_projection.bias =
        params_add(params, "visual_projection.bias", SHAPE(c.embed), init_constant(0),
                   PARAM_PLAIN);
  clip.text_projection.weight =
      params_add(params, "text_projection.weight", SHAPE(c.embed, c.text.width),
                 init_normal(sqrt(1.0 / c.text.width)), PARAM_DECAYED);
  if (c.text_bias)
    clip.text_projection.bias = params_add(params, "text_projection.bias",
                                           SHAPE(c.embed), init_constant(0), PARAM_PLAIN);
  clip.logit_scale =
      params_add(params, "logit_scale", SCALAR,
                 init_constant(log(c.scale > 0 ? c.scale : 1 / 0.07)), PARAM_PLAIN);
  if (c.biased)
    clip.logit_bias =
        params_add(params, "logit_bias", SCALAR, init_constant(c.bias), PARAM_PLAIN);
  return clip;
}

// From pictures and texts to a loss
static const double eps = 1e-8;

Tensor *clip_encode_image(Tape *tape, const Clip *clip, Tensor *images) {
  Tensor *x = vit_features(tape, &clip->visual, images);
  const Affine *projection = &clip->visual_projection;
  if (projection->weight) x = linear(tape, x, projection->weight, projection->bias);
  return normalize(tape, x, eps);
}

Tensor *clip_encode_text(Tape *tape, const Clip *clip, const int *ids, int B, int T) {
  Tensor *x = text_forward(tape, &clip->text, ids, B, T);
  const Affine *projection = &clip->text_projection;
  return normalize(tape, linear(tape, x, projection->weight, projection->bias), eps);
}

Tensor *clip_logits(Tape *tape, const Clip *clip, Tensor *u, Tensor *v) {
  Tensor *logits = scale_exp(tape, linear(tape, u, v, NULL), clip->logit_scale);
  return clip->logit_bias ? shift_by(tape, logits, clip->logit_bias) : logits;
}

SigmoidForm clip_sigmoid_form(const Clip *clip) {
  return clip->config.loss == LOSS_SIGMOID_MEAN ? SIGMOID_BY_PAIRS : SIGMOID_BY_ROWS;
}

Tensor *clip_loss(Tape *tape, const Clip *clip, Tensor *u, Tensor *v,
                  const unsigned char *positives, double *correct) {
  const ClipConfig *c = &clip->config;
  const SigmoidForm form = clip_sigmoid_form(clip);
  if (c->chunks)
    return sigmoid_loss_in_chunks(tape, u, v, clip->logit_scale, clip->logit_bias,
                                  positives, form, c->chunks, correct);
  Tensor *logits = clip_logits(tape, clip, u, v);
  if (c->loss >= LOSS_SIGMOID) return sigmoid_loss(tape, logits, positives, form,
                                                   correct);
  const InfoNceForm halved = c->loss == LOSS_SUM ? INFO_NCE_SUM : INFO_NCE_HALF;
  return positives ? info_nce_shared(tape, logits, positives, halved, correct)
                   : info_nce(tape, logits, halved, correct);
}

void clip_clamp(const Clip *clip) {
  real *s = clip->logit_scale->value;
  *s = (real)fmin(fmax((double)*s, 0), log(100));
}

// Clip as published
double clip_macs(const ClipConfig *c, int T) {
  return vit_macs(&c->image) + text_macs(&c->text, T) +
         (double)c->embed * (c->image.width + c->text.width);
}
