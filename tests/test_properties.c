/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include <signal.h>
#include <unistd.h>

#include "app/options.h"
#include "models/eva.h"
#include "models/mae.h"
#include "models/presets.h"
#include "nn/attention_pool.h"
#include "nn/masking.h"
#include "nn/patches.h"
#include "nn/position.h"
#include "tensor/arithmetic.h"
#include "tensor/gradcheck.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "tensor/sigmoid_loss.h"
#include "testing.h"
#include "train/optimizer.h"
// A case and its seed
typedef struct Case {
  unsigned long seed;
  RandomKey key;
  uint64_t drawn;
  Tape *tape;
  Params *params;
} Case;

static Case now;

static int pick(int low, int high) {
  return low + random_below(now.key, now.drawn++, high - low + 1);
}

static double pick_number(double low, double high) {
  return low + (high - low) * random_uniform(now.key, now.drawn++);
}
/* Normal numbers, `scale` wide; a parameter with a name of its own. */
static Tensor *table_of(Shape shape, double scale) {
  Tensor *t = params_add(now.params, params_name(now.params, "p%d", now.params->count),
                         shape, init_normal(scale), PARAM_DECAYED);
  return t;
}

static void fill(void) { params_fill(now.params, now.seed); }
#define HOLDS(condition, ...)                                                  \
  do {                                                                         \
    char detail[256];                                                          \
    snprintf(detail, sizeof detail, __VA_ARGS__);                              \
    ck_assert_msg(condition, "PROPERTY_SEED=%lu: %s: %s", now.seed, #condition, \
                  detail);                                                     \
  } while (0)

static void same(const char *what, const real *a, const real *b, size_t n) {
  const double error = relative_error(a, b, n);
  HOLDS(error < 20 * ROUNDING, "%s: %g", what, error);
}
/* An assertion in the library ends the test: say the seed before. */
static char seed_line[64];

static void say_seed(int number) {
  (void)!write(STDERR_FILENO, seed_line, strlen(seed_line));
  signal(number, SIG_DFL);
}
static void for_cases(void (*const *property)(void), int count, int cases) {
  const char *first = getenv("PROPERTY_SEED"), *times = getenv("PROPERTY_CASES");
  signal(SIGABRT, say_seed);
  const unsigned long begin = first ? strtoul(first, NULL, 10) : 1;
  const unsigned long end = begin + (unsigned long)(times ? atoi(times) : cases);
  for (unsigned long seed = begin; seed < end; seed++)
    for (int i = 0; i < count; i++) {
      snprintf(seed_line, sizeof seed_line, "PROPERTY_SEED=%lu: aborted\n", seed);
      now = (Case){seed, random_key(seed, "property"), 0, tape_new(), params_new()};
      tape_reset(now.tape, now.key);
      property[i]();
      params_free(now.params), tape_free(now.tape);
    }
}

#define CASES(n, ...)                                                          \
  static void (*const property[])(void) = {__VA_ARGS__};                       \
  for_cases(property, (int)(sizeof property / sizeof *property), n)

// Properties of rows
static Tensor *rows_of(int n, double scale) {
  return table_of(SHAPE(pick(1, 9), n), scale);
}

