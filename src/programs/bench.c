/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <dlfcn.h>
#include <fnmatch.h>
#include <math.h>
#include <omp.h>
#include <unistd.h>

#include "app/options.h"
#include "app/peak.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "models/clip.h"
#include "models/mae.h"
#include "models/vlm.h"
#include "tensor/arithmetic.h"
#include "tensor/losses.h"
#include "train/data_parallel.h"
#include "train/optimizer.h"

// The options of bench
enum { ALL_SETS, CEILINGS, KERNELS, PRODUCTS, STEPS, PRECISIONS, PROFILE, PEERS };
static int threads = 0, set = ALL_SETS, shards = 4, micro_batch = 0, samples = 9;
static const char *only = NULL, *out = NULL;

static Option options[] = {
    CHOICE_OPTION("set", set,
                  "all|ceilings|kernels|products|steps|precisions|profile|peers",
                  "what to measure; precisions: steps in fp32 and bf16, in turn; "
                  "peers: products beside OpenBLAS and oneDNN, in turn"),
    TEXT_OPTION("only", only, "of that, just this row, or a pattern such as 'vit*'"),
    INT_OPTION("threads", threads, 0, 1024,
               "measure with 1 and with so many threads; 0: one per core"),
    INT_OPTION("samples", samples, 1, 99, "samples, of which the median is shown"),
    INT_OPTION("shards", shards, 1, 64, "of a training step"),
    INT_OPTION("micro-batch", micro_batch, 0, 64, "of a training step; 0: what suits"),
    TEXT_OPTION("out", out, "also write the table to this file, tab-separated")};
static Program program = PROGRAM("bench", "", "Measure the speed of every kernel and "
                                 "of whole training steps on this machine.");
// A row of the table
static double peak; /* operations a second, of the threads in use */
static FILE *table;

typedef struct Row {
  const char *set, *name;
  double seconds, images, flops, bytes; /* of one call; 0: does not apply */
} Row;

static void print_header(void) {
  printf("%-10s %-26s %2s %10s %9s %8s %6s %7s\n", "set", "what", "th", "ms",
         "images/s", "GFLOP/s", "% peak", "GB/s");
  if (table)
    fprintf(table, "set\tname\tthreads\tmilliseconds\timages_per_second\tgflops\t"
                   "share_of_peak\tgigabytes_per_second\tflops_per_byte\n");
}
static void print_row(Row r) {
  const int team = omp_get_max_threads();
  const double rate = r.flops / r.seconds, traffic = r.bytes / r.seconds;
  printf("%-10s %-26s %2d %10.4f %9.0f %8.1f %6.1f %7.1f\n", r.set, r.name, team,
         1e3 * r.seconds, r.images / r.seconds, 1e-9 * rate, 100 * rate / peak,
         1e-9 * traffic);
  fflush(stdout);
  if (table)
    fprintf(table, "%s\t%s\t%d\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\t%.6g\n", r.set, r.name,
            team, 1e3 * r.seconds, r.images / r.seconds, 1e-9 * rate, rate / peak,
            1e-9 * traffic, r.bytes > 0 ? r.flops / r.bytes : 0);
}

static bool wanted(int which, const char *name) {
  return (set == ALL_SETS || set == which) && (!only || fnmatch(only, name, 0) == 0);
}
// The ceilings
static void measure_ceilings(int team) {
  static const struct {
    const char *name;
    double bytes; /* for each thread */
  } walks[] = {{"triad-512KiB", 512 << 10},
               {"triad-8MiB", 8 << 20},
               {"triad-256MiB", 256 << 20}};
  peak = peak_flops(team);
  if (wanted(CEILINGS, "multiply-add"))
    print_row((Row){"ceilings", "multiply-add", 1, 0, peak, 0});
  for (int i = 0; i < 3; i++)
    if (wanted(CEILINGS, walks[i].name)) {
      const double rate = peak_bandwidth(team, team * walks[i].bytes);
      print_row((Row){"ceilings", walks[i].name, 1, 0, 0, rate});
    }
}
// The kernels, one by one
/* The shapes of vit-cifar: 64 images of 65 tokens of 128 channels. */
enum { IMAGES = 64, TOKENS = 65, WIDTH = 128, HEADS = 4, HIDDEN = 512, CLASSES = 10 };
enum { ROWS = IMAGES * TOKENS };
static real *x, *y, *w, *dx, *dy, *dw; /* each with room for ROWS x HIDDEN numbers */
static int some_labels[ROWS];
#define KERNEL(NAME, CALL) static void NAME(void *kind) { (void)kind, CALL; }
KERNEL(run_forward, linear_forward(y, x, w, w, ROWS, WIDTH, HIDDEN))
KERNEL(run_input, linear_backward_input(dx, dy, w, ROWS, WIDTH, HIDDEN, false))
KERNEL(run_weight,
       linear_backward_weight(dw, dw + WIDTH * HIDDEN, dy, x, ROWS, WIDTH, HIDDEN))
