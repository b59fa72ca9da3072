/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/tokenizer.h"

enum { LONGEST = 1 << 28 };
static const char *merges = "", *train = "", *out = "";
static int vocabulary = 0, context = 0;

static Option options[] = {
    TEXT_OPTION("merges", merges, "merges file to read, plain or gzip"),
    TEXT_OPTION("train", train, "text to learn merges from instead"),
    INT_OPTION("vocabulary", vocabulary, 0, 1e8,
               "number of tokens (CLIP: 49408); 0: all that can be had"),
    INT_OPTION("context", context, 0, 1e6,
               "frame texts with start and end to this length; 0: leave them bare"),
    TEXT_OPTION("out", out, "file to write the merges to")};

static Program program = PROGRAM("tokens", "[TEXT...]", "Show the tokens of each TEXT, "
                                 "or of each line of the standard input: numbers, a "
                                 "tab, symbols.");

// Make the tokenizer asked for
static Tokenizer *make_tokenizer(void) {
  int added = vocabulary ? vocabulary - TOKENIZER_SYMBOLS - 2 : 0;
  if (*merges && (added || !vocabulary)) return tokenizer_load(merges, added);
  if (*merges && access(merges, R_OK) != 0) /* it would be read no further */
    return fail("%s: cannot open: %s", merges, strerror(errno)), NULL;
  if (!*train) return tokenizer_train(NULL, 0, TOKENIZER_SYMBOLS + 2);
  size_t length;
  char *text = file_unpack(train, LONGEST, &length);
  if (!text) return NULL;
  for (size_t i = 0; i < length; i++)
    if (!text[i]) text[i] = '\n';
  const char *texts[] = {text};
  Tokenizer *t = tokenizer_train(texts, 1, vocabulary ? vocabulary : LONGEST);
  free(text);
  return t;
}

// Show the tokens of texts
static void show(const Tokenizer *t, const char *text, size_t length) {
  int *ids, count;
  if (context) {
    ids = allocate((size_t)context, sizeof *ids);
    tokenizer_encode(t, text, length, ids, context);
    count = context;
  } else count = tokenizer_split(t, text, length, &ids);
  for (int i = 0; i < count; i++) printf("%s%d", i ? " " : "", ids[i]);
  for (int i = 0; i < count; i++)
    printf("%c%s", i ? ' ' : '\t', tokenizer_symbol(t, ids[i]));
  putchar('\n');
  free(ids);
}

static bool show_all(const Tokenizer *t, char **texts, int count) {
  char *line = NULL;
  size_t room = 0;
  ssize_t length = 0;
  for (int i = 0; i < count; i++) show(t, texts[i], strlen(texts[i]));
  while (!count && length <= LONGEST && (length = getline(&line, &room, stdin)) >= 0)
    if (length <= LONGEST) show(t, line, (size_t)length);
  free(line);
  if (length > LONGEST)
    return fail("standard input: expected lines of at most %d bytes, found more",
                LONGEST);
  return true;
}

int main(int argc, char **argv) {
  int first = options_parse(&program, argc, argv);
  Tokenizer *t = NULL;
  if (*merges && *train) fail("--merges and --train: expected one of them, found both");
  else if (vocabulary && vocabulary < TOKENIZER_SYMBOLS + 2)
    fail("--vocabulary: expected 0 or at least %d, found %d", TOKENIZER_SYMBOLS + 2,
         vocabulary);
  else if (context == 1)
    fail("--context: expected 0 or room for start and end, found 1");
  else t = make_tokenizer();
  bool good = t && (!*out || tokenizer_save(t, out));
  if (good && (argc > first || !*out)) good = show_all(t, argv + first, argc - first);
  tokenizer_free(t);
  return good ? 0 : program_failed(&program);
}
