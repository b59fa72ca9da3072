/* Tangled from chapters/67-web.nw: edit that, not this. */
#include "web/memory_files.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "io/safetensors.h"

static struct {
  const char *path, *bytes;
  size_t size;
} files[16];

void memory_file(const char *path, const void *bytes, size_t size) {
  int i = 0;
  while (i < 16 && files[i].path && strcmp(files[i].path, path) != 0) i++;
  assert(i < 16);
  files[i].path = path, files[i].bytes = bytes, files[i].size = size;
}

static const char *find(const char *path, size_t *size) {
  for (int i = 0; i < 16 && files[i].path; i++)
    if (strcmp(files[i].path, path) == 0) return *size = files[i].size, files[i].bytes;
  return fail("%s: expected a file that the page has loaded, found none", path), NULL;
}

char *file_unpack(const char *path, size_t most, size_t *count) {
  const char *bytes = find(path, count);
  if (!bytes || *count > most) return NULL;
  char *copy = allocate(*count + 1, 1);
  return memcpy(copy, bytes, *count);
}

bool path_join(char path[PATH_MAX], const char *folder, const char *name) {
  const int length = snprintf(path, PATH_MAX, "%s/%s", folder, name);
  return length < PATH_MAX || fail("%.100s...: expected a shorter path", folder);
}

FILE *file_begin(const char *path) {
  return fail("%s: a page writes no files", path), NULL;
}

bool file_commit(FILE *file, const char *path) {
  return fail("%s: a page writes no files", file ? path : ""), false;
}

struct Safetensors {
  const char *path, *strings;
  const float *data;
};

/* The string after this one. */
static const char *after(const char *string) { return string + strlen(string) + 1; }

/* The entry after this one; a value may be empty, a kind not. */
static const char *next(const char *s) {
  const char *value = after(after(s));
  return after(*s == 'T' ? after(value) : value);
}

/* What follows entry `kind`, `name`: NULL if there is none. */
static const char *entry(const char *s, const char *kind, const char *name) {
  for (; *s; s = next(s))
    if (strcmp(s, kind) == 0 && strcmp(after(s), name) == 0) return after(after(s));
  return NULL;
}

Safetensors *safetensors_read(const char *path) {
  size_t size;
  const char *bytes = find(path, &size), *end = bytes;
  if (!bytes) return NULL;
  while (*end) end = next(end);
  const size_t length = (size_t)(end - bytes) + 1;
  Safetensors *file = allocate(1, sizeof *file);
  *file = (Safetensors){path, bytes, NULL};
  file->data = (const float *)(const void *)(bytes + (length + 3) / 4 * 4);
  return file;
}

void safetensors_free(Safetensors *file) { free(file); }

const char *safetensors_metadata(const Safetensors *file, const char *key) {
  return entry(file->strings, "M", key);
}

bool safetensors_check(const Safetensors *file, const char *name, Shape shape) {
  const char *text = entry(file->strings, "T", name);
  if (!text) return fail("%s: expected a tensor %s, found none", file->path, name);
  char expected[64];
  int n = snprintf(expected, sizeof expected, "%d", shape.rank);
  for (int i = 0; i < shape.rank; i++)
    n += snprintf(expected + n, sizeof expected - (size_t)n, " %d", shape.size[i]);
  return strcmp(text, expected) == 0 || fail("%s: tensor %s: expected shape %s, found %s",
                                             file->path, name, expected, text);
}

bool safetensors_sizes(const Safetensors *file, const char *name, Shape *shape) {
  const char *text = entry(file->strings, "T", name);
  char *rest;
  if (!text) return false;
  *shape = shape_make(0, NULL);
  shape->rank = (int)strtol(text, &rest, 10);
  for (int i = 0; i < shape->rank; i++) shape->size[i] = (int)strtol(rest, &rest, 10);
  return true;
}

void safetensors_get(const Safetensors *file, const char *name, real *to) {
  const char *shape = entry(file->strings, "T", name);
  assert(shape); /* it has passed the check */
  const float *from = file->data + strtoul(after(shape), NULL, 10);
  size_t count = 1;
  char *rest;
  for (long rank = strtol(shape, &rest, 10); rank > 0; rank--)
    count *= (size_t)strtol(rest, &rest, 10);
  for (size_t i = 0; i < count; i++) to[i] = (real)from[i];
}
