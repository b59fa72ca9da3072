/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "both_kernels.h"
#include "testing.h"

enum { ROOM = 3 * 260 * 260 };
static real qkv[ROOM], kv[ROOM], whole[ROOM], sums[ROOM], part[ROOM], weights[ROOM];
static real other[ROOM];

static void fill(real *x, int n, const char *name) {
  for (int i = 0; i < n; i++)
    x[i] = (real)random_normal(random_key(1, name), (uint64_t)i);
}

/* Keys and values of tokens first .. T - 1 aside. */
static void keep(int T, int C) {
  for (int t = 0; t < T; t++)
    memcpy(kv + t * 2 * C, qkv + t * 3 * C + C, 2 * (size_t)C * sizeof *kv);
}

static void check(const Kernels *k, int T, int queries, int H, int D, int prefix) {
  const int C = H * D, first = T - queries;
  const int own[] = {prefix};
  fill(qkv, T * 3 * C, "qkv");
  keep(T, C);
  k->attention_forward(whole, sums, NULL, qkv, 1, T, H, D, (Mask){true, own});
  k->attention_cached(part, weights, qkv + first * 3 * C, kv, queries, T, H, D, prefix);
  if (memcmp(part, whole + first * C, (size_t)queries * C * sizeof *part) != 0)
    ck_abort_msg("T %d, %d queries, %d heads of %d, prefix %d", T, queries, H, D, prefix);
  for (int r = 0; r < H * queries; r++) {
    double sum = 0;
    const int t = first + r % queries, seen = greatest(t + 1, least(prefix, T));
    for (int j = 0; j < T; j++) {
      sum += (double)weights[r * T + j];
      ck_assert(j < seen || weights[r * T + j] == 0);
    }
    ck_assert_double_eq_tol(sum, 1, 10 * ROUNDING);
  }
}

START_TEST(the_last_queries_get_what_they_get_among_all) {
  static const int tokens[] = {1, 2, 5, 16, 17, 33, 97, 130, 260};
  for (int i = 0; i < 9; i++)
    for (int n = 0; n < 4; n++) {
      const int T = tokens[i], queries[] = {1, least(3, T), greatest(T / 2, 1), T};
      for (int p = 0; p < 3; p++) {
        const int prefix = p == 0 ? 0 : p == 1 ? T / 2 : T;
        if (prefix > T - queries[n] && queries[n] < T) continue; /* read at once */
        check(&naive_kernels, T, queries[n], 2, 3, prefix);
        check(&fast_kernels, T, queries[n], 2, 3, prefix);
        check(&fast_kernels, T, queries[n], 3, 16, prefix);
      }
    }
}
END_TEST

START_TEST(both_agree) {
  const int T = 37, queries = 5, H = 2, D = 9, C = H * D;
  fill(qkv, T * 3 * C, "qkv");
  keep(T, C);
  naive_kernels.attention_cached(whole, weights, qkv, kv, queries, T, H, D, 20);
  fast_kernels.attention_cached(part, other, qkv, kv, queries, T, H, D, 20);
  ck_assert_double_lt(relative_error(part, whole, (size_t)queries * C), 10 * ROUNDING);
  ck_assert_double_lt(relative_error(other, weights, (size_t)H * queries * T),
                      10 * ROUNDING);
}
END_TEST

TEST_MAIN("cached", the_last_queries_get_what_they_get_among_all, both_agree)
