/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <jansson.h>
#include <stddef.h>

/* Parse `count` bytes of text, out of the file `path`, in which `what` ("a list") is
   expected, with Jansson's flags. NULL with a message if it is not JSON or has more
   lists and objects than one for eight bytes. The caller calls json_decref. */
json_t *jsontext_parse(const char *path, const char *what, const char *text,
                       size_t count, size_t flags);

/* The same for a whole file of at most `most` bytes. */
json_t *jsontext_read(const char *path, const char *what, size_t most, size_t flags);
