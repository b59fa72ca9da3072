/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "models/eva.h"

#include "base/error.h"
#include "io/safetensors.h"
#include "kernels/dot.h"
#include "models/presets.h"
#include "nn/masking.h"
#include "testing.h"
#include "train/optimizer.h"

enum { B = 3, SIDE = 12, N = 9, CHANNELS = 2, E = 5 };
static const VitConfig student = {.image_size = SIDE, .channels = CHANNELS,
                                  .patch_size = 4, .width = 12, .depth = 2, .heads = 3,
                                  .mlp = 20, .position = POSITION_LEARNED,
                                  .eps = 1e-6};

// A tiny student and its teacher
typedef struct Model {
  Params *params, *own; /* of student and images, of the teacher */
  Tape *tape;
  Eva eva;
  Clip teacher;
  Tensor *images;
  Masking mask;
} Model;

static Model model_with(EvaConfig config, PoolKind pool) {
  Model m = {.params = params_new(), .own = params_new(), .tape = tape_new()};
  const ClipConfig clip = {
      .image = {.image_size = SIDE, .channels = CHANNELS, .patch_size = 4, .width = 8,
                .depth = 1, .heads = 2, .mlp = 12, .position = POSITION_LEARNED,
                .style = STYLE_CLIP, .pool = pool, .gelu = GELU_QUICK, .eps = 1e-5},
      .text = {.vocabulary = TOKENIZER_SYMBOLS + 4, .context = 4, .width = 4, .depth = 1,
               .heads = 1, .mlp = 4, .eps = 1e-5}, .embed = E};
  config.student = student;
  config.embed = E;
  m.images = random_parameter(m.params, "images", SHAPE(B, CHANNELS, SIDE, SIDE), 1);
  m.eva = eva_declare(m.params, config);
  m.teacher = clip_declare(m.own, clip);
  params_fill(m.params, 2);
  params_fill(m.own, 3);
  for (int i = 0; i < student.width; i++) /* LayerNorm bends sharply near zero */
    m.eva.mask_token->value[i] = (real)cos(i),
    m.eva.student.cls_token->value[i] = (real)sin(i);
  tape_reset(m.tape, (RandomKey){0});
  m.mask = masking_blocks(m.tape, B, 3, 3, 0.41, random_key(5, "mask"), NULL);
  return m;
}
static Model model_of(EvaConfig config) { return model_with(config, POOL_CLS); }

static void done(Model *m) {
  tape_free(m->tape), params_free(m->params), params_free(m->own);
}

// The loss of features
/* The loss of rows a against b; all patches of one image are hidden. */
static Tensor *loss_of(Tape *tape, Params *params, const real *a, const real *b,
                       int patches, int n, Tensor **predicted) {
  int *restore = tape_memory(tape, (size_t)patches * sizeof *restore);
  const Masking mask = {1, patches, patches, NULL, restore};
  for (int i = 0; i < patches; i++) restore[i] = -1;
  *predicted = params_add(params, "said", SHAPE(1, patches, n), init_constant(0),
                          PARAM_PLAIN);
  params_fill(params, 1);
  Tensor *target = tape_tensor(tape, "target", SHAPE(1, patches, n));
  memcpy((*predicted)->value, a, tensor_size(target) * sizeof *a);
  memcpy(target->value, b, tensor_size(target) * sizeof *b);
  Tensor *loss = masked_cosine_loss(tape, *predicted, target, &mask);
  tape_backward(tape, loss);
  return loss;
}

START_TEST(cosines_by_hand) {
  Tape *tape = tape_new();
  Params *params = params_new();
  Tensor *predicted;
  Tensor *loss = loss_of(tape, params, (real[]){3, 4, 1, 0}, (real[]){0, 2, -5, 0}, 2, 2,
                         &predicted);
  ck_assert_double_eq_tol(loss->value[0], -(0.8 - 1) / 2, 1e-6);
  static const double want[] = {0.048, -0.036, 0, 0};
  for (int i = 0; i < 4; i++) ck_assert_double_eq_tol(predicted->grad[i], want[i], 1e-7);
  params_free(params), tape_free(tape);
}
END_TEST

