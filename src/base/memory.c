/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "base/memory.h"

#include <stdint.h>
#include <string.h>

static void (*exhausted)(size_t count, size_t size);

void memory_set_handler(void (*handler)(size_t count, size_t size)) {
  exhausted = handler;
}

_Noreturn void memory_exhausted(size_t count, size_t size) {
  if (exhausted) exhausted(count, size);
  abort();
}

void *allocate(size_t count, size_t size) {
  size_t bytes = 0;
  void *memory = NULL;
  if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX - 64) {
    bytes = (bytes + 64) / 64 * 64; /* never zero, a multiple of the alignment */
    memory = aligned_alloc(64, bytes);
  }
  if (!memory) memory_exhausted(count, size);
  return memset(memory, 0, bytes);
}

void *reallocate(void *memory, size_t size) {
  void *moved = realloc(memory, size);
  if (!moved) memory_exhausted(1, size);
  return moved;
}

char *text_copy(const char *text) {
  const size_t size = strlen(text) + 1;
  return memcpy(allocate(size, 1), text, size);
}
