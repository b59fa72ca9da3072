/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

/* A table in a file: a header line, then rows whose first column is a step. */
typedef struct LogFile {
  FILE *file;
  char path[PATH_MAX];
} LogFile;

/* Start FOLDER/NAME with this header, keeping rows of an earlier part of the
   run up to step `keep` (0: none). False with a message. */
bool log_open(LogFile *log_file, const char *folder, const char *name,
              const char *header, int keep);
void log_row(LogFile *log_file, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bring all rows to the disk. False with a message if that failed. */
bool log_flush(LogFile *log_file);
void log_close(LogFile *log_file);
