/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <stdint.h>

/* A key stands for (seed, purpose, ...). Draws from one key differ by their
   index only and can be made in any order, by any thread. */
typedef struct RandomKey {
  uint64_t word;
} RandomKey;

RandomKey random_key(uint64_t seed, const char *purpose);
RandomKey random_subkey(RandomKey key, uint64_t index);

uint64_t random_bits(RandomKey key, uint64_t index);
double random_uniform(RandomKey key, uint64_t index); /* in [0, 1) */
double random_normal(RandomKey key, uint64_t index);  /* mean 0, variance 1 */
int random_below(RandomKey key, uint64_t index, int bound); /* 0..bound-1 */

/* Fill order[count] with 0..count-1 in random order, each order as likely. */
void random_permutation(RandomKey key, int *order, int count);
