/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <unistd.h>
#include <zlib.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/random.h"
#include "fuzz/readers.h"
#include "testing.h"

// Count the memory
#ifndef __SANITIZE_ADDRESS__
static long taken, most_taken;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void *count_in(void *memory) {
  long size = (long)malloc_usable_size(memory);
  long now = __atomic_add_fetch(&taken, size, __ATOMIC_RELAXED);
  if (now > most_taken) most_taken = now;
  return memory;
}
static void count_out(void *memory) {
  long size = (long)malloc_usable_size(memory);
  __atomic_sub_fetch(&taken, size, __ATOMIC_RELAXED);
}
void *malloc(size_t size) { return count_in(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return count_in(__libc_calloc(n, size)); }
void *aligned_alloc(size_t alignment, size_t size) {
  return count_in(__libc_memalign(alignment, size));
}
int posix_memalign(void **memory, size_t alignment, size_t size) {
  *memory = count_in(__libc_memalign(alignment, size));
  return *memory ? 0 : ENOMEM;
}
void free(void *memory) {
  count_out(memory);
  __libc_free(memory);
}
void *realloc(void *memory, size_t size) {
  long before = (long)malloc_usable_size(memory);
  void *moved = __libc_realloc(memory, size);
  if (moved || !size) __atomic_sub_fetch(&taken, before, __ATOMIC_RELAXED);
  return count_in(moved);
}
#else
static long taken, most_taken;
#endif
static void check_memory(const Reader *reader, long before, size_t count) {
  ck_assert_msg(most_taken - before <= (long)(reader->free + reader->factor * count),
                "%s: %ld bytes of memory for a file of %zu bytes", reader->name,
                most_taken - before, count);
}

static void read_and_count(const Reader *reader, const uint8_t *bytes, size_t count) {
  const long before = most_taken = taken;
  reader->read(bytes, count);
  check_memory(reader, before, count);
}

// Change a file
enum { ROOM = 1 << 17 };

static size_t replace(uint8_t *bytes, size_t count, size_t from, size_t gone,
                      const void *with, size_t more) {
  if (count - gone + more > ROOM) return count;
  uint8_t copy[64];
  more = more < sizeof copy ? more : sizeof copy;
  memcpy(copy, with, more);
  memmove(bytes + from + more, bytes + from + gone, count - from - gone);
  memcpy(bytes + from, copy, more);
  return count - gone + more;
}
static size_t change(uint8_t *bytes, size_t count, RandomKey key) {
  static const uint8_t extremes[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '-', '{', '['};
  static const char huge[] = "4294967295999";
  if (count == 0) return 0;
  size_t at = (size_t)random_below(key, 0, (int)count), left = count - at;
  size_t part = 1 + (size_t)random_below(key, 1, left < 64 ? (int)left : 64);
  int which = random_below(key, 2, sizeof extremes);
  switch (random_below(key, 3, 6)) {
  case 0: bytes[at] ^= (uint8_t)(1 << random_below(key, 4, 8)); return count;
  case 1: bytes[at] = extremes[which]; return count;
  case 2: return at;
  case 3: return replace(bytes, count, at, part, "", 0);
  case 4: return replace(bytes, count, at, 0, bytes + at, part);
  }
  for (size_t i = at; i < count; i++)
    if (bytes[i] >= '0' && bytes[i] <= '9')
      return replace(bytes, count, i, 1, huge, (size_t)random_below(key, 5, 13) + 1);
  return count;
}

// Read it and all its changes
static void read_changed(const Reader *reader, const char *path, int times) {
  size_t size;
  char *seed = read_file(path, &size);
  static uint8_t bytes[ROOM + 64];
  ck_assert_msg(size <= ROOM, "%s: a seed has at most %d bytes", path, ROOM);
  for (int n = 0; n <= times; n++) {
    RandomKey key = random_subkey(random_key(1, path), (uint64_t)n);
    size_t count = size;
    memcpy(bytes, seed, size);
    for (int i = n == 0 ? 0 : 1 + n % 3; i > 0; i--)
      count = change(bytes, count, random_subkey(key, (uint64_t)i));
    read_and_count(reader, bytes, count);
  }
  free(seed);
}
START_TEST(every_reader_keeps_its_promises) {
  const int times = sizeof(real) == 4 ? 150 : 10;
  ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout)); /* --help is an option */
  ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
  for (int i = 0; i < reader_count; i++) {
    char folder[256], path[600];
    int seeds = 0;
    readers_took = readers_refused = 0;
    snprintf(folder, sizeof folder, "tests/fuzz/seeds/%s", readers[i].name);
    DIR *list = opendir(folder);
    ck_assert_msg(list != NULL, "%s: expected a folder of seeds", folder);
    for (struct dirent *entry; (entry = readdir(list));) {
      if (entry->d_name[0] == '.') continue;
      snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
      read_changed(&readers[i], path, times);
      seeds++;
    }
    closedir(list);
    ck_assert_msg(seeds > 0 && readers_took > 0 && readers_refused > 0,
                  "%s: %d seeds, %ld read, %ld refused", readers[i].name, seeds,
                  readers_took, readers_refused);
  }
}
END_TEST