START_TEST(cosines_and_lengths) {
  enum { ROWS = 50, LONG = 64 };
  real a[ROWS * LONG], louder[ROWS * LONG], b[ROWS * LONG];
  Tape *tape = tape_new();
  Params *params[4];
  Tensor *predicted[4];
  double along = 0;
  // Make answers and targets at random
  for (int i = 0; i < ROWS * LONG; i++) {
    a[i] = (real)random_normal(random_key(1, "a"), (uint64_t)i);
    b[i] = (real)random_normal(random_key(1, "b"), (uint64_t)i);
    louder[i] = 7 * a[i];
  }
  for (int i = 0; i < 4; i++) params[i] = params_new();
  Tensor *plain = loss_of(tape, params[0], a, b, ROWS, LONG, &predicted[0]);
  for (int i = 0; i < ROWS * LONG; i++) along += (double)(a[i] * predicted[0]->grad[i]);
  const double loss = (double)plain->value[0];
  // Say it louder, perfectly and not at all
  tape_reset(tape, (RandomKey){0});
  const double loud =
      (double)loss_of(tape, params[1], louder, b, ROWS, LONG, &predicted[1])->value[0];
  tape_reset(tape, (RandomKey){0});
  const double perfect =
      (double)loss_of(tape, params[2], b, b, ROWS, LONG, &predicted[2])->value[0];
  tape_reset(tape, (RandomKey){0});
  const real zeros[LONG] = {0};
  const double silent =
      (double)loss_of(tape, params[3], zeros, b, 1, LONG, &predicted[3])->value[0];
  ck_assert_double_eq_tol(loss, 0, 0.1);
  ck_assert_double_eq_tol(along, 0, 1e-6);
  ck_assert_double_eq_tol(loud, loss, 1e-6);
  ck_assert_double_eq_tol(perfect, -1, 1e-6);
  ck_assert_double_eq_tol(silent, 0, 1e-12);
  ck_assert(isfinite(predicted[3]->grad[0]) && predicted[3]->grad[0] != 0);
  for (int i = 0; i < 4; i++) params_free(params[i]);
  tape_free(tape);
}
END_TEST

START_TEST(images_count_the_same) {
  Tape *tape = tape_new();
  int restore[] = {-1, 1, 2, -1, -1, -1}; /* of one image one patch, of the other all */
  const Masking mask = {2, 3, 3, NULL, restore};
  Tensor *a = tape_tensor(tape, "a", SHAPE(2, 3, 2));
  Tensor *b = tape_tensor(tape, "b", SHAPE(2, 3, 2));
  static const real predicted[] = {1, 0, 9, 9, 9, 9, 1, 0, 0, 1, 1, 0};
  for (int i = 0; i < 12; i++) a->value[i] = predicted[i],
  b->value[i] = (real)(i % 2 == 0);
  ck_assert_double_eq_tol(masked_cosine_loss(tape, a, b, &mask)->value[0],
                          -(1 + 2.0 / 3) / 2, 1e-6);
  tape_free(tape);
}
END_TEST

// What the student sees
START_TEST(the_mask_token_reaches_what_is_visible) {
  Model m = model_of((EvaConfig){.patch_gradient = 1});
  int visible = 0;
  while (m.mask.restore[visible] < 0) visible++;
  Tensor *before = eva_predict(m.tape, &m.eva, m.images, &m.mask);
  for (int i = 0; i < student.width; i++) m.eva.mask_token->value[i] *= -2;
  Tensor *after = eva_predict(m.tape, &m.eva, m.images, &m.mask);
  const double change = (double)(before->value[visible * E] - after->value[visible * E]);
  ck_assert(fabs(change) > 1e-4);
  done(&m);
}
END_TEST

