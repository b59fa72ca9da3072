/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "io/safetensors.h"

#include <assert.h>
#include <limits.h>
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

/* One file. */
typedef struct Part {
  char *path;
  FileMap file;
  const char *data;
  size_t data_size;
  json_t *header;
} Part;

/* Most models are one part. A tensor is an entry of the header of its part. */
typedef struct Entry {
  const char *name;
  const json_t *entry;
  const Part *part;
} Entry;

struct Safetensors {
  char *path;
  Part *parts;
  int part_count, count;
  Entry *entries; /* in the order of the headers */
  json_t *places; /* name to number in `entries` */
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

static bool check_entries(const Part *f) {
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
/* A zip archive, as PyTorch has written since 1.6, or a bare pickle. */
static bool is_pickle(const char *bytes, size_t count) {
  return count > 4 && (memcmp(bytes, "PK\3\4", 4) == 0 ||
                       ((uint8_t)bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5));
}

static bool refuse_pickle(const char *path) {
  return fail("%s: expected safetensors, found a pickle of PyTorch's, which may hold any "
              "program: convert it with python3 -c \"import torch, "
              "safetensors.torch as s; "
              "d = torch.load('%s', map_location='cpu', weights_only=True); "
              "s.save_file({k: v.contiguous() for k, v in d.get('state_dict', "
              "d.get('model', d)).items()}, 'model.safetensors')\"", path, path);
}

static bool parse(Part *f) {
  const size_t count = f->file.count;
  uint64_t length = 0;
  if (is_pickle(f->file.bytes, count)) return refuse_pickle(f->path);
  if (count < 8) return fail("%s: expected 8 bytes of length, found a file of %zu "
                             "bytes", f->path, count);
  for (int i = 7; i >= 0; i--) length = length << 8 | (uint8_t)f->file.bytes[i];
  if (length > count - 8)
    return fail("%s: expected a header of %llu bytes, found %zu", f->path,
                (unsigned long long)length, count - 8);
  f->header = jsontext_parse(f->path, "a header", f->file.bytes + 8, (size_t)length,
                             JSON_REJECT_DUPLICATES);
  if (!f->header) return false;
  if (!json_is_object(f->header))
    return fail("%s: expected a header in JSON, found no object", f->path);
  f->data = f->file.bytes + 8 + length;
  f->data_size = count - 8 - (size_t)length;
  return check_entries(f);
}

/* Add a part, or find it among those that are there: its number, or -1. */
static int add_part(Safetensors *f, const char *path) {
  for (int i = 0; i < f->part_count; i++)
    if (strcmp(f->parts[i].path, path) == 0) return i;
  f->parts = reallocate(f->parts, (size_t)(f->part_count + 1) * sizeof *f->parts);
  Part *part = &f->parts[f->part_count++];
  *part = (Part){.path = text_copy(path)};
  return file_map(&part->file, path) && parse(part) ? f->part_count - 1 : -1;
}

static int add_shard(Safetensors *f, const json_t *name) {
  const char *text = json_string_value(name);
  char path[PATH_MAX];
  if (!text || !*text || strchr(text, '/') || strlen(text) > NAME_MAX)
    return fail("%s: expected names of files in this folder, found otherwise", f->path),
           -1;
  return path_beside(path, f->path, text) ? add_part(f, path) : -1;
}

enum { MOST_INDEX = 1 << 26 }; /* bytes */

static bool read_index(Safetensors *f) {
  json_t *index = jsontext_read(f->path, "an index of shards", MOST_INDEX,
                                JSON_REJECT_DUPLICATES);
  json_t *map = json_object_get(index, "weight_map");
  const char *name;
  json_t *shard;
  bool good = index != NULL;
  if (good && json_object_size(map) == 0)
    good = fail("%s: expected weight_map, names of tensors and of files, found none",
                f->path);
  json_object_foreach(map, name, shard) {
    const int part = good ? add_shard(f, shard) : -1;
    if (good && (part < 0 || !json_object_get(f->parts[part].header, name)))
      good = part < 0 ? false
                      : fail("%s: expected a tensor %s in %s, found none", f->path, name,
                             json_string_value(shard));
  }
  json_decref(index);
  return good;
}

static bool list_entries(Safetensors *f) {
  size_t most = 0;
  for (int i = 0; i < f->part_count; i++) most += json_object_size(f->parts[i].header);
  f->entries = allocate(most + 1, sizeof *f->entries);
  f->places = json_object();
  for (int i = 0; i < f->part_count; i++) {
    const char *name;
    json_t *entry;
    json_object_foreach(f->parts[i].header, name, entry) {
      if (strcmp(name, "__metadata__") == 0) continue;
      if (json_object_get(f->places, name))
        return fail("%s: expected tensor %s in one shard, found it in two", f->path,
                    name);
      f->entries[f->count] = (Entry){name, entry, &f->parts[i]};
      json_object_set_new(f->places, name, json_integer(f->count++));
    }
  }
  return true;
}

Safetensors *safetensors_read(const char *path) {
  static const char index[] = ".index.json";
  const size_t length = strlen(path), ending = sizeof index - 1;
  Safetensors *f = allocate(1, sizeof *f);
  f->path = text_copy(path);
  const bool shards = length > ending && strcmp(path + length - ending, index) == 0;
  if ((shards ? read_index(f) : add_part(f, path) == 0) && list_entries(f)) return f;
  safetensors_free(f);
  return NULL;
}

void safetensors_free(Safetensors *f) {
  for (int i = 0; i < f->part_count; i++) {
    json_decref(f->parts[i].header);
    file_unmap(&f->parts[i].file);
    free(f->parts[i].path);
  }
  json_decref(f->places);
  free(f->entries), free(f->parts), free(f->path), free(f);
}

// Read numbers of a type
static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static float from_half(uint16_t half) {
  const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  const uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
  const float finite = from_bits(bits) * 0x1p112f;
  uint32_t out;
  memcpy(&out, &finite, sizeof out);
  return from_bits(sign | (bits >= 0x0f800000 ? bits | 0x7f800000 : out));
}

static float from_bfloat(uint16_t bits) { return from_bits((uint32_t)bits << 16); }

/* The first `count` numbers of a type at `from`. */
typedef void Reader(real *to, const char *from, size_t count);

#define READER(NAME, TYPE, CONVERT)                               \
  static void NAME(real *to, const char *from, size_t count) {    \
    for (size_t i = 0; i < count; i++) {                          \
      TYPE number;                                                \
      memcpy(&number, from + i * sizeof number, sizeof number);   \
      to[i] = (real)CONVERT(number);                              \
    }                                                             \
  }
READER(read_f32, float, )
READER(read_f64, double, )
READER(read_f16, uint16_t, from_half)
READER(read_bf16, uint16_t, from_bfloat)
READER(read_i64, int64_t, )
READER(read_i32, int32_t, )
READER(read_i16, int16_t, )
READER(read_i8, int8_t, )
READER(read_u8, uint8_t, )
#undef READER

typedef struct NumberType {
  const char *name;
  size_t width; /* bytes */
  Reader *read;
} NumberType;

/* NULL: none that is read. */
static const NumberType *type_of(const json_t *entry) {
  static const NumberType types[] = {
      {"F32", 4, read_f32},   {"F64", 8, read_f64}, {"F16", 2, read_f16},
      {"BF16", 2, read_bf16}, {"I64", 8, read_i64}, {"I32", 4, read_i32},
      {"I16", 2, read_i16},   {"I8", 1, read_i8},   {"U8", 1, read_u8},
      {"BOOL", 1, read_u8}};
  const char *name = json_string_value(json_object_get(entry, "dtype"));
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, name) == 0) return &types[i];
  return NULL;
}

