/* Tangled from chapters/60-house.nw: edit that, not this. */
#define _GNU_SOURCE /* program_invocation_name */
#include "app/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <omp.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/format.h"
#include "base/memory.h"
#include "train/world.h"

// Begin and end a program
static int wrongly_called(const Program *p, const char *dashes) {
  fprintf(stderr, "%s: %s%s (try %s --help)\n", p->name, dashes, fail_message(), p->name);
  return 2;
}

const Option *option_find(const Program *p, const char *name, size_t length) {
  for (int i = 0; i < p->count; i++)
    if (strlen(p->options[i].name) == length &&
        strncmp(p->options[i].name, name, length) == 0)
      return &p->options[i];
  return NULL;
}

int program_failed(const Program *p) {
  const char *why = fail_message();
  world_before_failing();
  if (option_find(p, why, strcspn(why, ":"))) /* the library speaks of sizes */
    return wrongly_called(p, "--");
  if (*why == '-' || strncmp(why, "expected ", 9) == 0) return wrongly_called(p, "");
  fprintf(stderr, "%s: %s\n", p->name, why);
  return 1;
}

static const char *begun; /* the program's name */

static void close_output(void) {
  if (fflush(stdout) == 0 && !ferror(stdout) && close(STDOUT_FILENO) == 0) return;
  fprintf(stderr, "%s: cannot write to standard output: %s\n", begun,
          errno ? strerror(errno) : "a write before this one failed");
  _exit(1);
}

static void without_memory(size_t count, size_t size) {
  fprintf(stderr, "%s: out of memory: %zu items of %zu bytes\n", begun, count, size);
  exit(1);
}

/* Jansson 2.14 ends with an assertion or frees twice when a request fails. */
static void *get_memory(size_t size) { return reallocate(NULL, size); }

void program_begin(const char *name) {
  for (int d = 0; d < 3; d++)
    if (fcntl(d, F_GETFD) == -1 &&
        open("/dev/null", d == STDIN_FILENO ? O_WRONLY : O_RDONLY) != d)
      _exit(1);
  if (!begun) atexit(close_output);
  begun = name;
  memory_set_handler(without_memory);
  json_set_alloc_funcs(get_memory, free);
}

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
  double value;
  if (!text_number(text, &value) || !(value >= o->low && value <= o->high))
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
  case OPTION_FLAG: return *(bool *)o->value = true;
  case OPTION_TEXT: break;
  }
  *(const char **)o->value = text;
  return true;
}

// Print one value
static char *printed(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = text_print(format, arguments);
  va_end(arguments);
  return text;
}

static char *number_value(double number) {
  double back;
  char *text = printed("%.15g", number);
  if (text_number(text, &back) && back == number) return text;
  free(text);
  return printed("%.17g", number);
}

char *option_value(const Option *o) {
  const char *text = NULL;
  switch (o->kind) {
  case OPTION_INT: return printed("%d", *(const int *)o->value);
  case OPTION_NUMBER: return number_value(*(const double *)o->value);
  case OPTION_FLAG: return printed("%s", *(const bool *)o->value ? "yes" : "");
  case OPTION_TEXT:
    text = *(const char *const *)o->value;
    return printed("%s", text ? text : "");
  case OPTION_CHOICE: break;
  }
  text = o->choices;
  for (int i = *(const int *)o->value; i > 0; i--) text += strcspn(text, "|") + 1;
  return printed("%.*s", (int)strcspn(text, "|"), text);
}

// Print the help
static void print_help(const Program *p) {
  printf("usage: %s [OPTION...] %s\n%s\n\n", p->name, p->arguments, p->purpose);
  for (int i = 0; i < p->count; i++) {
    const Option *o = &p->options[i];
    char *value = option_value(o), left[80];
    const char *takes = o->kind == OPTION_INT      ? " N"
                        : o->kind == OPTION_NUMBER ? " X"
                        : o->kind == OPTION_TEXT   ? " TEXT"
                        : o->kind == OPTION_FLAG   ? ""
                                                   : o->choices;
    snprintf(left, sizeof left, "--%s%s%s", o->name,
             o->kind == OPTION_CHOICE ? " " : "", takes);
    printf("  %-30s %s%s%s%s\n", left, o->help, *value ? " (" : "", value,
           *value ? ")" : "");
    free(value);
  }
  printf("  %-30s %s\n", "--help", "print this");
}

// Parse a command line
enum { FIRST = 256 }; /* what getopt_long returns for the first option */

static void report_bad_option(const Program *p, const char *word) {
  fail("%s: unknown option, ambiguous, or its value is missing", word);
  world_before_failing();
  exit(wrongly_called(p, ""));
}

static struct option *long_options(const Program *p) {
  struct option *table = allocate((size_t)p->count + 2, sizeof *table);
  for (int i = 0; i < p->count; i++)
    table[i] = (struct option){p->options[i].name, p->options[i].kind == OPTION_FLAG
                               ? no_argument : required_argument, NULL, FIRST + i};
  table[p->count] = (struct option){"help", no_argument, NULL, FIRST + p->count};
  return table;
}

static void let_waiting_threads_sleep(char **argv) {
#if defined __OPTIMIZE__ && defined __linux__
  char path[4096];
  if (argv[0] != program_invocation_name) return;
  if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")) return;
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (omp_get_max_threads() < 2 || length < 0) return;
  path[length] = 0;
  if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0) execv(path, argv);
#else
  (void)argv;
#endif
}

int options_parse(Program *p, int argc, char **argv) {
  static struct option *table; /* can be reached where the program ends here */
  let_waiting_threads_sleep(argv);
  program_begin(p->name);
  free(table);
  table = long_options(p);
  opterr = 0;
  optind = 1;
  for (int i; (i = getopt_long(argc, argv, "", table, NULL)) != -1;) {
    if (i < FIRST) report_bad_option(p, argv[optind - 1]);
    i -= FIRST;
    if (i == p->count) {
      if (world_first()) print_help(p);
      exit(0);
    }
    if (!option_set(&p->options[i], optarg ? optarg : "")) exit(program_failed(p));
    p->options[i].given = true;
  }
  return optind;
}

bool options_only(Program *p, int argc, char **argv) {
  const int first = options_parse(p, argc, argv);
  return first == argc || fail("expected options only, found '%s'", argv[first]);
}

bool options_left_alone(const Option *options, size_t count, const char *names,
                        const char *what) {
  char word[64];
  for (size_t i = 0; i < count; i++) {
    snprintf(word, sizeof word, "|%s|", options[i].name);
    if (options[i].given && strstr(names, word))
      return fail("--%s: expected none with %s", options[i].name, what);
  }
  return true;
}