KERNEL(run_forward_bf16, linear_forward_bf16(y, x, w, w, ROWS, WIDTH, HIDDEN))
KERNEL(run_input_bf16, linear_backward_input_bf16(dx, dy, w, ROWS, WIDTH, HIDDEN, false))
KERNEL(run_weight_bf16,
       linear_backward_weight_bf16(dw, dw + WIDTH * HIDDEN, dy, x, ROWS, WIDTH, HIDDEN))
KERNEL(run_layernorm,
       layernorm_forward(y, dw, dw + ROWS, x, w, w, (real)1e-6, ROWS, WIDTH))
KERNEL(run_layernorm_back,
       layernorm_backward(dx, dx + ROWS * WIDTH, dx + ROWS * WIDTH + WIDTH, dy, x, w,
                          dw, dw + ROWS, ROWS, WIDTH, true))
KERNEL(run_gelu, gelu_forward(y, x, *(GeluKind *)kind, ROWS * HIDDEN))
KERNEL(run_gelu_back, gelu_backward(dx, dy, x, *(GeluKind *)kind, ROWS * HIDDEN, false))
KERNEL(run_softmax, softmax_forward(y, x, ROWS, HIDDEN))
KERNEL(run_softmax_back, softmax_backward(dx, dy, x, ROWS, HIDDEN))
KERNEL(run_loss, cross_entropy_forward(y, dw, x, some_labels, 0, ROWS, CLASSES))
KERNEL(run_loss_back, cross_entropy_backward(dx, x, some_labels, 0, 1, ROWS, CLASSES))
static const Mask no_mask;
KERNEL(run_attention,
       attention_forward(y, dw, NULL, x, IMAGES, TOKENS, HEADS, WIDTH / HEADS, no_mask))
KERNEL(run_attention_back,
       attention_backward(dx, dy, y, dw, x, IMAGES, TOKENS, HEADS, WIDTH / HEADS,
                          no_mask, false))
KERNEL(run_attention_bf16,
       attention_forward_bf16(y, dw, x, IMAGES, TOKENS, HEADS, WIDTH / HEADS, no_mask))
KERNEL(run_attention_back_bf16,
       attention_backward_bf16(dx, dy, y, dw, x, IMAGES, TOKENS, HEADS, WIDTH / HEADS,
                               no_mask, false))
KERNEL(run_normalize, normalize_forward(y, dw, x, (real)1e-8, ROWS, WIDTH))
KERNEL(run_normalize_back, normalize_backward(dx, dy, x, dw, (real)1e-8, ROWS, WIDTH))
KERNEL(run_gather, gather_forward(y, x, NULL, some_labels, ROWS, WIDTH))
KERNEL(run_gather_back, gather_backward(dx, NULL, dy, some_labels, ROWS, WIDTH))
static void run_adamw(void *s) {
  const AdamWStep step = {(real)1e-3, (real)0.9, (real)0.999, (real)1e-8, (real)0.05,
                          (real)0.5, (real)0.5};
  (void)s, adamw_step(w, dw, y, dy, step, ROWS * HIDDEN);
}
/* Operations as the formulas have them, an exponential or a division counted as 16;
   of attention only the products, without the scores made again; bytes if each array
   is read once and written once, and results that are added to both. */
