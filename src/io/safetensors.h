/* Tangled from chapters/06-training.nw: edit that, not this. */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H
#include <stdbool.h>

#include "tensor/tensor.h"

/* A tensor to be written, and a note (key and value) for the metadata. */
typedef struct SafetensorsItem {
  const char *name;
  Shape shape;
  const real *value;
} SafetensorsItem;
typedef struct SafetensorsMetadata {
  char key[64], value[192];
} SafetensorsMetadata;

/* Write a file, aside first. Numbers are written as F32 (F64 when real is
   double). False with a message; an existing file is then untouched. */
bool safetensors_write(const char *path, const SafetensorsItem *items, int count,
                       const SafetensorsMetadata *notes, int metadata_count);

/* Read and check a file. NULL with a message that names the file, what was
   expected and what was found. */
typedef struct Safetensors Safetensors;
Safetensors *safetensors_read(const char *path);
void safetensors_free(Safetensors *file);

/* Is this tensor there, of this shape, as F32 or F64, and are all of its numbers
   finite as `real`? Message if not. */
bool safetensors_check(const Safetensors *file, const char *name, Shape shape);

/* Copy a tensor that has passed safetensors_check. */
void safetensors_get(const Safetensors *file, const char *name, real *to);

int safetensors_count(const Safetensors *file);
const char *safetensors_metadata(const Safetensors *file, const char *key); /* or NULL */
#endif
