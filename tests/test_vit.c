/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "models/presets.h"
#include "models/vit.h"

#include "base/error.h"
#include "tensor/arithmetic.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "testing.h"

// Published counts
static size_t count_of(VitConfig config) {
  Params *params = params_new();
  vit_declare(params, "", config);
  size_t count = params_count(params, false);
  params_free(params);
  return count;
}

START_TEST(parameters_equal_known_integers) {
  const struct {
    const char *name;
    size_t cls, mean;
  } want[] = {{"Ti/16", 5717416, 0},         {"S/32", 22878952, 0},
              {"S/16", 22050664, 22049896},  {"B/32", 88224232, 88222696},
              {"B/16", 86567656, 86566120},  {"B/8", 86576872, 0},
              {"L/32", 306535400, 0},        {"L/16", 304326632, 0},
              {"L/14", 304203752, 0},        {"H/14", 632045800, 0},
              {"g/14", 1012611432, 0},       {"G/14", 1844440680, 0},
              {"e/14", 3807214312, 0}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    VitConfig c;
    ck_assert(vit_preset(&c, want[i].name));
    ck_assert_uint_eq(count_of(c), want[i].cls);
    c.pool = POOL_MEAN;
    if (want[i].mean) ck_assert_uint_eq(count_of(c), want[i].mean);
    c.pool = POOL_CLS;
    c.classes = 0;
    if (i == 4) ck_assert_uint_eq(count_of(c), 85798656);
  }
}
END_TEST

START_TEST(the_books_own_models_have_the_counts_worked_by_hand) {
  VitConfig c = {.image_size = 28, .channels = 1, .patch_size = 7, .width = 64,
                 .depth = 4, .heads = 4, .mlp = 256, .classes = 10,
                 .position = POSITION_LEARNED};
  ck_assert_uint_eq(count_of(c), 205066);
  c.patch_size = 4; /* also, since P^2 + N + 1 is 66 both times */
  ck_assert_uint_eq(count_of(c), 205066);
  c = (VitConfig){.image_size = 32, .channels = 3, .patch_size = 4, .width = 192,
                  .depth = 6, .heads = 3, .mlp = 768, .classes = 10,
                  .position = POSITION_LEARNED};
  ck_assert_uint_eq(count_of(c), 2693578);
  c.pool = POOL_MEAN;
  ck_assert_uint_eq(count_of(c), 2693194);
  c.pool = POOL_CLS;
  c.depth = 12;
  ck_assert_uint_eq(count_of(c), 5362762);
  c = (VitConfig){.image_size = 224, .channels = 3, .patch_size = 16, .width = 10,
                  .depth = 1, .heads = 2, .mlp = 10, .classes = 1000,
                  .position = POSITION_LEARNED};
  ck_assert_uint_eq(count_of(c), 21390); /* "testing" in ViT's code */
  c.pool = POOL_MEAN;
  ck_assert_uint_eq(count_of(c), 21370);
}
END_TEST

START_TEST(work_equals_an_independent_formula) {
  const struct {
    const char *name;
    double gmac;
  } want[] = {{"Ti/16", 1.253}, {"S/16", 4.598},   {"B/32", 4.408}, {"B/16", 17.563},
              {"L/32", 15.377}, {"L/16", 61.554},  {"L/14", 81.012}, {"H/14", 167.294},
              {"g/14", 267.030}, {"G/14", 483.746}, {"e/14", 990.675}};
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    VitConfig c;
    ck_assert(vit_preset(&c, want[i].name));
    ck_assert_double_eq_tol(vit_macs(&c) / 1e9, want[i].gmac, 0.0025);
  }
}
END_TEST

// A tiny model
static const VitConfig tiny = {
    .image_size = 8, .channels = 2, .patch_size = 4,
                               .width = 8, .depth = 2, .heads = 2, .mlp = 12,
                               .classes = 3, .position = POSITION_LEARNED,
                               .eps = 1e-6};
enum { BATCH = 3, PIXELS = 2 * 8 * 8 };

typedef struct Model {
  Params *params;
  Tape *tape;
  Vit vit;
  Tensor *images;
} Model;

/* With a head that is not zero, so that gradients reach everything, and a CLS
   token that is not, since LayerNorm bends too sharply there for differences. */
