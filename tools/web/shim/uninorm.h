#pragma once
#include "unistr.h"
typedef int uninorm_t;
enum { UNINORM_NFC, UNINORM_NFKC };
uint8_t *u8_normalize(uninorm_t form, const uint8_t *text, size_t n, uint8_t *to, size_t *length);
