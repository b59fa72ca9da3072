/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <stdlib.h> /* free */

/* What is done when `count` times `size` bytes cannot be had: the handler set last; it
   must not return (it may longjmp, or exit). Unless one is set, abort(). */
void memory_set_handler(void (*handler)(size_t count, size_t size));
_Noreturn void memory_exhausted(size_t count, size_t size);

/* count * size bytes of zeros, aligned to 64 bytes (a cache line, and the widest
   vector register). Never returns NULL: see memory_set_handler. Give back with
   free(). */
void *allocate(size_t count, size_t size);

/* The same, but what the bytes are is undefined: for numbers that are all written before
   any is read. */
void *allocate_unset(size_t count, size_t size);

/* A copy of a text, in the same way; and memory of another size, not 0, with what it
   held: what is new is not cleared, and it is aligned as by malloc. */
char *text_copy(const char *text);
void *reallocate(void *memory, size_t size);
