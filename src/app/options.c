/* Tangled from chapters/90-workshop.nw: edit that, not this. */
#include "app/options.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

// Read one value
static bool set_int(Option *o, const char *text) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (end == text || *end || errno || (double)value < o->low ||
      (double)value > o->high)
    return fail("--%s: expected an integer from %.0f to %.0f, found '%s'",
                o->name, o->low, o->high, text);
  *(int *)o->value = (int)value;
  return true;
}

static bool set_number(Option *o, const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end || !(value >= o->low && value <= o->high))
    return fail("--%s: expected a number from %g to %g, found '%s'", o->name,
                o->low, o->high, text);
  *(double *)o->value = value;
  return true;
}

static bool set_choice(Option *o, const char *text) {
  size_t length = strlen(text);
  const char *choice = o->choices;
  for (int i = 0; choice; i++) {
    size_t width = strcspn(choice, "|");
    if (width == length && strncmp(choice, text, length) == 0) {
      *(int *)o->value = i;
      return true;
    }
    choice = choice[width] ? choice + width + 1 : NULL;
  }
  return fail("--%s: expected one of %s, found '%s'", o->name, o->choices, text);
}

bool option_set(Option *o, const char *text) {
  switch (o->kind) {
  case OPTION_INT: return set_int(o, text);
  case OPTION_NUMBER: return set_number(o, text);
  case OPTION_CHOICE: return set_choice(o, text);
  case OPTION_TEXT: break;
  }
  *(const char **)o->value = text;
  return true;
}

// Print one value
void option_text(const Option *o, char *text, size_t size) {
  if (o->kind == OPTION_INT) {
    snprintf(text, size, "%d", *(const int *)o->value);
  } else if (o->kind == OPTION_NUMBER) {
    snprintf(text, size, "%.15g", *(const double *)o->value);
    if (strtod(text, NULL) != *(const double *)o->value)
      snprintf(text, size, "%.17g", *(const double *)o->value);
  } else if (o->kind == OPTION_TEXT) {
    const char *value = *(const char *const *)o->value;
    snprintf(text, size, "%s", value ? value : "");
  } else {
    const char *choice = o->choices;
    for (int i = *(const int *)o->value; i > 0; i--)
      choice += strcspn(choice, "|") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choice, "|"), choice);
  }
}

// Print the help
static void print_help(const Program *p) {
  printf("usage: %s [OPTION...] %s\n%s\n\n", p->name, p->arguments, p->purpose);
  for (int i = 0; i < p->count; i++) {
    const Option *o = &p->options[i];
    char value[64], left[80];
    option_text(o, value, sizeof value);
    const char *takes = o->kind == OPTION_INT      ? "N"
                        : o->kind == OPTION_NUMBER ? "X"
                        : o->kind == OPTION_TEXT   ? "TEXT"
                                                   : o->choices;
    snprintf(left, sizeof left, "--%s %s", o->name, takes);
    printf("  %-30s %s%s%s%s\n", left, o->help, *value ? " (" : "", value,
           *value ? ")" : "");
  }
  printf("  %-30s %s\n", "--help", "print this");
}

int options_complain(const Program *p) {
  fprintf(stderr, "%s: %s (try %s --help)\n", p->name, fail_message(), p->name);
  return 2;
}

// Parse a command line
static void report_bad_option(const Program *p, const char *word) {
  fail("%s: unknown option, ambiguous, or its value is missing", word);
  exit(options_complain(p));
}

int options_parse(Program *p, int argc, char **argv) {
  struct option table[63] = {{0}};
  assert(p->count + 1 < 63);
  for (int i = 0; i < p->count; i++)
    table[i] = (struct option){p->options[i].name, required_argument, NULL, i};
  table[p->count] = (struct option){"help", no_argument, NULL, p->count};
  opterr = 0;
  optind = 1;
  for (int i; (i = getopt_long(argc, argv, "", table, NULL)) != -1;) {
    if (i == '?') report_bad_option(p, argv[optind - 1]);
    if (i == p->count) {
      print_help(p);
      exit(0);
    }
    if (!option_set(&p->options[i], optarg)) exit(options_complain(p));
    p->options[i].given = true;
  }
  return optind;
}

bool options_only(Program *p, int argc, char **argv) {
  const int first = options_parse(p, argc, argv);
  return first == argc || fail("expected options only, found '%s'", argv[first]);
}
