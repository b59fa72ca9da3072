/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "io/safetensors.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the format is little-endian, and numbers are copied as they are"
#endif

#include "base/error.h"
#include "base/files.h"
#include "base/format.h"
#include "base/memory.h"
#include "io/json_text.h"

struct Safetensors {
  char *path, *bytes;
  const char *data;
  size_t data_size;
  json_t *header;
};

// Write safetensors
void metadata_add(Metadata *m, const char *key, const char *format, ...) {
  if (m->count == m->capacity) {
    m->capacity = 2 * m->capacity + 16;
    m->list = reallocate(m->list, (size_t)m->capacity * sizeof *m->list);
  }
  va_list arguments;
  va_start(arguments, format);
  m->list[m->count].key = text_copy(key);
  m->list[m->count++].value = text_print(format, arguments);
  va_end(arguments);
}

void metadata_free(Metadata *m) {
  for (int i = 0; i < m->count; i++) free(m->list[i].key), free(m->list[i].value);
  free(m->list);
  *m = (Metadata){0};
}

static bool describe(json_t *header, const SafetensorsItem *item, size_t *offset) {
  json_t *shape = json_array();
  size_t size = sizeof(real);
  bool good = shape != NULL;
  for (int i = 0; i < item->shape.rank; i++) {
    good = json_array_append_new(shape, json_integer(item->shape.size[i])) == 0 && good;
    size *= (size_t)item->shape.size[i];
  }
  json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype",
                            sizeof(real) == 4 ? "F32" : "F64", "shape", shape,
                            "data_offsets", (json_int_t)*offset,
                            (json_int_t)(*offset + size));
  *offset += size;
  return json_object_set_new(header, item->name, entry) == 0 && good;
}

/* The header as text; NULL if it cannot be made. The caller frees. */
static char *make_header(const SafetensorsItem *items, int count,
                         const Metadata *metadata) {
  json_t *header = json_object(), *texts = json_object();
  size_t offset = 0;
  bool good = true;
  for (int i = 0; metadata && i < metadata->count; i++)
    good = json_object_set_new(texts, metadata->list[i].key,
                               json_string(metadata->list[i].value)) == 0 && good;
  good = json_object_set_new(header, "__metadata__", texts) == 0 && good;
  for (int i = 0; i < count; i++)
    good = describe(header, &items[i], &offset) && good;
  char *text = good ? json_dumps(header, JSON_COMPACT) : NULL;
  json_decref(header);
  return text;
}

bool safetensors_write(const char *path, const SafetensorsItem *items, int count,
                       const Metadata *metadata) {
  char *text = make_header(items, count, metadata);
  if (!text)
    return fail("%s: cannot make its header: out of memory, or metadata that is not "
                "UTF-8", path);
  FILE *file = file_begin(path);
  if (!file) return free(text), false;
  size_t length = strlen(text), padded = (length + 7) / 8 * 8;
  for (int i = 0; i < 8; i++) fputc((int)(padded >> (8 * i) & 255), file);
  fprintf(file, "%-*s", (int)padded, text);
  free(text);
  for (size_t i = 0; i < (size_t)count; i++) {
    fwrite(items[i].value, sizeof(real), shape_size(items[i].shape), file);
  }
  return file_commit(file, path);
}

// Check one entry of the header
/* Bits of an element of each published type; 0: it is none. */
static size_t bits_of(const char *dtype) {
  static const struct {
    const char *name;
    size_t bits;
  } types[] = {{"F32", 32},    {"F64", 64},    {"F16", 16},     {"BF16", 16},
               {"I64", 64},    {"I32", 32},    {"I16", 16},     {"I8", 8},
               {"U64", 64},    {"U32", 32},    {"U16", 16},     {"U8", 8},
               {"BOOL", 8},    {"F8_E4M3", 8}, {"F8_E5M2", 8},  {"F8_E8M0", 8},
               {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},  {"C64", 64}};
  for (size_t i = 0; dtype && i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, dtype) == 0) return types[i].bits;
  return 0;
}

/* begin and end of an entry's data; false if type, shape and place disagree */
static bool entry_place(const json_t *entry, size_t limit, size_t place[2]) {
  const json_t *shape = json_object_get(entry, "shape"), *item;
  const json_t *offsets = json_object_get(entry, "data_offsets");
  size_t size = bits_of(json_string_value(json_object_get(entry, "dtype"))), i;
  if (!size || !json_is_array(shape) || json_array_size(offsets) != 2) return false;
  json_array_foreach(shape, i, item) {
    json_int_t n = json_integer_value(item);
    if (!json_is_integer(item) || n < 0 ||
        __builtin_mul_overflow(size, (size_t)n, &size))
      return false;
  }
  for (i = 0; i < 2; i++) {
    const json_t *offset = json_array_get(offsets, i);
    if (!json_is_integer(offset) || json_integer_value(offset) < 0) return false;
    place[i] = (size_t)json_integer_value(offset);
  }
  return place[0] <= place[1] && place[1] <= limit &&
         size % 8 == 0 && place[1] - place[0] == size / 8;
}

// Check that the places fill the data
typedef struct Place {
  size_t begin, end;
} Place;

static int by_begin(const void *a, const void *b) {
  const Place *p = a, *q = b;
  if (p->begin != q->begin) return p->begin < q->begin ? -1 : 1;
  return (p->end > q->end) - (p->end < q->end);
}

