/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/options.h"
#include "models/presets.h"

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

static void print_row(const char *name, VitConfig c) {
  Params *params = params_new();
  vit_declare(params, "", c);
  printf("%s & %d & %d & %d & %d & %d & %s & %.2f\\\\\n", name, c.width, c.depth,
         c.heads, c.width / c.heads, c.mlp, grouped(params_count(params, false)),
         vit_macs(&c) / 1e9);
  params_free(params);
}

enum { VITS, GIANTS }; /* the giants come with EVA-02 */
static int set = VITS;
static Option options[] = {CHOICE_OPTION("set", set, "vit|giants", "which models")};
static Program program = PROGRAM("configurations", "", "Print the sizes of published "
                                 "models as rows of a LaTeX table.");

int main(int argc, char **argv) {
  static const char *const vits[] = {"Ti/16", "S/32", "S/16", "B/32", "B/16",
                                     "B/8",   "L/32", "L/16", "L/14", "H/14",
                                     "g/14",  "G/14", "e/14", NULL};
  static const char *const giants[] = {"g/14", "G/14", "e/14", NULL};
  VitConfig c;
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  for (const char *const *name = set == VITS ? vits : giants; *name; name++) {
    char full[32];
    if (!vit_preset(&c, *name)) return program_failed(&program);
    if (set == GIANTS) c.classes = 0;
    snprintf(full, sizeof full, "%s%s", set == VITS ? "" : "ViT-", *name);
    print_row(full, c);
  }
  for (const char *const *name = eva_preset_names; set == GIANTS && *name; name++)
    if (eva_preset(&c, *name)) print_row(*name, c);
  return 0;
}