/* A linear layer without bias: f(x + c y) = f(x) + c f(y). */
static void linear_is_linear(void) {
  const int in = pick(1, 40), out = pick(1, 40);
  const real c = (real)pick_number(-3, 3);
  Tensor *x = rows_of(in, 1), *y = table_of(x->shape, 1);
  Tensor *w = table_of(SHAPE(out, in), 1);
  fill();
  Tensor *fx = linear(now.tape, x, w, NULL), *fy = linear(now.tape, y, w, NULL);
  const size_t n = tensor_size(fx);
  for (size_t i = 0; i < tensor_size(x); i++) x->value[i] += c * y->value[i];
  for (size_t i = 0; i < n; i++) fx->value[i] += c * fy->value[i];
  same("linear", linear(now.tape, x, w, NULL)->value, fx->value, n);
}
/* Mean 0, square 1, and the same after x -> a x + c. */
static void layernorm_normalises(void) {
  const int n = pick(2, 70);
  const real a = (real)pick_number(0.5, 4), c = (real)pick_number(-2, 2);
  Tensor *x = rows_of(n, 1), *one = params_add(now.params, "one", SHAPE(n),
                                               init_constant(1), PARAM_PLAIN);
  Tensor *zero = params_add(now.params, "zero", SHAPE(n), init_constant(0), PARAM_PLAIN);
  fill();
  Tensor *y = layernorm(now.tape, x, one, zero, 0);
  for (int r = 0; r < tensor_rows(x); r++) {
    double sum = 0, square = 0;
    for (int i = 0; i < n; i++) {
      sum += (double)y->value[r * n + i];
      square += (double)y->value[r * n + i] * (double)y->value[r * n + i];
    }
    HOLDS(fabs(sum) < 1e-4 * n && fabs(square / n - 1) < 1e-4, "%g %g", sum, square / n);
  }
  for (size_t i = 0; i < tensor_size(x); i++) x->value[i] = a * x->value[i] + c;
  Tensor *moved = layernorm(now.tape, x, one, zero, 0);
  HOLDS(relative_error(moved->value, y->value, tensor_size(y)) < (n < 4 ? 1e-2 : 1e-4),
        "width %d", n);
}
/* f(x) - f(-x) = x for each kind of GELU. */
static void gelu_is_half_odd(void) {
  Tensor *x = rows_of(pick(1, 90), 3);
  fill();
  for (int kind = GELU_ERF; kind <= GELU_QUICK; kind++) {
    Tensor *y = gelu(now.tape, x, (GeluKind)kind);
    Tensor *minus = scale_by(now.tape, x, -1);
    Tensor *z = gelu(now.tape, minus, (GeluKind)kind);
    for (size_t i = 0; i < tensor_size(x); i++) y->value[i] -= z->value[i];
    same("gelu", y->value, x->value, tensor_size(x));
  }
}
/* Positive, sums to one, and blind to a number added to the row. */
static void softmax_fractions(void) {
  const int n = pick(1, 60);
  const real c = (real)pick_number(-50, 50);
  Tensor *x = rows_of(n, pick_number(0.1, 20));
  fill();
  Tensor *y = softmax(now.tape, x);
  for (int r = 0; r < tensor_rows(x); r++) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      HOLDS(y->value[r * n + i] >= 0, "row %d", r);
      sum += (double)y->value[r * n + i];
    }
    HOLDS(fabs(sum - 1) < 20 * ROUNDING, "%g", sum);
  }
  for (size_t i = 0; i < tensor_size(x); i++) x->value[i] += c;
  HOLDS(relative_error(softmax(now.tape, x)->value, y->value, tensor_size(x)) <
            (sizeof(real) == 4 ? 1e-4 : 1e-12), "shift %g", (double)c);
}
/* Length one, blind to the length before, and its gradient at right angles to x. */
static void unit_rows(void) {
  const int n = pick(1, 60);
  Tensor *x = rows_of(n, 1);
  fill();
  Tensor *y = normalize(now.tape, x, 0);
  params_clear_grad(now.params);
  tape_backward(now.tape, weighted_sum(now.tape, y));
  for (int r = 0; r < tensor_rows(x); r++) {
    double length = 0, along = 0;
    for (int i = 0; i < n; i++) {
      length += (double)y->value[r * n + i] * (double)y->value[r * n + i];
      along += (double)x->value[r * n + i] * (double)x->grad[r * n + i];
    }
    HOLDS(fabs(length - 1) < 20 * ROUNDING && fabs(along) < 1e-3, "%g %g", length, along);
  }
  for (size_t i = 0; i < tensor_size(x); i++) x->value[i] *= 3;
  same("unit", normalize(now.tape, x, 0)->value, y->value, tensor_size(x));
}
/* Cross-entropy is at least 0; its gradient sums to zero over each row. */
static void cross_entropy_is_sane(void) {
  const int n = pick(2, 30), rows = pick(1, 9);
  const double smoothing = pick(0, 1) ? 0 : pick_number(0, 0.9);
  int labels[9], correct;
  Tensor *x = table_of(SHAPE(rows, n), pick_number(0.1, 10));
  fill();
  for (int r = 0; r < rows; r++) labels[r] = pick(0, n - 1);
  params_clear_grad(now.params);
  Tensor *loss = cross_entropy(now.tape, x, labels, smoothing, &correct);
  tape_backward(now.tape, loss);
  HOLDS(loss->value[0] >= 0 && correct >= 0 && correct <= rows, "%g",
        (double)loss->value[0]);
  for (int r = 0; r < rows; r++) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)x->grad[r * n + i];
    HOLDS(fabs(sum) < 20 * ROUNDING, "row %d: %g", r, sum);
  }
}
/* Dropout: each number is 0 or divided by 1 - rate; a path drops for all of a row. */
static void what_drops(void) {
  const double rate = pick_number(0, 0.9);
  const int n = pick(1, 50);
  Tensor *x = table_of(SHAPE(pick(1, 9), n), 1);
  fill();
  HOLDS(dropout(now.tape, x, rate) == x && drop_path(now.tape, x, rate) == x, "at rest");
  now.tape->training = true;
  HOLDS(dropout(now.tape, x, 0) == x && drop_path(now.tape, x, 0) == x, "rate 0");
  Tensor *y = dropout(now.tape, x, rate), *z = drop_path(now.tape, x, rate);
  for (size_t i = 0; i < tensor_size(x); i++) {
    const double kept = (double)x->value[i] / (1 - rate);
    HOLDS(y->value[i] == 0 || fabs((double)y->value[i] - kept) < 1e-4, "dropout");
    HOLDS((z->value[i] == 0) == (z->value[i / n * n] == 0), "drop path");
  }
}

