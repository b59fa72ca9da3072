/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/readers.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const Reader *chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *name = getenv("READER");
  (void)argc, (void)argv;
  for (int i = 0; i < reader_count; i++)
    if (name && !strcmp(readers[i].name, name)) chosen = &readers[i];
  if (chosen) return 0;
  fprintf(stderr, "READER: expected the name of a reader, found '%s'\n",
          name ? name : "");
  exit(1);
}
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  chosen->read(bytes, count);
  return 0;
}
