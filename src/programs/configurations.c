/* Tangled from chapters/05-vit.nw: edit that, not this. */
#include <stdio.h>

#include "base/fail.h"
#include "models/vit.h"

/* Write 1234567 as 1,234,567. */
static const char *grouped(size_t number) {
  static char text[40];
  char *at = text + sizeof text - 1;
  *at = 0;
  for (int digits = 0; number || !digits; number /= 10, digits++) {
    if (digits && digits % 3 == 0) *--at = ',';
    *--at = (char)('0' + number % 10);
  }
  return at;
}

/* Print the rows of the table of configurations for LaTeX. */
int main(void) {
  const char *names[] = {"Ti/16", "S/32", "S/16", "B/32", "B/16", "B/8",
                         "L/32",  "L/16", "L/14", "H/14", "g/14", "G/14", "e/14"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    VitConfig c;
    if (!vit_named(&c, names[i])) return fail_report("configurations");
    Params *params = params_new();
    vit_declare(params, "", c);
    printf("%s & %d & %d & %d & %d & %d & %s & %.2f\\\\\n", names[i], c.width, c.depth,
           c.heads, c.width / c.heads, c.mlp, grouped(params_count(params, false)),
           vit_macs(&c) / 1e9);
    params_free(params);
  }
  return 0;
}