START_TEST(what_is_hidden_is_not_seen) {
  Model m = model_of((EvaConfig){.patch_gradient = 1});
  Tensor *pixels = tape_tensor(m.tape, "hidden", SHAPE(B, CHANNELS, SIDE, SIDE));
  for (int i = 0; i < B * CHANNELS * SIDE * SIDE; i++) {
    const int image = i / (CHANNELS * SIDE * SIDE), y = i / SIDE % SIDE, x = i % SIDE;
    const bool hidden = m.mask.restore[image * N + y / 4 * 3 + x / 4] < 0;
    pixels->value[i] = hidden ? 1000 : m.images->value[i];
  }
  Tensor *predicted = eva_predict(m.tape, &m.eva, m.images, &m.mask);
  Tensor *same = eva_predict(m.tape, &m.eva, pixels, &m.mask);
  ck_assert_mem_eq(predicted->value, same->value, tensor_size(predicted) * sizeof(real));
  done(&m);
}
END_TEST

START_TEST(an_unmasked_student_sees_all) {
  Model m = model_of((EvaConfig){.patch_gradient = 1, .unmasked = true});
  const Masking all = masking_all(m.tape, B, N);
  Tensor *before = eva_predict(m.tape, &m.eva, m.images, &all);
  m.images->value[0] += 1;
  Tensor *after = eva_predict(m.tape, &m.eva, m.images, &all);
  ck_assert(before->value[0] != after->value[0]);
  Tensor *loss = eva_loss(m.tape, &m.eva, &m.teacher, m.images, &all);
  const Tensor *target = eva_teacher_features(m.tape, &m.teacher, m.images);
  double sum = 0;
  for (int r = 0; r < B * N; r++)
    sum += vector_cosine(after->value + r * E, target->value + r * E, E) / (B * N);
  ck_assert_double_eq_tol((double)loss->value[0], -sum, 1e-6);
  tape_backward(m.tape, loss);
  ck_assert(gradient_norm(m.eva.mask_token) == 0);
  done(&m);
}
END_TEST

START_TEST(the_teacher_is_frozen) {
  Model m = model_of((EvaConfig){.patch_gradient = 1});
  Tensor *loss = eva_loss(m.tape, &m.eva, &m.teacher, m.images, &m.mask);
  ck_assert(m.tape->recording);
  tape_backward(m.tape, loss);
  for (size_t i = 0; i < m.own->size; i++) ck_assert(m.own->grad[i] == 0);
  ck_assert(gradient_norm(m.eva.mask_token) > 0);
  done(&m);
}
END_TEST

START_TEST(targets_have_the_pictures_vector_for_a_mean) {
  Model m = model_with((EvaConfig){.patch_gradient = 1}, POOL_MEAN);
  Tensor *target = eva_teacher_features(m.tape, &m.teacher, m.images);
  Tensor *picture = clip_encode_image(m.tape, &m.teacher, m.images);
  m.tape->bf16 = true; /* a teacher never rounds */
  Tensor *same = eva_teacher_features(m.tape, &m.teacher, m.images);
  ck_assert(m.tape->bf16);
  ck_assert_mem_eq(same->value, target->value, tensor_size(target) * sizeof(real));
  for (int b = 0; b < B; b++) {
    real mean[E] = {0};
    for (int i = 0; i < N * E; i++)
      mean[i % E] += target->value[b * N * E + i] / N;
    ck_assert_double_eq_tol(vector_cosine(mean, picture->value + b * E, E), 1, 1e-6);
  }
  done(&m);
}
END_TEST
START_TEST(less_gradient_for_the_projection) {
  Model whole = model_of((EvaConfig){.patch_gradient = 1});
  Model tenth = model_of((EvaConfig){.patch_gradient = 0.1});
  Model *both[] = {&whole, &tenth};
  Tensor *loss[2];
  for (int i = 0; i < 2; i++) {
    Model *m = both[i];
    loss[i] = eva_loss(m->tape, &m->eva, &m->teacher, m->images, &m->mask);
    tape_backward(m->tape, loss[i]);
  }
  ck_assert(loss[0]->value[0] == loss[1]->value[0]);
  for (int i = 0; i < whole.params->count; i++) {
    const Tensor *a = whole.params->list[i].tensor, *b = tenth.params->list[i].tensor;
    const bool slower = strncmp(a->name, "patch_embed", 11) == 0 ||
                        strcmp(a->name, "images") == 0;
    for (size_t k = 0; k < tensor_size(a); k++)
      ck_assert_double_eq_tol(b->grad[k], (slower ? 0.1 : 1) * (double)a->grad[k], 1e-7);
  }
  done(&whole);
  done(&tenth);
}
END_TEST