static const struct {
  const char *name;
  void (*run)(void *state);
  GeluKind kind;
  double flops, numbers;
} kernels[] = {
#define PRODUCT(again) (2.0 * ROWS * WIDTH * HIDDEN), \
                       (1.0 * ROWS * (WIDTH + HIDDEN) + WIDTH * HIDDEN + (again))
#define PAIRS (1.0 * IMAGES * TOKENS * TOKENS * WIDTH)
#define NARROW (1.0 * ROWS * WIDTH)
#define WIDE (1.0 * ROWS * HIDDEN)
#define LOGITS (1.0 * ROWS * CLASSES)
    {"linear-forward", run_forward, 0, PRODUCT(0)},
    {"linear-backward-input", run_input, 0, PRODUCT(0)},
    {"linear-backward-weight", run_weight, 0, PRODUCT(WIDTH * HIDDEN)},
    {"linear-forward-bf16", run_forward_bf16, 0, PRODUCT(0)},
    {"linear-backward-input-bf16", run_input_bf16, 0, PRODUCT(0)},
    {"linear-backward-weight-bf16", run_weight_bf16, 0, PRODUCT(WIDTH * HIDDEN)},
    {"layernorm-forward", run_layernorm, 0, 8 * NARROW, 2 * NARROW},
    {"layernorm-backward", run_layernorm_back, 0, 16 * NARROW, 4 * NARROW},
    // Rows for the three GELUs
    {"gelu-erf-forward", run_gelu, GELU_ERF, 54 * WIDE, 2 * WIDE},
    {"gelu-erf-backward", run_gelu_back, GELU_ERF, 57 * WIDE, 3 * WIDE},
    {"gelu-tanh-forward", run_gelu, GELU_TANH, 40 * WIDE, 2 * WIDE},
    {"gelu-tanh-backward", run_gelu_back, GELU_TANH, 48 * WIDE, 3 * WIDE},
    {"gelu-quick-forward", run_gelu, GELU_QUICK, 35 * WIDE, 2 * WIDE},
    {"gelu-quick-backward", run_gelu_back, GELU_QUICK, 40 * WIDE, 3 * WIDE},
    {"softmax-forward", run_softmax, 0, 20 * WIDE, 2 * WIDE},
    {"softmax-backward", run_softmax_back, 0, 5 * WIDE, 4 * WIDE},
    {"cross-entropy-forward", run_loss, 0, 20 * LOGITS, 2 * LOGITS},
    {"cross-entropy-backward", run_loss_back, 0, 3 * LOGITS, 3 * LOGITS},
    {"attention-forward", run_attention, 0, 4 * PAIRS, 4 * NARROW},
    {"attention-backward", run_attention_back, 0, 8 * PAIRS, 8 * NARROW},
    {"attention-forward-bf16", run_attention_bf16, 0, 4 * PAIRS, 4 * NARROW},
    {"attention-backward-bf16", run_attention_back_bf16, 0, 8 * PAIRS, 8 * NARROW},
    {"normalize-forward", run_normalize, 0, 3 * NARROW, 2 * NARROW},
    {"normalize-backward", run_normalize_back, 0, 6 * NARROW, 4 * NARROW},
    {"gather-forward", run_gather, 0, 0, 2 * NARROW},
    {"gather-backward", run_gather_back, 0, 1 * NARROW, 3 * NARROW},
    {"adamw", run_adamw, 0, 44 * WIDE, 7 * WIDE}};
static real *numbers(double scale, uint64_t seed) {
  real *p = allocate(ROWS * HIDDEN, sizeof *p);
  for (size_t i = 0; i < ROWS * HIDDEN; i++)
    p[i] = (real)(scale * (2 * random_uniform(random_key(seed, "bench"), i) - 1));
  return p;
}

static void measure_kernels(void) {
  x = numbers(3, 1), w = numbers(0.05, 2), dy = numbers(1e-3, 3);
  y = numbers(1e-3, 4), dx = numbers(0, 5), dw = numbers(0, 6);
  for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
    if (wanted(KERNELS, kernels[i].name)) {
      GeluKind kind = kernels[i].kind;
      for (size_t k = 0; k < ROWS * HIDDEN; k++) y[k] = (real)fabs((double)y[k]);
      const double seconds = median_seconds(kernels[i].run, &kind, samples, 0.005);
      print_row((Row){"kernels", kernels[i].name, seconds, 0, kernels[i].flops,
                      sizeof(real) * kernels[i].numbers});
    }
  free(x), free(y), free(w), free(dx), free(dy), free(dw);
}
// The products of small transformers
// The shapes of small transformers
static const int row_counts[] = {1088, 4160}; /* 64 images of 17 and of 65 tokens */
static const int shapes[][2] = {/* in, out */
    {64, 64},   {64, 192},  {64, 256},  {256, 64},  {128, 128}, {128, 384},
    {128, 512}, {512, 128}, {192, 192}, {192, 576}, {192, 768}, {768, 192}};
enum { SHAPES = sizeof shapes / sizeof *shapes };
static const char *const form_names[] = {"forward", "input", "weight"};

// Three ways to a product
enum { OURS, ONEDNN, OPENBLAS, PEER_COUNT };
enum { FORWARD, INPUT, WEIGHT, FORMS };

/* cblas.h and oneDNN's manual: 101 row-major, 111 as it is, 112 transposed. */
typedef void Cblas(int order, int ta, int tb, int M, int N, int K, float alpha,
                   const float *A, int lda, const float *B, int ldb, float beta,
                   float *C, int ldc);
typedef int Dnnl(char ta, char tb, long M, long N, long K, float alpha, const float *A,
                 long lda, const float *B, long ldb, float beta, float *C, long ldc);
