/* Tangled from chapters/03-layers.nw: edit that, not this. */
#include <tgmath.h>

#include "kernels/dot.h"
#include "kernels/kernels.h"

// Kernels of one version
void gather_forward(real *y, const real *x, const real *fill, const int *index,
                    int count, int C) {
  for (int k = 0; k < count; k++) {
    const real *from = index[k] < 0 ? fill : x + (size_t)index[k] * C;
    for (int c = 0; c < C; c++) y[(size_t)k * C + c] = from[c];
  }
}

void gather_backward(real *dx, real *dfill, const real *dy, const int *index,
                     int count, int C) {
  for (int k = 0; k < count; k++) {
    real *to = index[k] < 0 ? dfill : dx ? dx + (size_t)index[k] * C : NULL;
    if (to)
      for (int c = 0; c < C; c++) to[c] += dy[(size_t)k * C + c];
  }
}

void normalize_forward(real *y, real *length, const real *x, real eps, int rows, int n) {
  for (int r = 0; r < rows; r++) {
    const real *row = x + (size_t)r * n;
    length[r] = sqrt(dot(row, row, n));
    const real divisor = length[r] + eps;
    for (int i = 0; i < n; i++)
      y[(size_t)r * n + i] = divisor > 0 ? row[i] / divisor : 0;
  }
}

void normalize_backward(real *dx, const real *dy, const real *x, const real *length,
                        real eps, int rows, int n) {
  for (int r = 0; r < rows; r++) {
    const real *row = x + (size_t)r * n, *slope = dy + (size_t)r * n;
    const real divisor = length[r] + eps;
    if (!(divisor > 0)) continue;
    const real along = length[r] > 0 ? dot(slope, row, n) / (divisor * length[r]) : 0;
    for (int i = 0; i < n; i++)
      dx[(size_t)r * n + i] += (slope[i] - row[i] * along) / divisor;
  }
}
