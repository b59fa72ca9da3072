/* Tangled from chapters/60-house.nw: edit that, not this. */
#define _GNU_SOURCE /* newlocale on some systems */
#include "base/format.h"

#include <locale.h>

#include "base/memory.h"

typedef struct Locales {
  locale_t plain, before;
} Locales;

static Locales plain_begin(void) {
  Locales l = {.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (l.plain) l.before = uselocale(l.plain);
  return l;
}

static void plain_end(Locales l) {
  if (!l.plain) return;
  uselocale(l.before);
  freelocale(l.plain);
}

char *text_print(const char *format, va_list arguments) {
  va_list again;
  va_copy(again, arguments);
  const Locales l = plain_begin();
  const int length = vsnprintf(NULL, 0, format, arguments);
  char *text = allocate((size_t)(length < 0 ? 0 : length) + 1, 1);
  if (length > 0) vsnprintf(text, (size_t)length + 1, format, again);
  plain_end(l);
  va_end(again);
  return text;
}

void text_print_to(FILE *file, const char *format, va_list arguments) {
  const Locales l = plain_begin();
  vfprintf(file, format, arguments); /* an error stays in the stream */
  plain_end(l);
}

bool text_number(const char *text, double *value) {
  char *end;
  const Locales l = plain_begin();
  *value = strtod(text, &end);
  plain_end(l);
  return end != text && !*end;
}