static Cblas *cblas;
static Dnnl *dnnl;
static void (*cblas_threads)(int n);

static bool open_libraries(void) {
  setenv("OPENBLAS_THREAD_TIMEOUT", "20", 1); /* spin for 2^20 ticks, then sleep */
  void *blas = dlopen("libopenblas.so.0", RTLD_NOW);
  void *dnn = blas ? dlopen("libdnnl.so.2", RTLD_NOW) : NULL;
  if (!dnn)
    return fail("expected Debian's libopenblas0 and libdnnl2, found: %s", dlerror());
  *(void **)&cblas = dlsym(blas, "cblas_sgemm");
  *(void **)&cblas_threads = dlsym(blas, "openblas_set_num_threads");
  *(void **)&dnnl = dlsym(dnn, "dnnl_sgemm");
  return (cblas && cblas_threads && dnnl) || fail("found no sgemm in the libraries");
}
typedef struct Product {
  int rows, in, out, form, peer;
  real *x, *y, *w;
} Product;

static real *filled(int n) {
  real *p = allocate((size_t)n, sizeof *p);
  for (int i = 0; i < n; i++) p[i] = (real)(sin(i) * 1e-3);
  return p;
}

static Product product_of(int rows, const int shape[2], int form) {
  return (Product){rows, shape[0], shape[1], form, OURS, filled(rows * shape[0]),
                   filled(rows * shape[1]), filled(shape[0] * shape[1])};
}

static Product product_new(int i, int form) {
  return product_of(row_counts[i / SHAPES], shapes[i % SHAPES], form);
}

static void product_free(Product *p) { free(p->x), free(p->y), free(p->w); }

static double product_flops(const Product *p) { return 2.0 * p->rows * p->in * p->out; }

/* y = x w^T, dx = dy w, dw = dy^T x, all overwritten by the peers; ours adds
   to the last, which is a little more work. */
static void multiply(void *state) {
  const Product *p = state;
  const bool ta = p->form == WEIGHT, tb = p->form == FORWARD;
  const int M = ta ? p->out : p->rows, N = tb ? p->out : p->in;
  const int K = tb ? p->in : ta ? p->rows : p->out, lda = tb ? p->in : p->out;
  const float *A = (const float *)(tb ? p->x : p->y);
  const float *B = (const float *)(ta ? p->x : p->w);
  float *C = (float *)(tb ? p->y : ta ? p->w : p->x);
  if (p->peer == OPENBLAS)
    cblas(101, ta ? 112 : 111, tb ? 112 : 111, M, N, K, 1, A, lda, B, p->in, 0, C, N);
  else if (p->peer == ONEDNN)
    dnnl(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, 1, A, lda, B, p->in, 0, C, N);
  else if (tb) linear_forward(p->y, p->x, p->w, NULL, p->rows, p->in, p->out);
  else if (ta) linear_backward_weight(p->w, NULL, p->y, p->x, p->rows, p->in, p->out);
  else linear_backward_input(p->x, p->y, p->w, p->rows, p->in, p->out, false);
}
static void measure_products(void) {
  for (int form = 0; form < FORMS; form++) {
    double flops = 0, seconds = 0;
    if (!wanted(PRODUCTS, form_names[form])) continue;
    for (int i = 0; i < 2 * SHAPES; i++) {
      Product p = product_new(i, form);
      seconds += median_seconds(multiply, &p, samples, 0.003);
      flops += product_flops(&p);
      product_free(&p);
    }
    print_row((Row){"products", form_names[form], seconds, 0, flops, 0});
  }
}
enum { SETS = 24 };

typedef struct Turn { /* sets of arrays, one after the other */
  Product set[SETS];
  int count, next;
} Turn;

static void multiply_next(void *state) {
  Turn *turn = state;
  multiply(&turn->set[turn->next]);
  turn->next = (turn->next + 1) % turn->count;
}

static const char *const distances[FORMS][2] = {{"forward-near", "forward-far"},
                                                {"input-near", "input-far"},
                                                {"weight-near", "weight-far"}};

/* Adds to the seconds of each row that is wanted; returns the operations. */
static double time_near_and_far(const int shape[2], double seconds[FORMS][2]) {
  Turn turn = {.next = 0};
  for (int k = 0; k < SETS; k++) turn.set[k] = product_of(16 * TOKENS, shape, FORWARD);
  for (int form = 0; form < FORMS; form++)
    for (int far = 0; far < 2; far++) {
      if (!wanted(PRODUCTS, distances[form][far])) continue;
      for (int k = 0; k < SETS; k++) turn.set[k].form = form;
      turn.count = far ? SETS : 1, turn.next = 0;
      seconds[form][far] += median_seconds(multiply_next, &turn, samples, 0.02);
    }
  for (int k = 0; k < SETS; k++) product_free(&turn.set[k]);
  return product_flops(&turn.set[0]);
}

