/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "eval/recall.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
                      const real *candidates, const int *candidate_groups, int m,
                      int E) {
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
  assert(k <= m);
  for (int j = 0; j < m; j++) {
    score[j] = dot(query, candidates + (size_t)j * E, E);
    if (isnan(score[j])) score[j] = -INFINITY; /* what is no number is near to nothing */
  }
  for (int place = 0; place < k; place++) {
    int top = 0;
    for (int j = 1; j < m; j++)
      if (score[j] > score[top]) top = j;
    best[place] = top;
    score[top] = -INFINITY;
  }
  free(score);
}

void nearest(const real *a, int n, const real *b, int m, int E, int *best) {
#pragma omp parallel for
  for (int i = 0; i < n; i++) recall_best(a + (size_t)i * E, b, m, E, 1, &best[i]);
}

// Classes out of words
void prompt_fill(char *text, size_t size, const char *template, const char *name) {
  const char *gap = strstr(template, "{}");
  const char *rest = gap ? gap + 2 : "";
  int before = (int)(gap ? gap - template : (long)strlen(template));
  bool article = gap && before >= 2 && strncmp(gap - 2, "a ", 2) == 0 &&
                 (before == 2 || gap[-3] == ' ');
  bool vowel = strchr("aeiou", tolower((unsigned char)name[0])) && name[0];
  if (article && vowel)
    snprintf(text, size, "%.*sn %s%s", before - 1, template, name, rest);
  else snprintf(text, size, "%.*s%s%s", before, template, gap ? name : "", rest);
}

static void make_unit(real *vector, int E) {
  const double length = sqrt((double)dot(vector, vector, E));
  for (int i = 0; i < E; i++) vector[i] = (real)((double)vector[i] / length);
}

void zeroshot_classes(const Clip *clip, Tape *tape, const Tokenizer *tokenizer,
                      const char *const *names, int K, const char *const *templates,
                      int M, real *vectors) {
  enum { TEXT = 256 };
  const int E = clip->config.embed;
  char(*text)[TEXT] = allocate((size_t)M, sizeof *text);
  const char **texts = allocate((size_t)M, sizeof *texts);
  real *each = allocate((size_t)M * E, sizeof *each);
  assert(M > 0);
  for (int k = 0; k < K; k++) {
    real *mean = vectors + (size_t)k * E;
    for (int i = 0; i < M; i++) {
      prompt_fill(text[i], TEXT, templates[i], names[k]);
      texts[i] = text[i];
    }
    embed_texts(clip, tape, tokenizer, texts, M, each);
    memset(mean, 0, (size_t)E * sizeof *mean);
    for (int i = 0; i < M * E; i++) mean[i % E] += each[i];
    make_unit(mean, E);
  }
  free(text), free(texts), free(each);
}
