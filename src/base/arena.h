/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <stddef.h>

/* Memory that is handed out piece by piece and taken back all at once.
   After arena_reset the same requests are served without the heap. */
typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);

/* size bytes, aligned to 64, not cleared; valid until reset or free. */
void *arena_get(Arena *arena, size_t size);

/* So much will be asked for before the first reset: take it from the heap at once. Only
   while nothing has been handed out. */
void arena_reserve(Arena *arena, size_t size);

/* Take everything back. The memory is kept for the next requests. */
void arena_reset(Arena *arena);

/* Take back what was handed out since the mark. */
typedef struct ArenaMark {
  struct Block *block; /* NULL: nothing had been handed out */
  size_t used;
} ArenaMark;
ArenaMark arena_mark(const Arena *arena);
void arena_release(Arena *arena, ArenaMark mark);

/* How many blocks the arena has taken from the heap so far. */
int arena_blocks(const Arena *arena);
