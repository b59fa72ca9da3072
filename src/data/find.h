/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include <limits.h>
#include <stdbool.h>

/* The first file there is among FOLDER/ folders[] names[] endings[], tried in this
   order; lists of folders and endings end with NULL. False with a message that names
   what was expected and how to get it. */
bool data_find(char path[PATH_MAX], const char *folder, const char *const *folders,
               const char *const *names, int name_count, const char *const *endings);
