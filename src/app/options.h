/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stdio.h>

typedef enum {
  OPTION_INT, OPTION_NUMBER, OPTION_TEXT, OPTION_CHOICE, OPTION_FLAG
} OptionKind;

/* One option. `value` points to an int, a double, a const char *, for a choice an int
   that holds the index into `choices` ("a|b|c"), for a flag, which takes no value, a
   bool. Numbers must lie in [low, high]. A `transient` option (a number of threads, an
   output folder) is not part of what makes a run repeatable. The value that is there
   when options_parse is called is the default. */
typedef struct Option {
  const char *name;
  OptionKind kind;
  void *value;
  double low, high;
  const char *choices;
  const char *help;
  bool transient;
  bool given; /* set by options_parse when the command line named it */
} Option;

/* Rows of a table of options, for variables of the right type. A place (a folder
   or file) is transient. */
#define INT_OPTION(NAME, VARIABLE, LOW, HIGH, HELP)                         \
  {.name = NAME, .kind = OPTION_INT, .value = &VARIABLE, .low = LOW,        \
   .high = HIGH, .help = HELP}
#define NUMBER_OPTION(NAME, VARIABLE, LOW, HIGH, HELP)                      \
  {.name = NAME, .kind = OPTION_NUMBER, .value = &VARIABLE, .low = LOW,     \
   .high = HIGH, .help = HELP}
#define CHOICE_OPTION(NAME, VARIABLE, CHOICES, HELP)                        \
  {.name = NAME, .kind = OPTION_CHOICE, .value = &VARIABLE,                 \
   .choices = CHOICES, .help = HELP}
#define TEXT_OPTION(NAME, VARIABLE, HELP)                                   \
  {.name = NAME, .kind = OPTION_TEXT, .value = &VARIABLE, .help = HELP}
#define PATH_OPTION(NAME, VARIABLE, HELP)                                  \
  {.name = NAME, .kind = OPTION_TEXT, .value = &VARIABLE, .help = HELP,     \
   .transient = true}

typedef struct Program {
  const char *name;      /* "train-vit" */
  const char *arguments; /* what follows the options, as in "IMAGE..." or "" */
  const char *purpose;   /* one or two sentences for --help */
  Option *options;
  int count;
} Program;

/* A program whose table is called `options`. */
#define PROGRAM(NAME, ARGUMENTS, PURPOSE)                                   \
  {NAME, ARGUMENTS, PURPOSE, options, sizeof options / sizeof *options}

/* Read argv. Returns the index of the first argument that is not an option;
   the options' values are set. Prints help and ends the program with status 0
   on --help; on a bad option prints one line and ends it with status 2. */
int options_parse(Program *program, int argc, char **argv);

/* The same for a program that takes nothing else: false with a message if there is. */
bool options_only(Program *program, int argc, char **argv);

/* Was none of some options given, names as "|a|b|c|", since something else decides
   them? False with "--NAME: expected none with WHAT". */
bool options_left_alone(const Option *options, size_t count, const char *names,
                        const char *what);

/* Set one option from text, with the same checks. Returns false with a
   message that starts with "--NAME: expected". */
bool option_set(Option *option, const char *text);

/* The option of this name, of `length` bytes; NULL if there is none. */
const Option *option_find(const Program *program, const char *name, size_t length);

/* The option's present value as text that option_set reads back; the caller frees. */
char *option_value(const Option *option);

/* Print "PROGRAM: SENTENCE" (the last failure) to standard error and return the status
   to exit with: 1; or, when the sentence is about how the program was called (it begins
   with an option's name, with a dash or with "expected"), say "try --help" as well and
   return 2. */
int program_failed(const Program *program);

/* What every program does before anything else; options_parse does it too. Descriptors
   0 to 2 are open, so that no file becomes one of them by chance. Without memory the
   program ends with one line and status 1; and so does one whose standard output did
   not take all that was printed, whatever it returned. */
void program_begin(const char *name);
