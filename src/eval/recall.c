/* Tangled from chapters/08-clip.nw: edit that, not this. */
#include "eval/recall.h"

#include <stdbool.h>
#include <assert.h>
#include <math.h>

#include "base/memory.h"

// Ranks
static real dot(const real *a, const real *b, int E) {
  real sum = 0;
  for (int i = 0; i < E; i++) sum += a[i] * b[i];
  return sum;
}

int recall_rank(const real *query, int group, const real *candidates,
                const int *candidate_groups, int m, int E) {
  real best = -INFINITY;
  int rank = 1;
  for (int j = 0; j < m; j++)
    if (candidate_groups[j] == group)
      best = (real)fmax((double)best, (double)dot(query, candidates + (size_t)j * E, E));
  for (int j = 0; j < m; j++)
    if (candidate_groups[j] != group)
      rank += !(dot(query, candidates + (size_t)j * E, E) < best); /* NaN loses */
  return rank;
}

static int ascending(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

Recall recall_measure(const real *queries, const int *query_groups, int n,
                      const real *candidates, const int *candidate_groups, int m, int E) {
  int *rank = allocate((size_t)n, sizeof *rank);
  Recall r = {0};
#pragma omp parallel for
  for (int i = 0; i < n; i++)
    rank[i] = recall_rank(queries + (size_t)i * E, query_groups[i], candidates,
                          candidate_groups, m, E);
  for (int i = 0; i < n; i++) {
    r.at1 += rank[i] <= 1, r.at5 += rank[i] <= 5, r.at10 += rank[i] <= 10;
  }
  qsort(rank, (size_t)n, sizeof *rank, ascending);
  r.at1 /= n, r.at5 /= n, r.at10 /= n;
  r.median = 0.5 * (rank[(n - 1) / 2] + rank[n / 2]);
  free(rank);
  return r;
}

void recall_best(const real *query, const real *candidates, int m, int E, int k,
                 int *best) {
  real *score = allocate((size_t)m, sizeof *score);
  bool *taken = allocate((size_t)m, sizeof *taken);
  assert(k <= m);
  for (int j = 0; j < m; j++) {
    score[j] = dot(query, candidates + (size_t)j * E, E);
    if (isnan(score[j])) score[j] = -INFINITY; /* NaN is near to nothing */
  }
  for (int rank = 0; rank < k; rank++) {
    int top = -1;
    for (int j = 0; j < m; j++)
      if (!taken[j] && (top < 0 || score[j] > score[top])) top = j;
    best[rank] = top;
    taken[top] = true;
  }
  free(score), free(taken);
}

void nearest(const real *a, int n, const real *b, int m, int E, int *best) {
#pragma omp parallel for
  for (int i = 0; i < n; i++) recall_best(a + (size_t)i * E, b, m, E, 1, &best[i]);
}