// Lies about sizes
static const Reader *reader_called(const char *name) {
  int i = 0;
  while (i < reader_count && strcmp(readers[i].name, name)) i++;
  ck_assert_msg(i < reader_count, "no reader %s", name);
  return &readers[i];
}

static void refuse(const char *name, const void *bytes, size_t count) {
  readers_took = readers_refused = 0;
  read_and_count(reader_called(name), bytes, count);
  ck_assert_msg(readers_refused > 0, "%s: %zu bytes were believed", name, count);
}
static size_t put_number(uint8_t *to, uint32_t number) {
  for (int i = 0; i < 4; i++) to[i] = (uint8_t)(number >> (24 - 8 * i));
  return 4;
}

static size_t put_chunk(uint8_t *to, const char *letters, const void *data, size_t size) {
  size_t n = put_number(to, (uint32_t)size);
  memcpy(to + n, letters, 4);
  if (size) memcpy(to + n + 4, data, size);
  uLong sum = crc32(0, to + n, (uInt)size + 4);
  return n + 4 + size + put_number(to + n + 4 + size, (uint32_t)sum);
}
/* A picture of side x side grey pixels of so many bits, all 0; if `whole` its data
   are there, else a few of them. */
static size_t make_png(uint8_t *to, int side, int bits, bool whole) {
  uint8_t head[13] = {[8] = (uint8_t)bits}, *rows;
  size_t n = 8, size = whole ? ((size_t)side * bits / 8 + 1) * (size_t)side : 16;
  uLongf packed = compressBound(size);
  rows = calloc(size + packed, 1);
  memcpy(to, "\x89PNG\r\n\x1a\n", 8);
  put_number(head, (uint32_t)side);
  put_number(head + 4, (uint32_t)side);
  ck_assert_int_eq(compress2(rows + size, &packed, rows, size, 9), Z_OK);
  n += put_chunk(to + n, "IHDR", head, 13);
  n += put_chunk(to + n, "IDAT", rows + size, packed);
  n += put_chunk(to + n, "IEND", NULL, 0);
  free(rows);
  return n;
}
static void set_jpeg_size(uint8_t *bytes, size_t count, int side) {
  for (size_t i = 0; i + 9 < count; i++)
    if (bytes[i] == 0xff && (bytes[i + 1] == 0xc0 || bytes[i + 1] == 0xc2)) {
      bytes[i + 5] = bytes[i + 7] = (uint8_t)(side >> 8);
      bytes[i + 6] = bytes[i + 8] = (uint8_t)side;
      return;
    }
  ck_abort_msg("expected the size of a picture in a JPEG, found none");
}

static void refuse_pictures(uint8_t *bytes) {
  refuse("image", bytes, make_png(bytes, 16384, 8, false));
  refuse("image", bytes, make_png(bytes, 16384, 1, true)); /* true, and still too much */
  readers_refused = 0;
  read_and_count(reader_called("image"), bytes, make_png(bytes, 2048, 8, true));
  ck_assert_int_eq(readers_refused, 0); /* small enough to be blank */
  size_t size;
  char *photo = read_file("tests/fuzz/seeds/image/photo.jpg", &size);
  set_jpeg_size((uint8_t *)photo, size, 9000);
  refuse("image", (uint8_t *)photo, size);
  free(photo);
}
/* "[[],[],...]", or with another part. */
static size_t make_list(char *to, const char *part, size_t most) {
  size_t n = 1, length = strlen(part);
  *to = '[';
  for (; n + length < most; n += length) memcpy(to + n, part, length);
  to[n - 1] = ']';
  return n;
}

static void refuse_lists(char *bytes) {
  static const char *const parts[] = {"[],", "{},", "[[[]]],"};
  for (int i = 0; i < 3; i++) {
    size_t n = make_list(bytes + 8, parts[i], ROOM);
    refuse("labels", bytes + 8, n);
    refuse("emoji", bytes + 8, n);
    for (int k = 0; k < 8; k++) bytes[k] = (char)(n >> (8 * k) & 255);
    refuse("checkpoint", bytes, n + 8);
    refuse("model", bytes, n + 8);
  }
}
START_TEST(claims_are_not_believed) {
  static uint8_t bytes[1 << 20];
  static const uint8_t idx[] = {0, 0, 0, 8, 3, 0, 0x98, 0x96, 0x80, 0, 0, 1, 0, 0, 0,
                                1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  static const uint8_t gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0,
                                 0, 0, 0, 0, 0, 0, 0, 0x40}; /* a gigabyte */
  refuse_pictures(bytes);
  refuse_lists((char *)bytes);
  refuse("idx", idx, sizeof idx);
  refuse("merges", gzip, sizeof gzip);
  bytes[0] = 0;
  memcpy(bytes + 1, gzip, sizeof gzip);
  refuse("idx", bytes, 1 + sizeof gzip);
}
END_TEST

TEST_MAIN("readers", every_reader_keeps_its_promises, claims_are_not_believed)
