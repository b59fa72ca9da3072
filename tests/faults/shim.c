/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

static long requests, failing;

__attribute__((constructor)) static void begin(void) {
  const char *which = getenv("FAIL_REQUEST");
  failing = which ? atol(which) : 0;
  requests = 0;
}
/* Write how many requests there were, if somebody wants to know. */
__attribute__((destructor)) static void end(void) {
  const char *path = getenv("COUNT_REQUESTS");
  long count = requests;
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%ld\n", count);
  fclose(file);
}
static int refused(void) {
  if (__atomic_add_fetch(&requests, 1, __ATOMIC_RELAXED) != failing) return 0;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t size) { return refused() ? NULL : __libc_malloc(size); }
void *calloc(size_t n, size_t size) { return refused() ? NULL : __libc_calloc(n, size); }
void *realloc(void *memory, size_t size) {
  return refused() ? NULL : __libc_realloc(memory, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  return refused() ? NULL : __libc_memalign(alignment, size);
}
