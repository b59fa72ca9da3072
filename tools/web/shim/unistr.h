// As much of libunistring's headers as the tokenizer asks for, see shim.c.
#pragma once
#include <stddef.h>
#include <stdint.h>
typedef uint32_t ucs4_t;
int u8_uctomb(uint8_t *to, ucs4_t c, int room);
int u8_mbtoucr(ucs4_t *c, const uint8_t *text, size_t length);
const uint8_t *u8_check(const uint8_t *text, size_t length);
