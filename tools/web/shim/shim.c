// libunistring for pages: UTF-8 whole, classes and cases of ASCII and Latin-1 only, normalization not at all.
#include <stdlib.h>
#include <string.h>

#include "unicase.h"
#include "unictype.h"
#include "uninorm.h"

int u8_uctomb(uint8_t *to, ucs4_t c, int room) {
  const int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  if (n > room) return -1;
  if (n == 1) return *to = (uint8_t)c, 1;
  for (int i = n - 1; i > 0; i--, c >>= 6) to[i] = (uint8_t)(0x80 | (c & 0x3f));
  to[0] = (uint8_t)(0xf00 >> n | c);
  return n;
}

int u8_mbtoucr(ucs4_t *c, const uint8_t *text, size_t length) {
  const int n = *text < 0x80 ? 1 : *text < 0xc2 ? -1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : -1;
  if (n < 1 || (size_t)n > length) return -1;
  *c = n == 1 ? *text : *text & (0x7fu >> n);
  for (int i = 1; i < n; i++) {
    if ((text[i] & 0xc0) != 0x80) return -1;
    *c = *c << 6 | (text[i] & 0x3f);
  }
  return n;
}

const uint8_t *u8_check(const uint8_t *text, size_t length) {
  ucs4_t c;
  for (size_t at = 0; at < length;) {
    const int n = u8_mbtoucr(&c, text + at, length - at);
    if (n < 1) return text + at;
    at += (size_t)n;
  }
  return NULL;
}

ucs4_t uc_tolower(ucs4_t c) { return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ? c + 32 : c; }

bool uc_is_general_category(ucs4_t c, uc_general_category_t category) {
  if (category == UC_CATEGORY_N) return c >= '0' && c <= '9';
  return (c | 32) - 'a' < 26 || (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

bool uc_is_property_white_space(ucs4_t c) { return c == ' ' || (c >= 9 && c <= 13) || c == 0xa0; }

uint8_t *u8_normalize(uninorm_t form, const uint8_t *text, size_t n, uint8_t *to, size_t *length) {
  (void)form;
  if (!to) to = malloc(n + 1);
  *length = n;
  return memcpy(to, text, n);
}