static Model model_of(VitConfig config) {
  Model m = {.params = params_new(), .tape = tape_new()};
  m.images = random_parameter(m.params, "images", SHAPE(BATCH, 2, 8, 8), 1);
  m.vit = vit_declare(m.params, "", config);
  params_fill(m.params, 2);
  for (size_t i = 0; i < tensor_size(m.vit.head.weight); i++)
    m.vit.head.weight->value[i] = (real)cos((double)i);
  for (int i = 0; m.vit.cls_token && i < config.width; i++)
    m.vit.cls_token->value[i] = (real)sin(i);
  return m;
}

static void done(Model *m) {
  tape_free(m->tape), params_free(m->params);
}

static Tensor *loss_of(Tape *tape, void *state) {
  Model *m = state;
  const int labels[] = {2, 0, 1};
  return cross_entropy(tape, vit_forward(tape, &m->vit, m->images), labels, 0, NULL);
}

// What a vit must do
START_TEST(the_first_loss_is_ln_n_and_the_blocks_get_no_gradient) {
  Model m = model_of(tiny);
  memset(m.vit.head.weight->value, 0, 24 * sizeof(real));
  Tensor *loss = loss_of(m.tape, &m);
  ck_assert_double_eq_tol(loss->value[0], log(3), 1e-6);
  params_clear_grad(m.params);
  tape_backward(m.tape, loss);
  for (int p = 0; p < m.params->count; p++) {
    const Tensor *t = m.params->list[p].tensor;
    bool any = false;
    for (size_t i = 0; i < tensor_size(t); i++) any |= t->grad[i] != 0;
    if (strcmp(t->name, "head.bias") == 0) continue; /* as many of each label: 0 */
    ck_assert_msg(any == (strcmp(t->name, "head.weight") == 0), "%s", t->name);
  }
  done(&m);
}
END_TEST

START_TEST(the_tape_counts_the_same_work) {
  for (int pool = 0; pool < 2; pool++) {
    VitConfig c = tiny;
    c.pool = (PoolKind)pool;
    Model m = model_of(c);
    Tensor *x = vit_encode(m.tape, &m.vit, vit_embed(m.tape, &m.vit, m.images), NULL);
    Tensor *want = vit_classify(m.tape, &m.vit, vit_pool(m.tape, &m.vit, x));
    ck_assert_double_eq_tol(m.tape->macs, BATCH * vit_macs(&c), 0.5);
    const double all = m.tape->macs;
    Tensor *found = vit_forward(m.tape, &m.vit, m.images);
    ck_assert_double_lt(relative_error(found->value, want->value, 3 * BATCH),
                        10 * ROUNDING);
    /* rows of the last block that go nowhere are left out */
    const double saved =
        pool ? 0 : (m.vit.tokens - 1.0) * c.width * (c.width + 2 * c.mlp);
    ck_assert_double_eq_tol(2 * all - m.tape->macs, BATCH * saved, 0.5);
    done(&m);
  }
}
END_TEST

START_TEST(names_are_checked) {
  VitConfig c;
  const char *bad[] = {"", "B", "B/", "B/15", "B/16x", "B/ 16", "B/016", "X/16", "/16"};
  for (int i = 0; i < 9; i++) ck_assert(!vit_preset(&c, bad[i]));
  ck_assert_str_eq(fail_message(),
                   "/16: expected a name such as B/16, patch size 8, 14, 16 or 32");
}
END_TEST

START_TEST(impossible_sizes_are_named) {
  VitConfig c = tiny;
  ck_assert(vit_check(&c));
  c.patch_size = 3;
  ck_assert(!vit_check(&c));
  ck_assert_str_eq(fail_message(), "patch-size: expected a divisor of the image "
                                   "size 8, found 3");
  c = tiny;
  c.heads = 3;
  ck_assert(!vit_check(&c));
  ck_assert_str_eq(fail_message(), "heads: expected a divisor of width 8, found 3");
  c = tiny;
  c.width = 6;
  c.position = POSITION_SINCOS;
  ck_assert(!vit_check(&c));
}
END_TEST

/* Exchange the 2 x 2 patches of each plane across the middle: 0 with 3, 1 with 2. */
static void reverse_patches(real *images) {
  for (int plane = 0; plane < BATCH * 2; plane++, images += 64)
    for (int row = 0; row < 4; row++)
      for (int column = 0; column < 8; column++) {
        real *a = images + row * 8 + column;
        real *b = images + (row + 4) * 8 + (column + 4) % 8, kept = *a;
        *a = *b;
        *b = kept;
      }
}

