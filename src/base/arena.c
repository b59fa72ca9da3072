/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "base/arena.h"

#include <assert.h>

#include "base/memory.h"

// What nobody has asked for
#ifndef __has_feature
#define __has_feature(x) 0 /* how clang is asked; older ones do not define the other */
#endif
#if defined __SANITIZE_ADDRESS__ || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
enum { GAP = 64 }; /* bytes between pieces */
#define FORBID(memory, size) __asan_poison_memory_region(memory, size)
#define ALLOW(memory, size) __asan_unpoison_memory_region(memory, size)
#else
enum { GAP = 0 };
#define FORBID(memory, size) (void)(memory)
#define ALLOW(memory, size) (void)(memory)
#endif

enum { ALIGNMENT = 64, FIRST_BLOCK = 1 << 20 };

typedef struct Block {
  struct Block *next;
  size_t size, used;
  char *bytes;
} Block;

struct Arena {
  Block *first, *current;
  int blocks;
};

Arena *arena_new(void) { return allocate(1, sizeof(Arena)); }

void arena_free(Arena *arena) {
  for (Block *block = arena->first, *next; block; block = next) {
    next = block->next;
    ALLOW(block->bytes, block->size);
    free(block->bytes), free(block);
  }
  free(arena);
}

// Add a block
static Block *add_block(Arena *arena, size_t request) {
  Block *last = arena->current;
  size_t size = last ? 2 * last->size : FIRST_BLOCK;
  if (size < request) size = request;
  Block *block = allocate(1, sizeof *block);
  *block = (Block){NULL, size, 0, allocate_unset(size, 1)};
  FORBID(block->bytes, size);
  if (last) last->next = block;
  else arena->first = block;
  arena->blocks++;
  return block;
}

// Hand out and take back
void *arena_get(Arena *arena, size_t wanted) {
  const size_t size = (wanted + GAP + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  while (!arena->current || arena->current->used + size > arena->current->size) {
    Block *next = arena->current ? arena->current->next : NULL;
    arena->current = next ? next : add_block(arena, size);
    arena->current->used = 0;
  }
  void *memory = arena->current->bytes + arena->current->used;
  arena->current->used += size;
  ALLOW(memory, wanted);
  return memory;
}

void arena_reserve(Arena *arena, size_t size) {
  assert(!arena->first);
  arena->current = add_block(arena, size);
}

void arena_reset(Arena *arena) {
  for (Block *block = arena->first; block; block = block->next)
    FORBID(block->bytes, block->size);
  arena->current = arena->first;
  if (arena->current) arena->current->used = 0;
}

ArenaMark arena_mark(const Arena *arena) {
  return (ArenaMark){arena->current, arena->current ? arena->current->used : 0};
}

void arena_release(Arena *arena, ArenaMark mark) {
  if (!mark.block) {
    arena_reset(arena);
    return;
  }
  for (Block *block = mark.block->next; block; block = block->next)
    FORBID(block->bytes, block->size);
  FORBID(mark.block->bytes + mark.used, mark.block->size - mark.used);
  arena->current = mark.block;
  mark.block->used = mark.used;
}

int arena_blocks(const Arena *arena) { return arena->blocks; }
