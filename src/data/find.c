/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/find.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

bool data_find(char path[PATH_MAX], const char *folder, const char *const *folders,
               const char *const *names, int name_count, const char *const *endings) {
  char file[256];
  for (; *folders; folders++)
    for (int i = 0; i < name_count; i++)
      for (const char *const *end = endings; *end; end++) {
        snprintf(file, sizeof file, "%s%s%s", *folders, names[i], *end);
        if (!path_join(path, folder, file)) return false;
        if (access(path, F_OK) == 0) return true;
        if (errno == EACCES)
          return fail("%s: cannot look into this folder: %s", folder, strerror(errno));
      }
  return fail("%s/%s: expected this file of the data set, found none of that name; "
              "`make data` fetches it, --data-dir names a folder that has it", folder,
              names[0]);
}
