/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include <stdbool.h>

#include "base/real.h"
#include "base/shape.h"

/* What a file says about itself: keys and values, in order. Owns its texts; all zero:
   empty. */
typedef struct Metadata {
  struct {
    char *key, *value;
  } *list;
  int count, capacity;
} Metadata;

/* Add a value of any length; numbers are written with a point whatever the locale. */
void metadata_add(Metadata *metadata, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void metadata_free(Metadata *metadata);

/* A tensor to be written; name and values are not owned. */
typedef struct SafetensorsItem {
  const char *name;
  Shape shape;
  const real *value;
} SafetensorsItem;

/* Write a file, aside first. Numbers are written as F32 (F64 when real is double).
   metadata may be NULL. False with a message; an existing file is then untouched. */
bool safetensors_write(const char *path, const SafetensorsItem *items, int count,
                       const Metadata *metadata);

/* Map and check a file; or the files that a model is cut into, by their index
   (NAME.index.json). NULL with a message that names the file, what was expected and
   what was found. */
typedef struct Safetensors Safetensors;
Safetensors *safetensors_read(const char *path);
void safetensors_free(Safetensors *file);

/* Is this tensor there, of this shape, as F32, F64, F16, BF16, an integer or BOOL; and
   are all of its numbers finite as `real` as well? Message if not. */
bool safetensors_fits(const Safetensors *file, const char *name, Shape shape);
bool safetensors_check(const Safetensors *file, const char *name, Shape shape);

/* Copy a tensor that has passed safetensors_check; or both in one pass, after which the
   numbers are unspecified if it has not. */
void safetensors_get(const Safetensors *file, const char *name, real *to);
bool safetensors_take(const Safetensors *file, const char *name, Shape shape, real *to);

/* The tensors in the order of the header: how many, their names, the published type of
   one ("F32"), its shape as "[2,3]" to text, cut at the size. Type and text are NULL and
   empty if there is no such tensor. */
int safetensors_count(const Safetensors *file);
const char *safetensors_name(const Safetensors *file, int number);
int safetensors_number(const Safetensors *file, const char *name); /* -1: not there */
const char *safetensors_type(const Safetensors *file, const char *name);
const char *safetensors_shape(const Safetensors *file, const char *name, char *text,
                              size_t size);

/* Its shape; false, without a message, if there is no such tensor, if it has more than
   four sizes, or one that is zero or beyond an int. */
bool safetensors_sizes(const Safetensors *file, const char *name, Shape *shape);
const char *safetensors_metadata(const Safetensors *file, const char *key); /* or NULL */
