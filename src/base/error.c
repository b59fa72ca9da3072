/* Tangled from chapters/60-house.nw: edit that, not this. */
#include "base/error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char message[1024];

bool fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  for (char *c = message; *c; c++)
    if (iscntrl((unsigned char)*c)) *c = '?';
  return false;
}

const char *fail_message(void) { return message; }