START_TEST(single_rows) {
  CASES(60, linear_is_linear, layernorm_normalises, gelu_is_half_odd, softmax_fractions,
        unit_rows, cross_entropy_is_sane, what_drops);
}
END_TEST
static struct {
  int which, B, T, C, H, kind, ids[16];
  Tensor *x, *qkv, *kv, *w, *b; /* [B][T][C] [B][T][3C] [B][T][2C] [C][C] [C] */
} op;
enum { OPERATIONS = 17 };
static Tensor *one_operation(Tape *t) {
  switch (op.which) {
  case 0: return linear(t, op.x, op.w, op.b);
  case 1: return layernorm(t, op.x, op.b, op.b, 0.1);
  case 2: return gelu(t, op.x, (GeluKind)(op.kind % 3));
  case 3: return softmax(t, op.x);
  case 4: return normalize(t, op.x, 0.1);
  case 5: return gather_tokens(t, op.x, op.ids, 2);
  case 6: return prepend_token(t, op.b, op.x);
  case 7: return take_token(t, op.x, op.kind % op.T);
  case 8: return mean_tokens(t, op.x, op.kind % op.T);
  case 9: return attention(t, op.qkv, op.H, (Mask){.causal = op.kind % 2}, NULL);
  case 10: return attention_pool(t, op.b, op.kv, op.H, NULL);
  case 11: return swiglu(t, op.x, mul(t, op.x, op.x));
  case 12: return scale_by(t, op.x, -1.5);
  case 13: return add(t, mul(t, op.x, op.x), op.x);
  case 14: return rotary(t, op.qkv, op.H, (RotaryGrid){1, op.T, 0, 1}, NULL);
  case 15: return scale_gradient(t, op.x, 1);
  }
  return transpose(t, normalize(t, take_token(t, op.x, 0), 0.1));
}
static Tensor *operation_loss(Tape *tape, void *state) {
  (void)state;
  return weighted_sum(tape, one_operation(tape));
}
static void operation_is_derived(void) {
  op.B = pick(1, 3), op.T = pick(2, 6), op.H = pick(1, 3), op.kind = pick(0, 5);
  op.C = 4 * op.H * pick(1, 2);
  for (int i = 0; i < op.B * 2; i++) op.ids[i] = pick(0, op.T - 1);
  op.x = table_of(SHAPE(op.B, op.T, op.C), 1);
  op.qkv = table_of(SHAPE(op.B, op.T, 3 * op.C), 1);
  op.kv = table_of(SHAPE(op.B, op.T, 2 * op.C), 1);
  op.w = table_of(SHAPE(op.C, op.C), 0.5);
  op.b = table_of(SHAPE(op.C), 1);
  fill();
  for (op.which = 0; op.which < OPERATIONS; op.which++) {
    GradcheckResult r = gradcheck(operation_loss, NULL, now.params, 1e-5);
    HOLDS(sizeof(real) == 4 || r.error < 1e-6, "operation %d, %s[%d]: %g and %g",
          op.which, r.name, r.index, r.backward, r.difference);
  }
}

START_TEST(derivatives_of_operations) { CASES(6, operation_is_derived); }
END_TEST

