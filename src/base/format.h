/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* As vprintf, with a point in numbers whatever the locale: into memory, which the
   caller frees, or into a file. */
char *text_print(const char *format, va_list arguments);
void text_print_to(FILE *file, const char *format, va_list arguments);

/* Is the whole of the text one number, with a point? Without a message. */
bool text_number(const char *text, double *value);