START_TEST(order_matters_only_through_positions) {
  for (int kind = 0; kind < 3; kind++)
    for (int pool = 0; pool < 2; pool++) {
      VitConfig c = tiny;
      c.position = (PositionKind)kind;
      c.pool = (PoolKind)pool;
      Model m = model_of(c);
      int extra = c.pool == POOL_CLS, order[15];
      for (int i = 0; i < BATCH * m.vit.tokens; i++) { /* patches reversed */
        int t = i % m.vit.tokens;
        order[i] = t < extra ? t : m.vit.tokens - 1 - (t - extra);
      }
      Tensor *x = vit_embed(m.tape, &m.vit, m.images);
      Tensor *a = vit_pool(m.tape, &m.vit, vit_encode(m.tape, &m.vit, x, NULL));
      Tensor *y = gather_tokens(m.tape, x, order, m.vit.tokens);
      Tensor *b = vit_pool(m.tape, &m.vit, vit_encode(m.tape, &m.vit, y, NULL));
      /* with their positions: no difference */
      ck_assert_double_lt(relative_error(b->value, a->value, 24), 10 * ROUNDING);
      // Move the patches of the picture itself
      /* exchanged before positions are added: no difference only without any */
      reverse_patches(m.images->value);
      Tensor *z = vit_encode(m.tape, &m.vit, vit_embed(m.tape, &m.vit, m.images), NULL);
      double moved = relative_error(vit_pool(m.tape, &m.vit, z)->value, a->value, 24);
      if (kind == POSITION_NONE) ck_assert_double_lt(moved, 10 * ROUNDING);
      else ck_assert_double_gt(moved, 1e-4);
      done(&m);
    }
}
END_TEST

START_TEST(a_batch_of_twins_has_the_same_loss) {
  Model m = model_of(tiny);
  const int labels[] = {1, 1, 1};
  for (int b = 1; b < BATCH; b++)
    memcpy(m.images->value + b * PIXELS, m.images->value, PIXELS * sizeof(real));
  Tensor *three = vit_forward(m.tape, &m.vit, m.images);
  Tensor *first = tape_tensor(m.tape, "one", SHAPE(1, 2, 8, 8));
  memcpy(first->value, m.images->value, PIXELS * sizeof(real));
  Tensor *one = vit_forward(m.tape, &m.vit, first);
  ck_assert_double_eq_tol(cross_entropy(m.tape, three, labels, 0, NULL)->value[0],
                          cross_entropy(m.tape, one, labels, 0, NULL)->value[0],
                          10 * ROUNDING);
  done(&m);
}
END_TEST

START_TEST(pixels_of_other_images_do_not_matter) {
  Model m = model_of(tiny);
  params_clear_grad(m.params);
  Tensor *logits = vit_forward(m.tape, &m.vit, m.images);
  Tensor *rows = tape_tensor(m.tape, "mask", logits->shape);
  for (int i = 0; i < 9; i++) rows->value[i] = i < 3;
  tape_backward(m.tape, sum(m.tape, mul(m.tape, logits, rows)));
  double own = 0;
  for (int i = 0; i < BATCH * PIXELS; i++) {
    if (i < PIXELS) own += fabs((double)m.images->grad[i]);
    else ck_assert(m.images->grad[i] == 0);
  }
  ck_assert_double_gt(own, 0.01);
  done(&m);
}
END_TEST

// Gradients of every kind of vit
START_TEST(gradients_of_vits) {
  for (int position = 0; position < 3; position++)
    for (int pool = 0; pool < 2; pool++)
      for (int post = 0; post < 2; post++) {
        VitConfig c = tiny;
        c.position = (PositionKind)position;
        c.pool = (PoolKind)pool;
        c.post_norm = post;
        c.gelu = (GeluKind)position;
        Model m = model_of(c);
        assert_gradients(loss_of, &m, m.params);
        done(&m);
      }
}
END_TEST

// Where a vit drops and how it begins
static const VitConfig wide = {
    .image_size = 16, .channels = 3, .patch_size = 4, .width = 64, .depth = 3,
    .heads = 4, .mlp = 128, .classes = 3, .position = POSITION_LEARNED, .eps = 1e-6,
    .dropout = 0.1, .drop_path = 0.2};

