/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "io/json_text.h"

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"

enum { BYTES_A_LIST = 8, FREE_LISTS = 16 };

json_t *jsontext_parse(const char *path, const char *what, const char *text,
                       size_t count, size_t flags) {
  size_t lists = 0;
  json_error_t error;
  for (size_t i = 0; i < count; i++) lists += text[i] == '[' || text[i] == '{';
  if (lists > FREE_LISTS + count / BYTES_A_LIST)
    return fail("%s: expected %s in JSON with at most a list for %d bytes, found %zu in "
                "%zu", path, what, BYTES_A_LIST, lists, count), NULL;
  json_t *json = json_loadb(text, count, flags, &error);
  if (!json)
    fail("%s: expected %s in JSON, found line %d: %s", path, what, error.line,
         error.text);
  return json;
}

json_t *jsontext_read(const char *path, const char *what, size_t most, size_t flags) {
  size_t count;
  char *text = file_read(path, &count);
  if (!text) return NULL;
  json_t *json = NULL;
  if (count <= most) json = jsontext_parse(path, what, text, count, flags);
  else fail("%s: expected at most %zu bytes, found %zu", path, most, count);
  free(text);
  return json;
}