// Get one tensor
int safetensors_count(const Safetensors *f) { return f->count; }

const char *safetensors_name(const Safetensors *f, int number) {
  assert(number >= 0 && number < f->count);
  return f->entries[number].name;
}

/* Of a one-file model, and of the first shard. */
const char *safetensors_metadata(const Safetensors *f, const char *key) {
  const json_t *metadata = json_object_get(f->parts[0].header, "__metadata__");
  return json_string_value(json_object_get(metadata, key));
}

static const Entry *find(const Safetensors *f, const char *name) {
  const json_t *number = json_object_get(f->places, name);
  return number ? &f->entries[json_integer_value(number)] : NULL;
}

int safetensors_number(const Safetensors *f, const char *name) {
  const Entry *e = find(f, name);
  return e ? (int)(e - f->entries) : -1;
}

const char *safetensors_type(const Safetensors *f, const char *name) {
  const Entry *e = find(f, name);
  return e ? json_string_value(json_object_get(e->entry, "dtype")) : NULL;
}

const char *safetensors_shape(const Safetensors *f, const char *name, char *text,
                              size_t size) {
  const Entry *e = find(f, name);
  char *json = e ? json_dumps(json_object_get(e->entry, "shape"), JSON_COMPACT) : NULL;
  snprintf(text, size, "%s", json ? json : "");
  free(json);
  return text;
}

