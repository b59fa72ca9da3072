/* Tangled from chapters/67-web.nw: edit that, not this. */
#pragma once
#include <stddef.h>

/* Keep a file under a path; neither is copied. Asserts that there are at most 16.
   A text is as it would be on disk. A model is a list of strings, each with its zero:
   "M", key, value for each metadata; "T", name, shape ("2 64 192"), offset for each
   tensor, the offset counted in floats; and an empty string. From the next multiple of
   four bytes on follow the floats. */
void memory_file(const char *path, const void *bytes, size_t size);
