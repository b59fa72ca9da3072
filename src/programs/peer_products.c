/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <dlfcn.h>
#include <math.h>
#include <omp.h>
#include <unistd.h>

#include "app/options.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/stopwatch.h"
#include "kernels/kernels.h"

// Three ways to a product
enum { OURS, ONEDNN, OPENBLAS, PEERS };
enum { FORWARD, INPUT, WEIGHT, FORMS };
static const char *const peer_names[] = {"ours", "oneDNN", "OpenBLAS"};

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
typedef struct Shape3 {
  int rows, in, out;
} Shape3;

/* y = x w^T, dx = dy w, dw = dy^T x, all overwritten by the peers; ours adds
   to the last two, which is a little more work. */
static void multiply(int peer, int form, Shape3 s, real *x, real *y, real *w) {
  const int M = form == WEIGHT ? s.out : s.rows, N = form == FORWARD ? s.out : s.in;
  const int K = form == FORWARD ? s.in : form == INPUT ? s.out : s.rows;
  const float *A = (const float *)(form == FORWARD ? x : y);
  const float *B = (const float *)(form == WEIGHT ? x : w);
  float *C = (float *)(form == FORWARD ? y : form == INPUT ? x : w);
  const bool ta = form == WEIGHT, tb = form == FORWARD;
  const int lda = form == FORWARD ? s.in : s.out, ldb = s.in;
  if (peer == OPENBLAS)
    cblas(101, ta ? 112 : 111, tb ? 112 : 111, M, N, K, 1, A, lda, B, ldb, 0, C, N);
  else if (peer == ONEDNN)
    dnnl(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, 1, A, lda, B, ldb, 0, C, N);
  else if (form == FORWARD)
    linear_forward(y, x, w, NULL, s.rows, s.in, s.out);
  else if (form == INPUT)
    linear_backward_input(x, y, w, s.rows, s.in, s.out);
  else
    linear_backward_weight(w, NULL, y, x, s.rows, s.in, s.out);
}
// One shape, in turn
enum { ROUNDS = 9 };
static const double least_seconds = 0.004;

static real *filled(int n) {
  real *p = allocate((size_t)n, sizeof *p);
  for (int i = 0; i < n; i++) p[i] = (real)(sin(i) * 1e-3);
  return p;
}

/* Median seconds of each peer; the peers take turns. The pauses let the threads of
   the last one go to sleep before the next one's wake. */
static void time_peers(int form, Shape3 s, double *seconds) {
  real *x = filled(s.rows * s.in), *y = filled(s.rows * s.out);
  real *w = filled(s.in * s.out);
  double sample[PEERS][ROUNDS];
  int calls[PEERS] = {1, 1, 1};
  for (int round = -2; round < ROUNDS; round++)
    for (int peer = 0; peer < PEERS; peer++) {
      usleep(5000);
      multiply(peer, form, s, x, y, w);
      const double start = stopwatch();
      for (int i = 0; i < calls[peer]; i++) multiply(peer, form, s, x, y, w);
      const double each = (stopwatch() - start) / calls[peer];
      if (round < 0)
        calls[peer] = 1 + (int)(least_seconds / fmax(each, 1e-8));
      else
        sample[peer][round] = each;
    }
  for (int peer = 0; peer < PEERS; peer++) seconds[peer] = median(sample[peer], ROUNDS);
  free(x), free(y), free(w);
}
// All shapes
// The shapes of small transformers
static const int row_counts[] = {1088, 4160}; /* 64 images of 17 and of 65 tokens */
static const int shapes[][2] = {/* in, out */
    {64, 64},   {64, 192},  {64, 256},  {256, 64},  {128, 128}, {128, 384},
    {128, 512}, {512, 128}, {192, 192}, {192, 576}, {192, 768}, {768, 192}};
enum { SHAPES = sizeof shapes / sizeof *shapes };
static const char *const form_names[] = {"forward", "input", "weight"};

static int threads = 0;
static Option options[] = {
    INT_OPTION("threads", threads, 0, 1024, "threads; 0: one per core")};
static Program program = PROGRAM("peer-products", "", "Time the matrix products of "
                                 "small transformers against OpenBLAS and oneDNN, in "
                                 "turn. Prints GFLOP/s as tab-separated values.");
int main(int argc, char **argv) {
  double flops = 0, total[FORMS + 1][PEERS] = {0}, worst = INFINITY;
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  if (sizeof(real) != sizeof(float)) fail("expected a build with float");
  if (sizeof(real) != sizeof(float) || !open_libraries())
    return program_failed(&program);
  if (threads) omp_set_num_threads(threads);
  cblas_threads(omp_get_max_threads());
  printf("form\trows\tin\tout\tours\toneDNN\tOpenBLAS\n");
  // Time each shape and print its rates
  for (int form = 0; form < FORMS; form++)
    for (int i = 0; i < 2 * SHAPES; i++) {
      const Shape3 s = {row_counts[i / SHAPES], shapes[i % SHAPES][0],
                        shapes[i % SHAPES][1]};
      const double work = 2.0 * s.rows * s.in * s.out;
      double seconds[PEERS];
      time_peers(form, s, seconds);
      printf("%s\t%d\t%d\t%d", form_names[form], s.rows, s.in, s.out);
      for (int peer = 0; peer < PEERS; peer++) {
        printf("\t%.1f", 1e-9 * work / seconds[peer]);
        total[form][peer] += seconds[peer];
        total[FORMS][peer] += seconds[peer];
      }
      printf("\n");
      fflush(stdout);
      worst = fmin(worst, seconds[OPENBLAS] / seconds[OURS]);
      if (form == 0) flops += work;
    }
  for (int form = 0; form <= FORMS; form++) {
    printf("%s\tall\t\t", form < FORMS ? form_names[form] : "together");
    for (int peer = 0; peer < PEERS; peer++)
      printf("\t%.1f", 1e-9 * flops * (form < FORMS ? 1 : FORMS) / total[form][peer]);
    printf("\n");
  }
  for (int peer = 1; peer < PEERS; peer++)
    printf("ours / %s\t\t\t\t%.2f\n", peer_names[peer],
           total[FORMS][peer] / total[FORMS][OURS]);
  printf("worst ours / OpenBLAS\t\t\t\t%.2f\n", worst);
  return 0;
}