static bool check_entries(const Safetensors *f) {
  size_t count = 0, at = 0;
  Place *places = allocate(json_object_size(f->header), sizeof *places);
  const char *name;
  json_t *entry;
  bool good = true;
  json_object_foreach(f->header, name, entry) {
    size_t place[2];
    if (strcmp(name, "__metadata__") == 0) continue;
    if (good && !entry_place(entry, f->data_size, place))
      good = fail("%s: tensor %s: expected type, shape and a place of that size within "
                  "%zu bytes of data, found otherwise", f->path, name, f->data_size);
    if (good) places[count++] = (Place){place[0], place[1]};
  }
  qsort(places, count, sizeof *places, by_begin);
  bool full = good;
  for (size_t i = 0; full && i < count; at = places[i++].end)
    full = places[i].begin == at;
  free(places);
  if (good && !(full && at == f->data_size))
    good = fail("%s: expected tensors that fill %zu bytes of data without gaps or "
                "overlaps, found otherwise", f->path, f->data_size);
  return good;
}

// Read safetensors
static bool parse(Safetensors *f, size_t count) {
  uint64_t length = 0;
  if (count < 8) return fail("%s: expected 8 bytes of length, found a file of %zu "
                             "bytes", f->path, count);
  for (int i = 7; i >= 0; i--) length = length << 8 | (uint8_t)f->bytes[i];
  if (length > count - 8)
    return fail("%s: expected a header of %llu bytes, found %zu", f->path,
                (unsigned long long)length, count - 8);
  f->header = jsontext_parse(f->path, "a header", f->bytes + 8, (size_t)length,
                             JSON_REJECT_DUPLICATES);
  if (!f->header) return false;
  if (!json_is_object(f->header))
    return fail("%s: expected a header in JSON, found no object", f->path);
  f->data = f->bytes + 8 + length;
  f->data_size = count - 8 - (size_t)length;
  return check_entries(f);
}

Safetensors *safetensors_read(const char *path) {
  size_t count;
  Safetensors *f = allocate(1, sizeof *f);
  f->path = text_copy(path);
  f->bytes = file_read(path, &count);
  if (f->bytes && parse(f, count)) return f;
  safetensors_free(f);
  return NULL;
}

void safetensors_free(Safetensors *f) {
  json_decref(f->header);
  free(f->bytes), free(f->path), free(f);
}

// Get one tensor
int safetensors_count(const Safetensors *f) {
  return (int)json_object_size(f->header) -
         (json_object_get(f->header, "__metadata__") != NULL);
}

const char *safetensors_metadata(const Safetensors *f, const char *key) {
  const json_t *metadata = json_object_get(f->header, "__metadata__");
  return json_string_value(json_object_get(metadata, key));
}

typedef struct Numbers {
  const char *from;
  size_t width, count;
} Numbers;

static Numbers numbers_of(const Safetensors *f, const json_t *entry) {
  size_t place[2] = {0, 0};
  entry_place(entry, f->data_size, place);
  bool wide = strcmp(json_string_value(json_object_get(entry, "dtype")), "F64") == 0;
  size_t width = wide ? 8 : 4;
  return (Numbers){f->data + place[0], width, (place[1] - place[0]) / width};
}

static real number_at(Numbers n, size_t i) {
  float narrow;
  double full = 0;
  memcpy(&narrow, n.from + i * n.width, 4);
  if (n.width == 8) memcpy(&full, n.from + i * n.width, 8);
  return n.width == 8 ? (real)full : (real)narrow;
}

static bool check_numbers(const Safetensors *f, const char *name, const json_t *entry) {
  const Numbers n = numbers_of(f, entry);
  for (size_t i = 0; i < n.count; i++)
    if (!isfinite(number_at(n, i)))
      return fail("%s: tensor %s: expected finite numbers, found %g at place %zu",
                  f->path, name, (double)number_at(n, i), i);
  return true;
}

bool safetensors_check(const Safetensors *f, const char *name, Shape shape) {
  const json_t *entry = json_object_get(f->header, name);
  if (!entry) return fail("%s: expected a tensor %s, found none", f->path, name);
  const char *dtype = json_string_value(json_object_get(entry, "dtype"));
  if (strcmp(dtype, "F32") != 0 && strcmp(dtype, "F64") != 0)
    return fail("%s: tensor %s: expected type F32 or F64, found %s", f->path, name,
                dtype);
  const json_t *found = json_object_get(entry, "shape");
  bool same = json_array_size(found) == (size_t)shape.rank;
  for (int i = 0; i < shape.rank; i++)
    same = same && json_integer_value(json_array_get(found, (size_t)i)) ==
                       shape.size[i];
  if (same) return check_numbers(f, name, entry);
  char *text = json_dumps(found, JSON_COMPACT);
  fail("%s: tensor %s: expected shape [%d,%d,%d,%d] of rank %d, found %s", f->path,
       name, shape.size[0], shape.size[1], shape.size[2], shape.size[3], shape.rank,
       text);
  free(text);
  return false;
}

void safetensors_get(const Safetensors *f, const char *name, real *to) {
  const Numbers n = numbers_of(f, json_object_get(f->header, name));
  for (size_t i = 0; i < n.count; i++) to[i] = number_at(n, i);
}
