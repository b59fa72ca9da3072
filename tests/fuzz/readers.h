/* Tangled from chapters/73-trust.nw: edit that, not this. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* A reader and what it promises: give it a file of these bytes, look at all that it
   returns, and abort if it is not sound or not explained. That no more memory is
   taken than free and factor allow is for the caller to check. */
typedef struct Reader {
  const char *name;
  void (*read)(const uint8_t *bytes, size_t count);
  size_t free, factor; /* memory: at most free + factor * count bytes at a time */
} Reader;

extern const Reader readers[];
extern const int reader_count;

/* How many calls so far ended with something read, and with a sentence. */
extern long readers_took, readers_refused;
