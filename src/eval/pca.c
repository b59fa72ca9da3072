/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "eval/pca.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"

enum { ROUNDS = 300 };

static double make_unit(double *v, int E) {
  double squares = 0;
  for (int i = 0; i < E; i++) squares += v[i] * v[i];
  for (int i = 0; i < E; i++) v[i] /= sqrt(squares) + 1e-300;
  return sqrt(squares);
}

/* The direction of the largest variance of centred rows, to v; returns that
   variance times n. */
static double strongest(const double *x, int n, int E, double *v) {
  double *next = allocate((size_t)E, sizeof *next), size = 0;
  for (int i = 0; i < E; i++) v[i] = random_normal(random_key(1, "principal"), i);
  make_unit(v, E);
  for (int round = 0; round < ROUNDS; round++) {
    memset(next, 0, (size_t)E * sizeof *next);
    for (int r = 0; r < n; r++) {
      double along = 0;
      for (int i = 0; i < E; i++) along += x[(size_t)r * E + i] * v[i];
      for (int i = 0; i < E; i++) next[i] += along * x[(size_t)r * E + i];
    }
    size = make_unit(next, E);
    memcpy(v, next, (size_t)E * sizeof *v);
  }
  free(next);
  return size;
}

void pca_plane(const real *x, int n, int E, double *plane, double *fraction) {
  double *rest = allocate((size_t)n * E, sizeof *rest), all = 0;
  double *v = allocate((size_t)E, sizeof *v);
  for (int c = 0; c < E; c++) {
    double mean = 0;
    for (int r = 0; r < n; r++) mean += (double)x[(size_t)r * E + c] / n;
    for (int r = 0; r < n; r++) {
      double *to = &rest[(size_t)r * E + c];
      *to = (double)x[(size_t)r * E + c] - mean;
      all += *to * *to;
    }
  }
  for (int k = 0; k < 2; k++) {
    fraction[k] = strongest(rest, n, E, v) / all;
    for (int r = 0; r < n; r++) {
      double *row = rest + (size_t)r * E, along = 0;
      for (int i = 0; i < E; i++) along += row[i] * v[i];
      for (int i = 0; i < E; i++) row[i] -= along * v[i];
      plane[2 * r + k] = along;
    }
  }
  free(rest), free(v);
}