bool safetensors_sizes(const Safetensors *f, const char *name, Shape *shape) {
  const Entry *e = find(f, name);
  const json_t *sizes = e ? json_object_get(e->entry, "shape") : NULL;
  const size_t rank = json_array_size(sizes);
  if (!sizes || rank > 4) return false;
  *shape = shape_make(0, NULL);
  shape->rank = (int)rank;
  for (size_t i = 0; i < rank; i++) {
    const json_int_t n = json_integer_value(json_array_get(sizes, i));
    if (n < 1 || n > INT_MAX) return false;
    shape->size[i] = (int)n;
  }
  return true;
}

bool safetensors_fits(const Safetensors *f, const char *name, Shape shape) {
  const Entry *e = find(f, name);
  if (!e) return fail("%s: expected a tensor %s, found none", f->path, name);
  if (!type_of(e->entry))
    return fail("%s: tensor %s: expected type F32, F64, F16, BF16, I64, I32, I16, I8, U8 "
                "or BOOL, found %s", f->path, name, safetensors_type(f, name));
  Shape found;
  if (safetensors_sizes(f, name, &found) && shape_equal(found, shape)) return true;
  char text[200];
  return fail("%s: tensor %s: expected shape [%d,%d,%d,%d] of rank %d, found %s", f->path,
              name, shape.size[0], shape.size[1], shape.size[2], shape.size[3],
              shape.rank, safetensors_shape(f, name, text, sizeof text));
}

enum { BLOCK = 4096, BLOCKS_WORTH_THREADS = 64 }; /* numbers, blocks */

/* The place of the first number of n that is not finite; n: all are. */
static size_t read_block(const NumberType *type, const char *from, real *to, size_t n) {
  real block[BLOCK] = {0};
  real *numbers = to ? to : block;
  bool finite = true;
  type->read(numbers, from, n);
  for (size_t i = 0; i < n; i++) finite &= numbers[i] - numbers[i] == 0;
  size_t i = finite ? n : 0;
  while (i < n && isfinite(numbers[i])) i++;
  return i;
}

static bool read_numbers(const Safetensors *f, const char *name, real *to) {
  const Entry *e = find(f, name);
  assert(e);
  const NumberType *type = type_of(e->entry);
  assert(type);
  size_t place[2] = {0, 0};
  entry_place(e->entry, e->part->data_size, place);
  const char *data = e->part->data + place[0];
  const size_t count = (place[1] - place[0]) / type->width;
  const size_t blocks = (count + BLOCK - 1) / BLOCK;
  size_t wrong = count; /* the first place that is */
#pragma omp parallel for if (blocks > BLOCKS_WORTH_THREADS) reduction(min : wrong)
  for (size_t b = 0; b < blocks; b++) {
    const size_t at = b * BLOCK, n = count - at < BLOCK ? count - at : BLOCK;
    const size_t good = read_block(type, data + at * type->width, to ? to + at : NULL, n);
    if (good < n && at + good < wrong) wrong = at + good;
  }
  file_forget(&e->part->file, data, count * type->width);
  if (wrong == count) return true;
  real number;
  type->read(&number, data + wrong * type->width, 1);
  return fail("%s: tensor %s: expected finite numbers, found %g at place %zu", f->path,
              name, (double)number, wrong);
}

bool safetensors_check(const Safetensors *f, const char *name, Shape shape) {
  return safetensors_fits(f, name, shape) && read_numbers(f, name, NULL);
}

bool safetensors_take(const Safetensors *f, const char *name, Shape shape, real *to) {
  return safetensors_fits(f, name, shape) && read_numbers(f, name, to);
}

void safetensors_get(const Safetensors *f, const char *name, real *to) {
  read_numbers(f, name, to);
}