// Properties of tokens
/* The tokens of each of B rows in another order; from[t] is where t came from. */
static Tensor *reordered(Tensor *x, const int *from) {
  const int B = x->shape.size[0], T = x->shape.size[1], C = x->shape.size[2];
  Tensor *y = tape_tensor(now.tape, "reordered", x->shape);
  for (int b = 0; b < B; b++)
    for (int t = 0; t < T; t++)
      memcpy(y->value + (b * T + t) * C, x->value + (b * T + from[t]) * C,
             (size_t)C * sizeof(real));
  return y;
}
static void attention_of_a_set(void) {
  const int T = pick(1, 40), H = pick(1, 4), C = H * pick(1, 20), B = pick(1, 3);
  int order[40];
  Tensor *weights, *qkv = table_of(SHAPE(B, T, 3 * C), 1);
  fill();
  random_permutation(random_subkey(now.key, 99), order, T);
  Tensor *y = attention(now.tape, qkv, H, (Mask){false}, &weights);
  Tensor *z = attention(now.tape, reordered(qkv, order), H, (Mask){false}, NULL);
  same("order", z->value, reordered(y, order)->value, tensor_size(y));
  for (int r = 0; r < B * H * T; r++) {
    double sum = 0;
    for (int i = 0; i < T; i++) sum += (double)weights->value[r * T + i];
    HOLDS(fabs(sum - 1) < 20 * ROUNDING, "row %d: %g", r, sum);
  }
}
static void causal_attention_looks_back(void) {
  const int T = pick(2, 40), H = pick(1, 4), C = H * pick(1, 20), cut = pick(1, T - 1);
  Tensor *qkv = table_of(SHAPE(1, T, 3 * C), 1);
  fill();
  Tensor *before = attention(now.tape, qkv, H, (Mask){.causal = true}, NULL);
  for (int i = cut * 3 * C; i < T * 3 * C; i++) qkv->value[i] += 1;
  Tensor *after = attention(now.tape, qkv, H, (Mask){.causal = true}, NULL);
  HOLDS(!memcmp(before->value, after->value, (size_t)(cut * C) * sizeof(real)),
        "%d of %d tokens", cut, T);
}
static void turning_keeps_lengths(void) {
  const int rows = pick(1, 6), columns = pick(1, 6), H = pick(1, 3);
  const int C = 4 * H * pick(1, 4), T = rows * columns + 1;
  Tensor *qkv = table_of(SHAPE(1, T, 3 * C), 1);
  fill();
  const double step = 0.5 + 0.1 * pick(0, 9);
  Tensor *y = rotary(now.tape, qkv, H, (RotaryGrid){rows, columns, 1, step}, NULL);
  for (int t = 0; t < T; t++)
    for (int h = 0; h < 2 * H; h++) { /* heads of queries and of keys */
      double was = 0, is = 0;
      for (int i = 0; i < C / H; i++) {
        const int at = t * 3 * C + h * (C / H) + i;
        was += (double)qkv->value[at] * (double)qkv->value[at];
        is += (double)y->value[at] * (double)y->value[at];
      }
      HOLDS(fabs(is - was) < 1e-4 * (1 + was), "token %d: %g %g", t, was, is);
    }
  HOLDS(!memcmp(y->value, qkv->value, (size_t)(3 * C) * sizeof(real)), "CLS was turned");
}
static void pooling_of_a_set(void) {
  const int T = pick(1, 30), H = pick(1, 4), C = H * pick(1, 12), B = pick(1, 3);
  int order[30];
  Tensor *kv = table_of(SHAPE(B, T, 2 * C), 1), *q = table_of(SHAPE(C), 1);
  fill();
  random_permutation(random_subkey(now.key, 99), order, T);
  Tensor *y = attention_pool(now.tape, q, kv, H, NULL);
  Tensor *z = attention_pool(now.tape, q, reordered(kv, order), H, NULL);
  same("order", z->value, y->value, tensor_size(y));
}
/* Cutting into patches and joining them gives the same bits. */
static void patches_join(void) {
  enum { MOST = 3 * 24 * 24 };
  const int P = pick(1, 6), H = P * pick(1, 4), W = P * pick(1, 4), C = pick(1, 3);
  real image[MOST], patches[MOST], back[MOST];
  for (int i = 0; i < C * H * W; i++)
    image[i] = (real)random_normal(now.key, (uint64_t)i);
  patchify(patches, image, C, H, W, P);
  unpatchify(back, patches, C, H, W, P);
  HOLDS(!memcmp(image, back, (size_t)(C * H * W) * sizeof(real)), "%d x %d by %d", H, W,
        P);
}

START_TEST(tokens) {
  CASES(60, attention_of_a_set, causal_attention_looks_back, turning_keeps_lengths,
        pooling_of_a_set, patches_join);
}
END_TEST

// Properties of masks
static void masks_hide_as_many(void) {
  const int images = pick(1, 5), patches = pick(1, 80);
  const double ratio = pick_number(0, 0.99);
  Masking m = masking_random(now.tape, images, patches, ratio, now.key, NULL);
  const int want = (int)floor(patches * (1 - ratio));
  HOLDS(m.kept == (want > 0 ? want : 1), "%d of %d at %g", m.kept, patches, ratio);
  for (int b = 0; b < images; b++) {
    HOLDS(masking_hidden(&m, b) == patches - m.kept, "image %d", b);
    for (int k = 0; k < m.kept; k++)
      HOLDS(m.restore[b * patches + m.keep[b * m.kept + k]] == k, "image %d", b);
  }
}

static void rectangles_hide_enough(void) {
  const int rows = pick(4, 16), columns = pick(4, 16), all = rows * columns;
  const double ratio = pick_number(0.2, 0.7);
  Masking m = masking_blocks(now.tape, 2, rows, columns, ratio, now.key, NULL);
  for (int b = 0; b < 2; b++) {
    const int hidden = masking_hidden(&m, b);
    HOLDS(hidden > 0 && hidden <= fmax(1, round(ratio * all)), "%d of %d", hidden, all);
    for (int t = 0; t < all; t++)
      HOLDS(m.restore[b * all + t] == t || m.restore[b * all + t] == -1, "patch %d", t);
  }
}
/* What is said of visible patches costs nothing; what is right costs least. */
static void only_hidden_patches_cost(void) {
  const int B = pick(1, 3), N = pick(2, 12), n = pick(2, 9);
  Tensor *predicted = table_of(SHAPE(B, N, n), 1);
  Tensor *target = tape_tensor(now.tape, "target", predicted->shape);
  Masking m = masking_random(now.tape, B, N, 0.5, now.key, NULL);
  fill();
  for (size_t i = 0; i < tensor_size(predicted); i++)
    target->value[i] = (real)random_normal(now.key, i);
  for (int kind = 0; kind < 2; kind++) {
    params_clear_grad(now.params);
    Tensor *loss = kind ? masked_cosine_loss(now.tape, predicted, target, &m)
                        : masked_mse(now.tape, predicted, target, &m);
    tape_backward(now.tape, loss);
    HOLDS(loss->value[0] >= -kind - 1e-5, "%g", (double)loss->value[0]);
    // Expect a gradient where it is hidden
    for (int p = 0; p < B * N; p++)
      for (int i = 0; i < n; i++)
        HOLDS((m.restore[p] < 0) == (predicted->grad[p * n + i] != 0), "patch %d", p);
  }
  // Expect the least for what is right
  memcpy(predicted->value, target->value, tensor_size(predicted) * sizeof(real));
  const Tensor *error = masked_mse(now.tape, predicted, target, &m);
  const Tensor *cosine = masked_cosine_loss(now.tape, predicted, target, &m);
  HOLDS(error->value[0] == 0, "%g", (double)error->value[0]);
  HOLDS(fabs((double)cosine->value[0] + 1) < 1e-5, "%g", (double)cosine->value[0]);
}

