/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* What a packed file may hold: LIMIT_FREE bytes in any case, and beyond these
   LIMIT_FACTOR bytes for each of its own. Data compressed with deflate (PNG, gzip)
   grow at most by DEFLATE_LIMIT: a file that claims more lies. */
enum { DEFLATE_LIMIT = 1032, LIMIT_FREE = 1 << 24, LIMIT_FACTOR = 64 };
bool file_may_hold(size_t packed, size_t size);

/* The whole file, plus one zero byte that *count does not count; the caller
   frees. NULL with a message if it is missing, a folder, or unreadable. */
char *file_read(const char *path, size_t *count);

/* The lines of a text file, without their ends and without empty ones: list[*count] and
   the text in one piece of memory, which the caller frees. NULL with a message, as
   above. */
char **file_lines(const char *path, int *count);

/* A file in place of memory: its pages are read when they are looked at, and belong to
   the system. False with a message, as above. Whoever cuts the file while it is mapped
   ends the program. */
typedef struct FileMap {
  const char *bytes;
  size_t count;
  void *pages; /* the same, for the system */
} FileMap;
bool file_map(FileMap *map, const char *path);
void file_unmap(FileMap *map);

/* These bytes of it have been read, and will not be soon again: the memory in which they
   lie may serve others. They can be read all the same. */
void file_forget(const FileMap *map, const char *from, size_t count);

/* The same, and unpacked if it is gzip. Also refused: more than `most` bytes (below
   2^30), packed or not, more than such a file may hold, and compressed data that are
   cut short, damaged, or lie about their size. */
char *file_unpack(const char *path, size_t most, size_t *count);

/* Replace a file in three steps: file_begin opens PATH.new, the caller
   writes to it, file_commit flushes it to the disk and renames it over PATH.
   On failure PATH is as it was, PATH.new is gone, and there is a message. */
FILE *file_begin(const char *path);
bool file_commit(FILE *file, const char *path);

/* Give the replacement up: PATH.new is removed, PATH stays. */
void file_abandon(FILE *file, const char *path);

/* Bring all that was written to the disk: 0, or the errno of what failed now
   or at any write before. */
int file_flush(FILE *file);

/* The same as begin, write, commit for bytes that are already in memory. */
bool file_replace(const char *path, const void *bytes, size_t count);

/* path becomes FOLDER/NAME; false with a message if that is longer than PATH_MAX. */
bool path_join(char path[PATH_MAX], const char *folder, const char *name);

/* The same with the folder in which a file is. */
bool path_beside(char path[PATH_MAX], const char *file, const char *name);

/* Make a folder and its parents; true if it is there and can be written. */
bool folder_make(const char *path);

/* Keep a folder for this process: false with a message that names the process which
   has it. The lock, FOLDER/lock, goes with folder_unlock or with the process. */
typedef struct FolderLock {
  int file;
  char path[PATH_MAX];
} FolderLock;
bool folder_lock(FolderLock *lock, const char *folder);
void folder_unlock(FolderLock *lock);