static void measure_near_and_far(void) {
  static const int block[][2] = {{WIDTH, 3 * WIDTH}, {WIDTH, WIDTH}, {WIDTH, HIDDEN},
                                 {HIDDEN, WIDTH}};
  double flops = 0, seconds[FORMS][2] = {{0}};
  bool any = false;
  for (int i = 0; i < 2 * FORMS; i++) any |= wanted(PRODUCTS, distances[i / 2][i % 2]);
  for (int i = 0; any && i < 4; i++) flops += time_near_and_far(block[i], seconds);
  for (int form = 0; form < FORMS; form++)
    for (int far = 0; far < 2; far++) {
      const Row row = {"products", distances[form][far], seconds[form][far], 0, flops, 0};
      if (row.seconds > 0) print_row(row);
    }
}
// The products beside those of peers
/* Median seconds of each peer; the peers take turns. The pauses let the threads of
   the last one go to sleep before the next one's wake. */
static void time_peers(Product *p, double seconds[PEER_COUNT]) {
  double sample[PEER_COUNT][99];
  int calls[PEER_COUNT] = {1, 1, 1};
  for (int round = -2; round < samples; round++)
    for (p->peer = 0; p->peer < PEER_COUNT; p->peer++) {
      usleep(5000);
      multiply(p);
      const double start = stopwatch();
      for (int i = 0; i < calls[p->peer]; i++) multiply(p);
      const double each = (stopwatch() - start) / calls[p->peer];
      if (round < 0) calls[p->peer] = 1 + (int)(0.004 / fmax(each, 1e-8));
      else sample[p->peer][round] = each;
    }
  for (int k = 0; k < PEER_COUNT; k++) seconds[k] = median(sample[k], samples);
}
static bool measure_peers(void) {
  double flops = 0, total[FORMS + 1][PEER_COUNT] = {0}, worst = INFINITY;
  if (sizeof(real) != sizeof(float)) return fail("expected a build with float");
  if (!open_libraries()) return false;
  cblas_threads(omp_get_max_threads());
  printf("form\trows\tin\tout\tours\toneDNN\tOpenBLAS\n");
  // Time each shape and print its rates
  for (int i = 0; i < FORMS * 2 * SHAPES; i++) {
    const int form = i / (2 * SHAPES);
    Product p = product_new(i % (2 * SHAPES), form);
    double seconds[PEER_COUNT];
    time_peers(&p, seconds);
    printf("%s\t%d\t%d\t%d", form_names[form], p.rows, p.in, p.out);
    for (int k = 0; k < PEER_COUNT; k++) {
      printf("\t%.1f", 1e-9 * product_flops(&p) / seconds[k]);
      total[form][k] += seconds[k];
      total[FORMS][k] += seconds[k];
    }
    printf("\n");
    fflush(stdout);
    worst = fmin(worst, seconds[OPENBLAS] / seconds[OURS]);
    if (form == 0) flops += product_flops(&p);
    product_free(&p);
  }
  for (int form = 0; form <= FORMS; form++) {
    printf("%s\tall\t\t", form < FORMS ? form_names[form] : "together");
    for (int k = 0; k < PEER_COUNT; k++)
      printf("\t%.1f", 1e-9 * flops * (form < FORMS ? 1 : FORMS) / total[form][k]);
    printf("\n");
  }
  printf("ours / oneDNN\t\t\t\t%.2f\nours / OpenBLAS\t\t\t\t%.2f\n",
         total[FORMS][ONEDNN] / total[FORMS][OURS],
         total[FORMS][OPENBLAS] / total[FORMS][OURS]);
  printf("worst ours / OpenBLAS\t\t\t\t%.2f\n", worst);
  return true;
}
// The training steps
/* A training step to be timed: a model with its loss, and a batch of noise. */
typedef struct Step {
  const char *name;
  Params *params;
  const void *model;
  LossFunction *loss;
  const Joint *joint;  /* instead of loss, for dual encoders; or NULL */
  int batch, *numbers; /* examples; their labels, or the tokens of captions */
  int size, channels;  /* of the pictures */
  real *images;
  Optimizer optimizer;
  Shards *shards;
  double shared_macs;  /* multiply-adds once a batch; those of an example are counted */
  bool gradient_only;  /* no clipping, no AdamW */
} Step;
static Tensor *step_images(Tape *tape, const Step *step, int first, int count) {
  const Shape shape = SHAPE(count, step->channels, step->size, step->size);
  const size_t n = (size_t)step->channels * step->size * step->size;
  return tape_input(tape, "images", shape, step->images + (size_t)first * n);
}

