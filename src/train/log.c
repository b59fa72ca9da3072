/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "train/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/format.h"

// Keep the rows up to a step
static bool keep_rows(const char *path, const char *header, int keep) {
  FILE *old = keep > 0 ? fopen(path, "r") : NULL;
  char line[4096];
  if (!old && keep > 0 && errno != ENOENT)
    return fail("%s: cannot open: %s", path, strerror(errno));
  FILE *new = file_begin(path);
  if (!new) {
    if (old) fclose(old);
    return false;
  }
  fprintf(new, "%s\n", header);
  bool first = true;
  while (old && fgets(line, sizeof line, old)) {
    bool whole = strchr(line, '\n') != NULL;
    if (!first && whole && atoi(line) <= keep) fputs(line, new);
    first = false;
  }
  bool good = !old || !ferror(old);
  if (old) fclose(old);
  if (good) return file_commit(new, path);
  file_abandon(new, path);
  return fail("%s: cannot read it to its end", path);
}

bool log_open(LogFile *j, const char *folder, const char *name,
              const char *header, int keep) {
  if (!path_join(j->path, folder, name) || !keep_rows(j->path, header, keep))
    return false;
  j->file = fopen(j->path, "a");
  return j->file || fail("%s: cannot write: %s", j->path, strerror(errno));
}

void log_row(LogFile *j, const char *format, ...) {
  va_list arguments;
  if (!j->file) return;
  va_start(arguments, format);
  text_print_to(j->file, format, arguments);
  va_end(arguments);
}

bool log_flush(LogFile *j) {
  int reason = file_flush(j->file);
  return !reason || fail("%s: cannot write: %s", j->path, strerror(reason));
}

void log_close(LogFile *j) {
  if (j->file) fclose(j->file);
  j->file = NULL;
}
