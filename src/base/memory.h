/* Tangled from chapters/90-workshop.nw: edit that, not this. */
#ifndef MEMORY_H
#define MEMORY_H
#include <stddef.h>

/* count * size bytes of zeros, aligned to 64 bytes (a cache line, and the
   widest vector register). Never returns NULL: without memory the program
   ends with one line and status 1. Give back with free(). */
void *allocate(size_t count, size_t size);

/* A copy of a text, in the same way; and memory of another size, not 0, with what it
   held: what is new is not cleared, and it is aligned as by malloc. */
char *text_copy(const char *text);
void *reallocate(void *memory, size_t size);
#endif