START_TEST(masks) {
  CASES(60, masks_hide_as_many, rectangles_hide_enough, only_hidden_patches_cost);
}
END_TEST

// Properties of pairs
typedef struct Both {
  int N, E;
  Tensor *u, *v, *log_t, *b;
} Both;

static Both some_pairs(void) {
  Both p = {.N = pick(1, 12), .E = pick(2, 16)};
  p.u = table_of(SHAPE(p.N, p.E), 1);
  p.v = table_of(SHAPE(p.N, p.E), 1);
  p.log_t = params_add(now.params, "log_t", SHAPE(1), init_constant(pick_number(0, 3)),
                       PARAM_PLAIN);
  p.b = params_add(now.params, "b", SHAPE(1), init_constant(pick_number(-10, 2)),
                   PARAM_PLAIN);
  fill();
  return p;
}
static Tensor *logits_of(const Both *p, Tensor *u, Tensor *v, bool biased) {
  Tensor *cosines = linear(now.tape, normalize(now.tape, u, 0),
                           normalize(now.tape, v, 0), NULL);
  Tensor *logits = scale_exp(now.tape, cosines, p->log_t);
  return biased ? shift_by(now.tape, logits, p->b) : logits;
}
/* Turn the first two numbers of each row by an angle. */
static void rotation(Tensor *x, double angle) {
  const int n = tensor_last(x);
  for (int r = 0; r < tensor_rows(x); r++) {
    real *v = x->value + r * n, a = v[0], b = v[1];
    v[0] = (real)(cos(angle) * (double)a - sin(angle) * (double)b);
    v[1] = (real)(sin(angle) * (double)a + cos(angle) * (double)b);
  }
}

static double both_losses(const Both *p, Tensor *u, Tensor *v, double *sigmoid) {
  *sigmoid = (double)sigmoid_loss(now.tape, logits_of(p, u, v, true), NULL,
                                  SIGMOID_BY_ROWS, NULL)->value[0];
  return (double)info_nce(now.tape, logits_of(p, u, v, false), INFO_NCE_HALF,
                          NULL)->value[0];
}
static void only_angles_count(void) {
  Both p = some_pairs();
  const double bound = sizeof(real) == 4 ? 1e-4 : 1e-10, angle = pick_number(0, 6);
  double sigmoid, others, info = both_losses(&p, p.u, p.v, &sigmoid);
  HOLDS(info >= 0 && sigmoid >= 0, "%g %g", info, sigmoid);
  double swapped = both_losses(&p, p.v, p.u, &others); /* encoders exchanged */
  HOLDS(fabs(swapped - info) < bound * (1 + info), "%g %g", info, swapped);
  HOLDS(fabs(others - sigmoid) < bound * (1 + sigmoid), "%g %g", sigmoid, others);
  rotation(p.u, angle);
  rotation(p.v, angle);
  double turned = both_losses(&p, p.u, p.v, &others);
  HOLDS(fabs(turned - info) < bound * (1 + info), "%g %g", info, turned);
  HOLDS(fabs(others - sigmoid) < bound * (1 + sigmoid), "%g %g", sigmoid, others);
}
/* Gradients of logits: InfoNCE's sum to zero; the sigmoid's are (p - y) / N each. */
static void gradients_of_logits(void) {
  const int N = pick(1, 12);
  Tensor *x = table_of(SHAPE(N, N), pick_number(0.1, 8));
  double sum = 0;
  fill();
  params_clear_grad(now.params);
  tape_backward(now.tape, info_nce(now.tape, x, INFO_NCE_SUM, NULL));
  for (int i = 0; i < N * N; i++) sum += (double)x->grad[i];
  HOLDS(fabs(sum) < 20 * ROUNDING, "%g", sum);
  params_clear_grad(now.params);
  tape_reset(now.tape, now.key);
  tape_backward(now.tape, sigmoid_loss(now.tape, x, NULL, SIGMOID_BY_ROWS, NULL));
  for (int i = 0; i < N * N; i++) {
    const double want = (logistic((double)x->value[i]) - (i % (N + 1) == 0)) / N;
    HOLDS(fabs((double)x->grad[i] - want) < 2 * ROUNDING, "%g %g", (double)x->grad[i],
          want);
  }
}
static void chunks_add_up(void) {
  Both p = some_pairs();
  unsigned char truth[12 * 12];
  for (int i = 0; i < p.N * p.N; i++) truth[i] = i % (p.N + 1) == 0 || pick(0, 3) == 0;
  const SigmoidForm form = pick(0, 1) ? SIGMOID_BY_ROWS : SIGMOID_BY_PAIRS;
  Tensor *u = normalize(now.tape, p.u, 0), *v = normalize(now.tape, p.v, 0);
  Tensor *logits = logits_of(&p, p.u, p.v, true);
  Tensor *whole = sigmoid_loss(now.tape, logits, truth, form, NULL);
  Tensor *parts = sigmoid_loss_in_chunks(now.tape, u, v, p.log_t, p.b, truth, form,
                                         pick(1, p.N), NULL);
  same("chunks", parts->value, whole->value, 1);
}

