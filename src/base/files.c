/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"

static FILE *open_plain(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  struct stat status;
  if (!file) return fail("%s: cannot open: %s", path, strerror(errno)), NULL;
  if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode)) {
    fclose(file);
    return fail("%s: expected a file, found a folder or a device", path), NULL;
  }
  *size = (size_t)status.st_size;
  return file;
}

char *file_read(const char *path, size_t *count) {
  size_t size;
  FILE *file = open_plain(path, &size);
  if (!file) return NULL;
  char *bytes = malloc(size + 1);
  bool whole = bytes && fread(bytes, 1, size, file) == size;
  fclose(file);
  if (!whole) {
    free(bytes);
    return fail("%s: cannot read its %zu bytes%s", path, size,
                bytes ? "" : ": out of memory"), NULL;
  }
  bytes[size] = 0;
  *count = size;
  return bytes;
}

char **file_lines(const char *path, int *count) {
  size_t size;
  char *bytes = file_read(path, &size), *rest;
  if (!bytes) return NULL;
  const size_t most = size / 2 + 1;
  char **list = allocate(most * sizeof *list + size + 1, 1);
  char *text = memcpy(list + most, bytes, size + 1);
  free(bytes);
  *count = 0;
  for (char *line = strtok_r(text, "\r\n", &rest); line;
       line = strtok_r(NULL, "\r\n", &rest)) list[(*count)++] = line;
  return list;
}

bool file_map(FileMap *map, const char *path) {
  *map = (FileMap){"", 0, NULL};
  size_t size;
  FILE *file = open_plain(path, &size);
  if (!file) return false;
  void *at = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fileno(file), 0) : NULL;
  const int error = errno;
  fclose(file);
  if (at == MAP_FAILED)
    return fail("%s: cannot map its %zu bytes: %s", path, size, strerror(error));
  if (size) *map = (FileMap){at, size, at};
  return true;
}

void file_forget(const FileMap *map, const char *from, size_t count) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t first = (size_t)(from - map->bytes + (ptrdiff_t)page - 1) / page * page;
  const size_t last = (size_t)(from - map->bytes + (ptrdiff_t)count) / page * page;
  if (last > first) madvise((char *)map->pages + first, last - first, MADV_DONTNEED);
}

void file_unmap(FileMap *map) {
  if (map->pages) munmap(map->pages, map->count);
  *map = (FileMap){"", 0, NULL};
}

// Unpack a file
static bool inflate_all(char *bytes, size_t size, char *packed, size_t count) {
  z_stream z = {.next_in = (Bytef *)packed, .avail_in = (uInt)count,
                .next_out = (Bytef *)bytes, .avail_out = (uInt)size};
  if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) return false; /* 16: gzip */
  /* zlib compares the sum and the length; nothing may follow them */
  bool good = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0;
  inflateEnd(&z);
  return good;
}

char *file_unpack(const char *path, size_t most, size_t *count) {
  char *packed = file_read(path, count), *bytes = packed;
  if (!packed) return NULL;
  const unsigned char *b = (unsigned char *)packed;
  bool gzip = *count >= 2 && b[0] == 0x1f && b[1] == 0x8b;
  size_t size = *count;
  if (gzip && *count >= 18) {
    const unsigned char *last = b + *count - 4;
    size = last[0] | last[1] << 8 | last[2] << 16 | (size_t)last[3] << 24;
  }
  bool good = *count <= most && size <= most && (!gzip || file_may_hold(*count, size));
  if (good && gzip) {
    bytes = allocate(size + 1, 1);
    good = inflate_all(bytes, size, packed, *count);
    free(packed);
  }
  if (!good) {
    free(bytes);
    return fail("%s: expected at most %zu bytes%s", path, most,
                gzip ? " packed whole as gzip, found other or damaged data"
                     : ", found more"), NULL;
  }
  *count = size;
  return bytes;
}
bool file_may_hold(size_t packed, size_t size) {
  return size / DEFLATE_LIMIT <= packed &&
         (size <= LIMIT_FREE || size / LIMIT_FACTOR <= packed);
}

// Join a path
static bool path_print(char path[PATH_MAX], const char *format, const char *first,
                       const char *second) {
  const int length = snprintf(path, PATH_MAX, format, first, second);
  if (length > 0 && length < PATH_MAX) return true;
  return fail("%.100s...: expected a path of at most %d bytes, found %d", first,
              PATH_MAX - 1, length);
}

