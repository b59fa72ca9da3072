/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <omp.h>

/* A library to preload before PyTorch: it answers the Fortran name under which
   PyTorch asks BLAS for a product, and passes it on to oneDNN, whose threads are
   PyTorch's own. Fortran's columns are oneDNN's rows: the factors change places. */
int dnnl_sgemm(char ta, char tb, long M, long N, long K, float alpha, const float *A,
               long lda, const float *B, long ldb, float beta, float *C, long ldc);
void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b,
            const int *ldb, const float *beta, float *c, const int *ldc);

void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b,
            const int *ldb, const float *beta, float *c, const int *ldc) {
  dnnl_sgemm(*tb, *ta, *n, *m, *k, *alpha, b, *ldb, a, *lda, *beta, c, *ldc);
}