START_TEST(pairs) { CASES(60, only_angles_count, gradients_of_logits, chunks_add_up); }
END_TEST

// Properties of steps and files
static void first_steps(void) {
  const double lr = pick_number(1e-4, 0.1), decay = pick(0, 1) ? pick_number(0, 0.3) : 0;
  Tensor *w = table_of(SHAPE(pick(1, 20), pick(1, 20)), 1);
  real before[400];
  fill();
  for (int lamb = 0; lamb < 2; lamb++) {
    Optimizer optimizer = optimizer_new(OPTIMIZER_ADAMW, now.params, 0.95, decay);
    double length = 0, moved = 0;
    const size_t n = tensor_size(w);
    memcpy(before, w->value, n * sizeof(real));
    for (size_t i = 0; i < n; i++) {
      w->grad[i] = (real)(random_normal(now.key, i) < 0 ? -0.5 : 0.5);
      length += (double)w->value[i] * (double)w->value[i];
    }
    (lamb ? lamb_update : adamw_update)(&optimizer, lr);
    // Compare the steps with what was expected
    for (size_t i = 0; i < n; i++) {
      const double step = (double)w->value[i] - (double)before[i];
      const double sign = w->grad[i] < 0 ? -1 : 1;
      moved += step * step;
      HOLDS(lamb || fabs(step + lr * (sign + decay * (double)before[i])) < 1e-5,
            "step %g", step);
    }
    HOLDS(!lamb || fabs(sqrt(moved) - lr * sqrt(length)) < 1e-4 * sqrt(length),
          "%g %g", sqrt(moved), lr * sqrt(length));
    optimizer_free(&optimizer);
  }
}
static void schedules_stay_in_bounds(void) {
  const int steps = pick(1, 300), warmup = pick(0, steps);
  const double peak = pick_number(1e-5, 1), least = peak * pick_number(0, 1);
  for (int step = 1; step <= steps; step++) {
    const double rate = schedule_rate(step, steps, warmup, peak, least);
    const double low = step <= warmup ? 0 : least;
    HOLDS(rate >= low - 1e-12 && rate <= peak + 1e-12, "step %d: %g", step, rate);
  }
}
/* Numbers of options come back from their text to the last bit. */
static void options_come_back(void) {
  double value = ldexp(pick_number(-1, 1), pick(-60, 60)), back = 0;
  Option there = NUMBER_OPTION("x", value, -1e30, 1e30, ""), here = there;
  char *text = option_value(&there);
  here.value = &back;
  HOLDS(option_set(&here, text) && back == value, "%s", text);
  free(text);
}
static void tensors_come_back(void) {
  char name[3][16];
  SafetensorsItem items[3];
  static char path[200];
  if (!*path)
    snprintf(path, sizeof path, "%s/t.safetensors", scratch_folder("properties"));
  Tensor *t[3];
  // Draw three tensors
  for (int i = 0; i < 3; i++) {
    const int rank = pick(0, 4);
    const int sizes[] = {pick(1, 5), pick(1, 5), pick(1, 5), pick(1, 5)};
    t[i] = table_of(shape_make(rank, sizes), 1);
    snprintf(name[i], sizeof name[i], "t%d", i);
  }
  fill();
  for (int i = 0; i < 3; i++)
    items[i] = (SafetensorsItem){name[i], t[i]->shape, t[i]->value};
  HOLDS(safetensors_write(path, items, 3, NULL), "%s", path);
  Safetensors *file = safetensors_read(path);
  HOLDS(file != NULL, "%s", path);
  for (int i = 0; i < 3; i++) {
    real back[625];
    HOLDS(safetensors_check(file, name[i], t[i]->shape), "%s", name[i]);
    safetensors_get(file, name[i], back);
    HOLDS(!memcmp(back, t[i]->value, tensor_size(t[i]) * sizeof(real)), "%s", name[i]);
  }
  safetensors_free(file);
}
/* Words that a tokenizer has learnt or not: what is encoded is decoded. */
static void words_come_back(void) {
  static const char letters[] = "aeinrst018'-";
  char text[4][40], *texts[4], want[40];
  int ids[64];
  // Draw four words
  for (int k = 0; k < 4; k++) {
    int n = pick(1, 30);
    for (int i = 0; i < n; i++) text[k][i] = letters[pick(0, 11)];
    text[k][n] = 0;
    texts[k] = text[k];
  }
  Tokenizer *t = tokenizer_train((const char *const *)texts, 4, 514 + pick(0, 20));
  int used = tokenizer_encode(t, text[0], strlen(text[0]), ids, 64);
  char *back = tokenizer_decode(t, ids, used, NULL);
  for (int i = 0; i < used; i++)
    HOLDS(ids[i] >= 0 && ids[i] < tokenizer_size(t), "token %d", i);
  // Compare without spaces
  int n = 0; /* pieces are set apart by spaces: compare without */
  for (char *c = back; *c; c++)
    if (*c != ' ') back[n++] = *c;
  back[n] = 0;
  snprintf(want, sizeof want, "%s", text[0]);
  HOLDS(!strcmp(back, want), "'%s' and '%s'", back, want);
  HOLDS(tokenizer_encode(t, text[0], strlen(text[0]), ids, 2) == 2 &&
            ids[1] == tokenizer_size(t) - 1, "cut");
  free(back), tokenizer_free(t);
}

