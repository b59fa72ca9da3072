/* Tangled from chapters/08-clip.nw: edit that, not this. */
#pragma once
#include "base/real.h"

/* How queries find their answers among candidates: the fraction whose best right
   answer is the first, among the first 5, the first 10, and the median of its
   rank (1: the first). */
typedef struct Recall {
  double at1, at5, at10, median;
} Recall;

/* queries[n][E] and candidates[m][E] are compared by their dot products. A right
   answer is a candidate of the same group as the query. A wrong one with the same
   product as the best right one comes before it, and so does one whose product is
   no number. Each query must have a right answer. */
Recall recall_measure(const real *queries, const int *query_groups, int n,
                      const real *candidates, const int *candidate_groups, int m, int E);

/* The rank of the best right answer of one query. */
int recall_rank(const real *query, int group, const real *candidates,
                const int *candidate_groups, int m, int E);

/* The k candidates with the largest products, best first, each once, k <= m; those
   whose product is NaN come last. */
void recall_best(const real *query, const real *candidates, int m, int E, int k,
                 int *best);

/* best[i] becomes the place of the largest entry of row i of a[n][E] b[m][E]^T. */
void nearest(const real *a, int n, const real *b, int m, int E, int *best);