static void take_step(void *state) {
  Step *s = state;
  double metric;
  if (s->joint)
    joint_gradient(s->shards, s->joint, s, 0, s->batch, (RandomKey){0}, &metric);
  else shards_gradient(s->shards, s->loss, s, 0, s->batch, (RandomKey){0}, &metric);
  if (s->gradient_only) return;
  clip_gradients(s->params, 1);
  adamw_update(&s->optimizer, 1e-3);
}
static void step_begin(Step *step, const VitConfig *pictures, int suits) {
  const int side = pictures->image_size, channels = pictures->channels;
  const size_t n = (size_t)step->batch * channels * side * side;
  step->size = side, step->channels = channels;
  params_fill(step->params, 1);
  step->optimizer = optimizer_new(OPTIMIZER_ADAMW, step->params, 0.999, 0.05);
  step->shards = shards_new(step->params, shards, micro_batch ? micro_batch : suits);
  step->images = allocate(n, sizeof(real));
  for (size_t i = 0; i < n; i++)
    step->images[i] = (real)random_normal(random_key(1, "images"), i);
}

static void step_end(Step *step) {
  shards_free(step->shards), optimizer_free(&step->optimizer);
  params_free(step->params), free(step->images);
}
static double step_flops(Step *step) {
  Tape *tape = tape_new();
  Tensor *made[JOINT_KINDS];
  double metric;
  if (step->joint) step->joint->forward(tape, step, 0, 0, 1, made);
  else step->loss(tape, step, 0, 0, 1, &metric);
  const double macs = step->batch * tape->macs + step->shared_macs;
  tape_free(tape);
  return 6 * macs;
}

static bool step_wanted(const char *name) {
  return wanted(STEPS, name) || wanted(PRECISIONS, name);
}

/* In fp32 and in bf16, by turns, so that a clock that drifts does so for both. */
static void measure_precisions(Step *step, double flops) {
  double seconds[2][99];
  for (int i = 0; i < samples; i++)
    for (int bf16 = 0; bf16 < 2; bf16++) {
      shards_use_bf16(step->shards, bf16);
      seconds[bf16][i] = median_seconds(take_step, step, 1, 0.05);
    }
  for (int bf16 = 0; bf16 < 2; bf16++) {
    char name[40];
    snprintf(name, sizeof name, "%s %s", step->name, bf16 ? "bf16" : "fp32");
    print_row((Row){"precisions", name, median(seconds[bf16], samples), step->batch,
                    flops, 0});
  }
  shards_use_bf16(step->shards, false);
}

static void measure_step(Step *step) {
  const double flops = step_flops(step);
  if (wanted(STEPS, step->name)) {
    const double seconds = median_seconds(take_step, step, samples, 0.05);
    print_row((Row){"steps", step->name, seconds, step->batch, flops, 0});
  }
  if (wanted(PRECISIONS, step->name) && !step->gradient_only)
    measure_precisions(step, flops);
}

/* Where the time of a step goes, by operation: shards one after the other. */
static void profile_step(Step *step) {
  Profile profile = {0};
  take_step(step);
  for (int i = 0; i < shards; i++) step->shards->shard[i].tape->profile = &profile;
  const double start = stopwatch();
  for (int i = 0; i < samples; i++) take_step(step);
  double rest = (stopwatch() - start) / samples;
  for (int i = 0; i < profile.count; i++) {
    const double seconds = (profile.op[i].forward + profile.op[i].backward) / samples;
    rest -= seconds;
    print_row((Row){"profile", profile.op[i].name, seconds, 0, 0, 0});
  }
  print_row((Row){"profile", "optimiser and the rest", rest, 0, 0, 0});
}
typedef struct StepModel {
  const char *name;
  int size, channels, patch, width, depth, heads;
} StepModel;

static const StepModel models[] = {{"vit-mnist", 28, 1, 7, 64, 4, 4},
                                   {"vit-cifar", 32, 3, 4, 128, 6, 4},
                                   {"vit-cifar-192", 32, 3, 4, 192, 9, 12}};

static Tensor *vit_step_loss(Tape *tape, void *state, int number, int first, int count,
                             double *metric) {
  const Step *s = state;
  Tensor *logits = vit_forward(tape, s->model, step_images(tape, s, first, count));
  *metric = number;
  return cross_entropy(tape, logits, s->numbers + first, 0, NULL);
}