START_TEST(steps_and_files) {
  CASES(40, first_steps, schedules_stay_in_bounds, options_come_back, tensors_come_back,
        words_come_back);
}
END_TEST

// Properties of models
static bool coin(void) { return pick(0, 1); }

static VitConfig some_vit(void) {
  const int P = pick(2, 4), heads = pick(1, 3), width = 4 * heads * pick(1, 2);
  VitConfig c = {.image_size = P * pick(1, 3), .channels = coin() ? 3 : 1,
                 .patch_size = P, .width = width, .depth = pick(1, 2), .heads = heads,
                 .mlp = pick(4, 20), .position = (PositionKind)pick(0, 2),
                 .pool = (PoolKind)pick(0, 2), .style = (VitStyle)pick(0, 2),
                 .gelu = (GeluKind)pick(0, 2), .eps = 1e-3, .post_norm = pick(0, 4) == 0};
  c.variant = (BlockVariant){.swiglu = coin(), .inner_norm = coin(),
                             .no_key_bias = coin(), .rotary = coin()};
  c.variant.sub_norm = c.variant.swiglu && coin();
  c.variant.branch_norm = !c.post_norm && coin();
  return c;
}
static struct {
  Vit vit;
  Text text;
  Mae mae;
  Eva eva;
  Clip clip;
  Tensor *images;
  Masking mask;
  int B, T, ids[4 * 8];
} model;
/* Values that are not the cautious first ones, so that every part matters. */
static void fill_widely(void) {
  fill();
  for (int i = 0; i < now.params->count; i++) {
    const Parameter *p = &now.params->list[i];
    if (p->kind == PARAM_FIXED || tensor_size(p->tensor) == 1) continue;
    RandomKey key = random_subkey(now.key, (uint64_t)i);
    for (size_t k = 0; k < tensor_size(p->tensor); k++)
      p->tensor->value[k] += (real)(0.3 * random_normal(key, k));
  }
}
static void draw_images(const VitConfig *c, int least) {
  model.B = pick(least, 3);
  model.images = params_add(now.params, "images", SHAPE(model.B, c->channels,
                            c->image_size, c->image_size), init_normal(1), PARAM_PLAIN);
}

static void check_derivatives(Tensor *(*loss)(Tape *, void *)) {
  GradcheckResult r = gradcheck(loss, NULL, now.params, 1e-5);
  HOLDS(sizeof(real) == 4 || r.error < 1e-5, "%s[%d]: %.9g and %.9g", r.name, r.index,
        r.backward, r.difference);
}
static Tensor *vit_loss(Tape *tape, void *state) {
  (void)state;
  return weighted_sum(tape, vit_features(tape, &model.vit, model.images));
}

