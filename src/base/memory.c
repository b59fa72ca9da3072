/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "base/memory.h"

#include <stdint.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

static void (*exhausted)(size_t count, size_t size);

void memory_set_handler(void (*handler)(size_t count, size_t size)) {
  exhausted = handler;
}

_Noreturn void memory_exhausted(size_t count, size_t size) {
  if (exhausted) exhausted(count, size);
  abort();
}

enum { LINE = 64, HUGE_PAGE = 1 << 21, LARGE = 1 << 23 };

void *allocate_unset(size_t count, size_t size) {
  size_t bytes = 0;
  void *memory = NULL;
  if (!__builtin_mul_overflow(count, size, &bytes) && bytes < SIZE_MAX - HUGE_PAGE) {
    const size_t unit = bytes < LARGE ? LINE : HUGE_PAGE;
    bytes = (bytes + unit) / unit * unit; /* never zero, a multiple of the alignment */
    memory = aligned_alloc(unit, bytes);
  }
  if (!memory) memory_exhausted(count, size);
#ifdef MADV_HUGEPAGE
  if (bytes >= LARGE) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void *allocate(size_t count, size_t size) {
  return memset(allocate_unset(count, size), 0, count * size);
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
