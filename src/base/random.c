/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "base/random.h"

#include <math.h>

static uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27;
  x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

RandomKey random_key(uint64_t seed, const char *purpose) {
  uint64_t word = mix(seed + 0x9e3779b97f4a7c15u);
  for (; *purpose; purpose++) word = mix(word ^ (uint64_t)(unsigned char)*purpose);
  return (RandomKey){word};
}

uint64_t random_bits(RandomKey key, uint64_t index) {
  return mix(key.word + mix(index * 0x9e3779b97f4a7c15u + 1));
}

RandomKey random_subkey(RandomKey key, uint64_t index) {
  return (RandomKey){mix(random_bits(key, index) ^ 0xd1b54a32d192ed03u)};
}

// Numbers of other distributions
double random_uniform(RandomKey key, uint64_t index) {
  return (double)(random_bits(key, index) >> 11) * 0x1p-53;
}

double random_normal(RandomKey key, uint64_t index) {
  double u = random_uniform(key, 2 * index);
  double v = random_uniform(key, 2 * index + 1);
  return sqrt(-2 * log1p(-u)) * cos(6.283185307179586 * v);
}

int random_below(RandomKey key, uint64_t index, int bound) {
  return (int)(((random_bits(key, index) >> 32) * (uint64_t)bound) >> 32);
}

void random_permutation(RandomKey key, int *order, int count) {
  for (int i = 0; i < count; i++) order[i] = i;
  for (int i = count - 1; i > 0; i--) {
    int j = random_below(key, (uint64_t)i, i + 1);
    int kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}