static void some_vit_holds(void) {
  const VitConfig c = some_vit();
  HOLDS(vit_check(&c), "impossible");
  draw_images(&c, 1);
  model.vit = vit_declare(now.params, "", c);
  fill_widely();
  check_derivatives(vit_loss);
  tape_reset(now.tape, now.key);
  Tensor *all = vit_features(now.tape, &model.vit, model.images);
  Tensor *last = tape_tensor(now.tape, "last", SHAPE(1, c.channels, c.image_size,
                                                     c.image_size));
  const size_t n = tensor_size(last);
  memcpy(last->value, model.images->value + (size_t)(model.B - 1) * n, n * sizeof(real));
  Tensor *alone = vit_features(now.tape, &model.vit, last);
  same("alone", alone->value, all->value + (model.B - 1) * c.width, (size_t)c.width);
}
static TextConfig some_text(void) {
  const int heads = pick(1, 3);
  return (TextConfig){.vocabulary = pick(5, 20), .context = pick(3, 8),
                      .width = heads * pick(2, 5), .depth = pick(1, 2), .heads = heads,
                      .mlp = pick(3, 16), .gelu = (GeluKind)pick(0, 2), .eps = 1e-3,
                      .causal = coin(), .style = coin() ? TEXT_CLIP : TEXT_SIGLIP};
}
/* Each text: some tokens, the end, which is the largest, and zeros. */
static void draw_texts(const TextConfig *c) {
  model.T = pick(2, c->context);
  for (int b = 0; b < model.B; b++) {
    const int end = pick(1, model.T - 1);
    for (int t = 0; t < model.T; t++)
      model.ids[b * model.T + t] = t < end    ? pick(0, c->vocabulary - 2)
                                   : t == end ? c->vocabulary - 1
                                              : 0;
  }
}
static Tensor *clip_pairs_loss(Tape *tape, void *state) {
  (void)state;
  Tensor *u = clip_encode_image(tape, &model.clip, model.images);
  Tensor *v = clip_encode_text(tape, &model.clip, model.ids, model.B, model.T);
  return clip_loss(tape, &model.clip, u, v, NULL, NULL);
}

static void some_dual_encoder_holds(void) {
  ClipConfig c = {.image = some_vit(), .text = some_text(), .embed = pick(2, 9),
                  .loss = (PairLoss)pick(0, 3), .scale = pick_number(1, 8)};
  c.no_image_projection = coin();
  if (c.no_image_projection) c.embed = c.image.width;
  c.text_bias = coin();
  c.biased = c.loss >= LOSS_SIGMOID && coin();
  c.bias = pick_number(-5, 1);
  HOLDS(clip_check(&c), "impossible");
  draw_images(&c.image, 2); /* one pair has nothing to be told from */
  draw_texts(&c.text);
  if (c.loss >= LOSS_SIGMOID) c.chunks = pick(0, model.B);
  model.clip = clip_declare(now.params, c);
  fill_widely();
  check_derivatives(clip_pairs_loss);
}
static Tensor *mae_pixels_loss(Tape *tape, void *state) {
  (void)state;
  return mae_loss(tape, &model.mae, model.images, &model.mask);
}

static Tensor *eva_pixels_loss(Tape *tape, void *state) {
  (void)state;
  return eva_loss(tape, &model.eva, NULL, model.images, &model.mask);
}
/* Pictures of 3 by 3 patches, their values fixed: they are targets as well. */
static void fix_images(void) {
  Tensor *copy = tape_tensor(now.tape, "images", model.images->shape);
  memcpy(copy->value, model.images->value, tensor_size(copy) * sizeof(real));
  model.images = copy;
}
static void some_autoencoder_holds(void) {
  MaeConfig c = {.encoder = some_vit(), .width = 8, .depth = pick(0, 2),
                 .heads = pick(1, 2), .mlp = pick(3, 12), .normalize = coin()};
  Tape *keep = tape_new(), *other = now.tape;
  c.encoder.image_size = 3 * c.encoder.patch_size;
  c.encoder.pool = POOL_CLS, c.encoder.position = POSITION_SINCOS;
  c.encoder.variant.rotary = false;
  draw_images(&c.encoder, 1);
  model.mae = mae_declare(now.params, c);
  fill_widely();
  now.tape = keep; /* outlives the tapes of the check */
  fix_images();
  model.mask = masking_random(keep, model.B, 9, pick_number(0.2, 0.9), now.key, NULL);
  now.tape = other;
  check_derivatives(mae_pixels_loss);
  tape_free(keep);
}
static void some_student_holds(void) {
  EvaConfig c = {.student = some_vit(), .target = EVA_PIXELS, .normalize = coin(),
                 .patch_gradient = 1};
  Tape *keep = tape_new(), *other = now.tape;
  c.student.image_size = 4 * c.student.patch_size;
  c.student.pool = POOL_CLS;
  draw_images(&c.student, 1);
  model.eva = eva_declare(now.params, c);
  fill_widely();
  now.tape = keep;
  fix_images();
  model.mask = masking_blocks(keep, model.B, 4, 4, pick_number(0.2, 0.6), now.key, NULL);
  now.tape = other;
  check_derivatives(eva_pixels_loss);
  tape_free(keep);
}

START_TEST(models) {
  CASES(sizeof(real) == 8 ? 12 : 4, some_vit_holds, some_dual_encoder_holds,
        some_autoencoder_holds, some_student_holds);
}
END_TEST

TEST_MAIN("properties", single_rows, derivatives_of_operations, tokens, masks, pairs,
          steps_and_files, models)