static void vit_step(const StepModel *m, void (*look)(Step *step)) {
  int labels[IMAGES];
  Step step = {.name = m->name, .params = params_new(), .loss = vit_step_loss,
               .batch = IMAGES, .numbers = labels};
  VitConfig c = {.image_size = m->size, .channels = m->channels, .patch_size = m->patch,
                 .width = m->width, .depth = m->depth, .heads = m->heads,
                 .mlp = 4 * m->width, .classes = CLASSES, .eps = 1e-6,
                 .position = POSITION_LEARNED};
  const Vit vit = vit_declare(step.params, "", c);
  step.model = &vit;
  for (int i = 0; i < IMAGES; i++)
    labels[i] = random_below(random_key(1, "labels"), (uint64_t)i, CLASSES);
  step_begin(&step, &c, vit_micro_batch(&vit));
  look(&step);
  step_end(&step);
}
// The training steps of clip
enum { CLIP_PAIRS = 128, CAPTION = 16 };

static void clip_step_forward(Tape *tape, void *state, int number, int first, int count,
                              Tensor *made[JOINT_KINDS]) {
  const Step *s = state;
  (void)number;
  made[0] = clip_encode_image(tape, s->model, step_images(tape, s, first, count));
  made[1] = clip_encode_text(tape, s->model, s->numbers + first * CAPTION, count,
                             CAPTION);
}

static Tensor *clip_step_loss(Tape *tape, void *state, const Shards *all_shards,
                              Tensor *all[JOINT_KINDS], double *metric) {
  (void)all_shards;
  return clip_loss(tape, ((Step *)state)->model, all[0], all[1], NULL, metric);
}

static ClipConfig clip_tiny(PairLoss loss) {
  return (ClipConfig){
      .image = {.image_size = 32, .channels = 3, .patch_size = 4, .width = 128,
                .depth = 6, .heads = 4, .mlp = 512, .eps = 1e-5,
                .position = POSITION_LEARNED},
      .text = {.vocabulary = TOKENIZER_SYMBOLS + 2, .context = CAPTION, .width = 128,
               .depth = 3, .heads = 4, .mlp = 512, .eps = 1e-5, .causal = true},
      .embed = 128, .loss = loss, .biased = loss >= LOSS_SIGMOID, .bias = -10};
}

static void measure_clip_step(const char *name, PairLoss loss) {
  static const Joint joint = {clip_step_forward, clip_step_loss, false};
  int ids[CLIP_PAIRS * CAPTION];
  Step step = {.name = name, .params = params_new(), .joint = &joint,
               .batch = CLIP_PAIRS, .numbers = ids};
  const Clip clip = clip_declare(step.params, clip_tiny(loss));
  step.model = &clip;
  step.shared_macs = (double)CLIP_PAIRS * CLIP_PAIRS * clip.config.embed;
  for (int i = 0; i < CLIP_PAIRS * CAPTION; i++)
    ids[i] = i % CAPTION == CAPTION - 1
                 ? TOKENIZER_SYMBOLS + 1
                 : random_below(random_key(1, "ids"), (uint64_t)i, TOKENIZER_SYMBOLS);
  step_begin(&step, &clip.config.image, 1);
  measure_step(&step);
  step_end(&step);
}
// The training steps of mae
enum { MAE_IMAGES = 128 };

static const struct MaeRow {
  const char *name;
  double ratio;
  bool encoder_only;
} mae_rows[] = {{"mae-tiny", 0.75, false},      {"mae-encoder-0", 0, true},
                {"mae-encoder-25", 0.25, true}, {"mae-encoder-50", 0.5, true},
                {"mae-encoder-75", 0.75, true}, {"mae-encoder-90", 0.9, true}};

typedef struct MaeStep {
  Mae mae;
  const struct MaeRow *row;
} MaeStep;

static Tensor *mae_step_loss(Tape *tape, void *state, int number, int first, int count,
                             double *metric) {
  const Step *step = state;
  const MaeStep *m = step->model;
  Tensor *images = step_images(tape, step, first, count);
  const Masking mask = masking_random(tape, count, m->mae.encoder.patches,
                                      m->row->ratio, random_key(1, "bench"), NULL);
  *metric = number;
  if (!m->row->encoder_only) return mae_loss(tape, &m->mae, images, &mask);
  return sum(tape, mae_encode(tape, &m->mae, images, &mask));
}

