/* Tangled from chapters/90-workshop.nw: edit that, not this. */
#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *allocate(size_t count, size_t size) {
  size_t bytes = 0;
  void *memory = NULL;
  if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX - 64) {
    bytes = (bytes + 64) / 64 * 64; /* never zero, a multiple of the alignment */
    memory = aligned_alloc(64, bytes);
  }
  if (!memory) {
    fprintf(stderr, "out of memory: %zu items of %zu bytes\n", count, size);
    exit(1);
  }
  return memset(memory, 0, bytes);
}