// Derivatives of the student
typedef struct Fixed {
  Model model;
  Tensor *target;
} Fixed;

static Tensor *with_fixed_target(Tape *tape, void *state) {
  const Fixed *f = state;
  const Model *m = &f->model;
  Tensor *predicted = eva_predict(tape, &m->eva, m->images, &m->mask);
  return (m->eva.config.target == EVA_FEATURES ? masked_cosine_loss : masked_mse)(
      tape, predicted, f->target, &m->mask);
}

START_TEST(whole_model_by_finite_differences) {
  for (int target = 0; target < 2; target++) {
    Fixed f = {model_of((EvaConfig){.target = (EvaTarget)target, .patch_gradient = 1}),
               NULL};
    Model *m = &f.model;
    f.target = target == EVA_FEATURES
        ? eva_teacher_features(m->tape, &m->teacher, m->images)
                                      : patch_targets(m->tape, m->images, 4, false);
    assert_gradients(with_fixed_target, &f, m->params);
    done(m);
  }
}
END_TEST

// The student's published counts
START_TEST(published_students) {
  EvaConfig c = {.embed = 768};
  Params *params = params_new();
  ck_assert(vit_preset(&c.student, "g/14"));
  c.student.classes = 0;
  c.student.variant.no_key_bias = true;
  eva_declare(params, c);
  ck_assert_uint_eq(params_count(params, true), 1012229632);
  ck_assert_uint_eq(tensor_size(params_find(params, "mask_token")->tensor), 1408);
  ck_assert_uint_eq(tensor_size(params_find(params, "lm_head.weight")->tensor) + 768,
                    1082112);
  params_free(params);
}
END_TEST

START_TEST(the_witness_agrees) {
  Model m = model_of((EvaConfig){.patch_gradient = 1});
  Safetensors *file = fixture_open("tests/fixtures/eva.safetensors");
  fixture_load_parameters(file, m.params);
  Tensor *hidden = tape_tensor(m.tape, "hidden", SHAPE(B, N));
  Tensor *teacher = tape_tensor(m.tape, "teacher", SHAPE(B, N, E));
  fixture_load(file, hidden);
  fixture_load(file, teacher);
  for (int i = 0; i < B * N; i++) m.mask.restore[i] = hidden->value[i] > 0 ? -1 : i % N;
  params_clear_grad(m.params);
  Tensor *predicted = eva_predict(m.tape, &m.eva, m.images, &m.mask);
  Tensor *loss = masked_cosine_loss(m.tape, predicted, teacher, &m.mask);
  fixture_agree(file, "said", predicted, predicted->value);
  fixture_agree(file, "loss", &(Tensor){.shape = SHAPE(1)}, loss->value);
  tape_backward(m.tape, loss);
  fixture_agree_gradients(file, m.params);
  safetensors_free(file);
  done(&m);
}
END_TEST

TEST_MAIN("eva", cosines_by_hand, cosines_and_lengths, images_count_the_same,
          the_mask_token_reaches_what_is_visible, what_is_hidden_is_not_seen,
          an_unmasked_student_sees_all,
          the_teacher_is_frozen, targets_have_the_pictures_vector_for_a_mean,
          less_gradient_for_the_projection,
          whole_model_by_finite_differences, published_students, the_witness_agrees)