static void measure_mae_step(const struct MaeRow *row) {
  MaeStep m = {.row = row};
  Step step = {.name = row->name, .params = params_new(), .model = &m,
               .loss = mae_step_loss, .batch = MAE_IMAGES,
               .gradient_only = row->encoder_only};
  m.mae = mae_declare(step.params, (MaeConfig){
      .encoder = {.image_size = 32, .channels = 3, .patch_size = 4, .width = 128,
                  .depth = 6, .heads = 4, .mlp = 512, .eps = 1e-6,
                  .position = POSITION_SINCOS},
      .width = 64, .depth = 2, .heads = 4, .mlp = 256, .normalize = true});
  step_begin(&step, &m.mae.encoder.config, 32);
  measure_step(&step);
  step_end(&step);
}

static void measure_mae_steps(void) {
  for (size_t i = 0; i < sizeof mae_rows / sizeof *mae_rows; i++)
    if (step_wanted(mae_rows[i].name)) measure_mae_step(&mae_rows[i]);
}
// The training step of a language model
enum { ASKED = 64, QUESTION = 7, WORDS = 16 };

static Tensor *language_step_loss(Tape *tape, void *state, int number, int first,
                                  int count, double *metric) {
  const Step *s = state;
  VlmText text[ASKED];
  int tokens;
  for (int i = 0; i < count; i++) text[i] = (VlmText){WORDS, QUESTION, false};
  Tensor *image = vlm_look(tape, s->model, step_images(tape, s, first, count), NULL);
  *metric = number;
  return vlm_loss(tape, s->model, image, s->numbers + first * WORDS, text, count, WORDS,
                  &tokens, NULL);
}

static void measure_language_step(void) {
  int ids[ASKED * WORDS];
  Step step = {.name = "language-tiny", .params = params_new(),
               .loss = language_step_loss, .batch = ASKED, .numbers = ids};
  VlmConfig c = {.image = clip_tiny(LOSS_HALF).image,
                 .language = clip_tiny(LOSS_HALF).text,
                 .connector = {CONNECTOR_LINEAR, 8, 128, 128, 0, 4}};
  c.language.context = connector_tokens(&c.connector) + WORDS;
  const Vlm vlm = vlm_declare(step.params, c);
  step.model = &vlm;
  step.shared_macs = -2 / 3.0 * ASKED * vit_macs(&c.image);
  params_freeze(step.params, "visual.");
  for (int i = 0; i < ASKED * WORDS; i++)
    ids[i] = random_below(random_key(1, "ids"), (uint64_t)i, TOKENIZER_SYMBOLS);
  step_begin(&step, &c.image, 8);
  measure_step(&step);
  step_end(&step);
}
// The main function of bench
static void measure_all(int team) {
  measure_ceilings(team);
  measure_kernels();
  measure_products();
  measure_near_and_far();
  for (size_t i = 0; i < sizeof models / sizeof *models; i++)
    if (step_wanted(models[i].name)) vit_step(&models[i], measure_step);
  if (step_wanted("clip-tiny")) measure_clip_step("clip-tiny", LOSS_HALF);
  if (step_wanted("siglip-tiny")) measure_clip_step("siglip-tiny", LOSS_SIGMOID);
  measure_mae_steps();
  if (step_wanted("language-tiny")) measure_language_step();
  if (team == 1 && set == PROFILE) vit_step(&models[1], profile_step);
}

// Warn of company
/* The fraction of the last 0.3 s in which the processors were busy; -1: unknown. */
static double busy_fraction(void) {
  double before[8] = {0}, after[8] = {0}, idle, all = 0;
  for (int turn = 0; turn < 2; turn++) {
    double *t = turn ? after : before;
    FILE *file = fopen("/proc/stat", "r");
    int found = file ? fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", t, t + 1,
                              t + 2, t + 3, t + 4, t + 5, t + 6, t + 7) : 0;
    if (file) fclose(file);
    if (found != 8) return -1;
    if (turn == 0) usleep(300000);
  }
  for (int i = 0; i < 8; i++) all += after[i] - before[i];
  idle = after[3] - before[3] + after[4] - before[4];
  return all > 0 ? 1 - idle / all : -1;
}

static void warn_of_company(void) {
  const double busy = busy_fraction();
  if (busy > 0.1)
    fprintf(stderr, "%s: other programs keep the machine %.0f %% busy; expect numbers "
            "that are too low\n", program.name, 100 * busy);
}
int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  const int most = threads ? threads : omp_get_max_threads();
  omp_set_num_threads(most);
  if (set == PEERS) return measure_peers() ? 0 : program_failed(&program);
  if (out && !(table = file_begin(out))) return program_failed(&program);
  warn_of_company();
  print_header();
  for (int team = 1; team <= most; team += most > 1 ? most - 1 : 1) {
    omp_set_num_threads(team);
    measure_all(team);
  }
  if (table && !file_commit(table, out)) return program_failed(&program);
  return 0;
}