START_TEST(every_place_drops) {
  for (int post = 0; post < 2; post++) {
    VitConfig c = wide;
    c.post_norm = post;
    Params *params = params_new();
    Vit vit = vit_declare(params, "", c);
    params_fill(params, 1);
    Tape *tape = tape_new();
    tape->training = true;
    Tensor *images = tape_tensor(tape, "images", SHAPE(1, 3, 16, 16));
    memset(images->value, 0, tensor_size(images) * sizeof(real));
    vit_forward(tape, &vit, images);
    for (int i = 0; i < 3; i++) {
      ck_assert_double_eq_tol(vit.blocks[i].config.drop_path, 0.1 * i, 1e-12);
      ck_assert(vit.blocks[i].config.dropout == 0.1);
    }
    /* after the embedding; three dropouts a block; two paths in all but the first */
    ck_assert_uint_eq(tape->drawn, 1 + 3 * 3 + 2 * 2);
    tape_free(tape), params_free(params);
  }
}
END_TEST

static void moments(const Params *params, const char *name, double *mean,
                    double *std, double *largest) {
  const Tensor *t = params_find(params, name)->tensor;
  size_t n = tensor_size(t);
  double sum = 0, squares = 0;
  *largest = 0;
  for (size_t i = 0; i < n; i++) {
    double v = (double)t->value[i];
    sum += v, squares += v * v, *largest = fmax(*largest, fabs(v));
  }
  *mean = sum / (double)n;
  *std = sqrt(squares / (double)n - *mean * *mean);
}

START_TEST(initial_values_of_a_vit) {
  const struct {
    const char *name;
    double std;
  } want[] = {{"patch_embed.proj.weight", sqrt(1 / 48.0)},
              {"pos_embed", 0.02},
              {"blocks.1.attn.qkv.weight", sqrt(6.0 / 128 / 3)},
              {"blocks.1.attn.proj.weight", sqrt(6.0 / 128 / 3)},
              {"blocks.1.mlp.fc1.weight", sqrt(6.0 / 192 / 3)},
              {"blocks.1.mlp.fc2.bias", 1e-6},
              {"blocks.1.mlp.fc1.bias", 1e-6},
              {"head.weight", 0}};
  Params *params = params_new();
  vit_declare(params, "", wide);
  params_fill(params, 1);
  // Compare each spread with its rule
  for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
    double mean, std, largest;
    moments(params, want[i].name, &mean, &std, &largest);
    ck_assert_msg(fabs(std - want[i].std) <= 0.25 * want[i].std &&
                      fabs(mean) <= 0.4 * want[i].std,
                  "%s: mean %g, standard deviation %g", want[i].name, mean, std);
  }
  double mean, std, largest, bound = sqrt(6.0 / 128);
  moments(params, "blocks.1.attn.qkv.weight", &mean, &std, &largest);
  ck_assert_double_eq_tol(largest, bound, 0.01 * bound);
  params_free(params);
}
END_TEST

START_TEST(published_heads) {
  const struct {
    const char *name;
    int heads;
  } want[] = {{"Ti/16", 3}, {"S/16", 6},  {"B/16", 12}, {"L/16", 16},
              {"H/14", 16}, {"g/14", 16}, {"G/14", 16}, {"e/14", 16}};
  for (int i = 0; i < 8; i++) {
    VitConfig c;
    ck_assert(vit_preset(&c, want[i].name) && vit_check(&c));
    ck_assert_int_eq(c.heads, want[i].heads);
    ck_assert(c.gelu == GELU_TANH && c.eps == 1e-6);
  }
}
END_TEST

TEST_MAIN("vit", every_place_drops, initial_values_of_a_vit, published_heads,
          parameters_equal_known_integers,
          the_books_own_models_have_the_counts_worked_by_hand,
          work_equals_an_independent_formula, the_tape_counts_the_same_work,
          names_are_checked, impossible_sizes_are_named,
          the_first_loss_is_ln_n_and_the_blocks_get_no_gradient,
          order_matters_only_through_positions, a_batch_of_twins_has_the_same_loss,
          pixels_of_other_images_do_not_matter, gradients_of_vits)