bool path_join(char path[PATH_MAX], const char *folder, const char *name) {
  return path_print(path, "%s/%s", folder, name);
}

bool path_beside(char path[PATH_MAX], const char *file, const char *name) {
  const char *slash = strrchr(file, '/');
  char folder[PATH_MAX] = "";
  if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash + 1 - file), file);
  return path_print(path, "%s%s", folder, name);
}

static bool path_aside(char aside[PATH_MAX], const char *path) {
  return path_print(aside, "%s.new%s", path, "");
}

// Replace a file
int file_flush(FILE *file) {
  bool failed = ferror(file); /* at a write before; its errno is lost, so ask again */
  errno = 0;
  if (fflush(file) == 0 && !failed && fsync(fileno(file)) == 0) return 0;
  const int number = fileno(file);
  struct stat status;
  if (!errno && fstat(number, &status) == 0 && write(number, "", 1) == 1)
    errno = ftruncate(number, status.st_size) == 0 ? EIO : errno;
  return errno;
}

FILE *file_begin(const char *path) {
  char aside[PATH_MAX];
  if (!path_aside(aside, path)) return NULL;
  FILE *file = fopen(aside, "wb");
  if (!file) fail("%s: cannot write: %s", aside, strerror(errno));
  return file;
}

static void flush_folder_of(const char *path) {
  char folder[PATH_MAX];
  if (!path_beside(folder, path, ".")) return;
  const int number = open(folder, O_RDONLY | O_CLOEXEC);
  if (number < 0) return;
  fsync(number);
  close(number);
}

bool file_commit(FILE *file, const char *path) {
  char aside[PATH_MAX] = "";
  path_aside(aside, path); /* no longer than it was for file_begin */
  int reason = file_flush(file);
  if (fclose(file) != 0 && !reason) reason = errno;
  if (!reason && rename(aside, path) == 0) return flush_folder_of(path), true;
  if (!reason) reason = errno;
  unlink(aside);
  return fail("%s: cannot write: %s", path, strerror(reason));
}

void file_abandon(FILE *file, const char *path) {
  char aside[PATH_MAX] = "";
  path_aside(aside, path);
  fclose(file);
  unlink(aside);
}

bool file_replace(const char *path, const void *bytes, size_t count) {
  FILE *file = file_begin(path);
  if (!file) return false;
  fwrite(bytes, 1, count, file); /* an error stays in the stream for commit */
  return file_commit(file, path);
}

// Make a folder
bool folder_make(const char *path) {
  char part[PATH_MAX];
  struct stat status;
  if (!path_print(part, "%s%s", path, "")) return false;
  for (char *slash = part + 1; *part && *slash; slash++)
    if (*slash == '/') {
      *slash = 0;
      mkdir(part, 0777); /* a failure shows below */
      *slash = '/';
    }
  if (mkdir(part, 0777) != 0 && errno != EEXIST)
    return fail("%s: cannot make the folder: %s", path, strerror(errno));
  if (stat(part, &status) != 0 || !S_ISDIR(status.st_mode))
    return fail("%s: expected a folder, found a file", path);
  if (access(part, W_OK | X_OK) != 0)
    return fail("%s: cannot write in this folder: %s", path, strerror(errno));
  return true;
}

// Keep a folder for one process
bool folder_lock(FolderLock *lock, const char *folder) {
  if (!path_join(lock->path, folder, "lock")) return false;
  for (;;) {
    struct flock region = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    struct stat status;
    lock->file = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock->file < 0)
      return fail("%s: cannot write: %s", lock->path, strerror(errno));
    const int reason = fcntl(lock->file, F_SETLK, &region) == 0 ? 0 : errno;
    if (reason == EACCES || reason == EAGAIN) {
      fcntl(lock->file, F_GETLK, &region);
      close(lock->file);
      return fail("%s: expected a folder that no other program is writing to, found "
                  "process %ld at work", folder, (long)region.l_pid);
    }
    /* elsewhere locks may not be had at all: then there is none */
    if (reason || (fstat(lock->file, &status) == 0 && status.st_nlink > 0)) return true;
    close(lock->file);
  }
}

void folder_unlock(FolderLock *lock) {
  unlink(lock->path);
  close(lock->file);
}
