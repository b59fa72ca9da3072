/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <math.h>
#include <string.h>

#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/tokenizer.h"

enum { MOST = 1 << 28, SHOWN = 30 };
static const char *out = "build/runs/tokens";
static int largest = 4000;

static Option options[] = {
    INT_OPTION("vocabulary", largest, 514, 1e6, "largest number of tokens"),
    TEXT_OPTION("out", out, "folder for sizes.tsv, merges.tex and summary.tsv")};

static Program program = PROGRAM("vocabulary-sizes", "FILE... UNSEEN", "Learn merges "
                                 "from texts; count tokens in them and in one more, "
                                 "for growing vocabularies.");

// Count tokens and pieces
typedef struct Tally {
  double tokens, pieces, bytes;
} Tally;

static void tally(Tally *sum, const Tokenizer *t, const char *text) {
  int *ids, count = tokenizer_split(t, text, strlen(text), &ids);
  sum->tokens += count;
  sum->bytes += (double)strlen(text);
  for (int i = 0; i < count; i++) {
    const char *symbol = tokenizer_symbol(t, ids[i]);
    size_t n = strlen(symbol);
    sum->pieces += n > 4 && strcmp(symbol + n - 4, "</w>") == 0;
  }
  free(ids);
}

// Write the first merges as LaTeX
static void write_symbol(FILE *file, const char *symbol) {
  for (; *symbol; symbol++) {
    if (strchr("\\^~", *symbol)) fprintf(file, "\\char%d{}", *symbol);
    else fprintf(file, "%s%c", strchr("#$%&_{}", *symbol) ? "\\" : "", *symbol);
  }
}

static bool write_merges(const Tokenizer *t, const char *path) {
  FILE *file = file_begin(path);
  if (!file) return false;
  int last = tokenizer_size(t) - 2;
  for (int i = 0; i < SHOWN && TOKENIZER_SYMBOLS + i < last; i++) {
    fprintf(file, "%d \\lit{", TOKENIZER_SYMBOLS + i);
    write_symbol(file, tokenizer_symbol(t, TOKENIZER_SYMBOLS + i));
    fprintf(file, "}%s\n", i % 6 == 5 ? "\\\\" : " &");
  }
  return file_commit(file, path);
}

// Measure every size
static Tally measure_size(char **texts, int count, int size, Tally *unseen,
                          const char *merges) {
  Tally seen = {0};
  Tokenizer *t = tokenizer_train((const char *const *)texts, count, size);
  for (int i = 0; i < count; i++) tally(&seen, t, texts[i]);
  *unseen = (Tally){0};
  tally(unseen, t, texts[count]);
  bool written = !merges || write_merges(t, merges);
  tokenizer_free(t);
  if (!written) seen.tokens = -1;
  return seen;
}

static bool measure(char **texts, int count) {
  char path[3][PATH_MAX];
  const char *names[] = {"sizes.tsv", "merges.tex", "summary.tsv"};
  for (int i = 0; i < 3; i++)
    if (!path_join(path[i], out, names[i])) return false;
  FILE *sizes = file_begin(path[0]), *summary = sizes ? file_begin(path[2]) : NULL;
  if (!summary) {
    if (sizes) file_abandon(sizes, path[0]);
    return false;
  }
  fprintf(sizes, "vocabulary\tseen\tunseen\n");
  Tally seen = {0}, unseen;
  // Count tokens for growing vocabularies
  for (double step = 0, size = 514; size <= largest && seen.tokens >= 0; step++) {
    seen = measure_size(texts, count, (int)size, &unseen, NULL);
    fprintf(sizes, "%d\t%.4f\t%.4f\n", (int)size, seen.tokens / seen.pieces,
            unseen.tokens / unseen.pieces);
    if (step == 0)
      fprintf(summary, "pieces\t%.0f\nbytes\t%.0f\nletters-per-piece\t%.2f\n",
              seen.pieces, seen.bytes, seen.tokens / seen.pieces);
    size = size < largest ? fmin(largest, 514 + 16 * pow(2, step / 2)) : largest + 1;
  }
  seen = measure_size(texts, count, largest, &unseen, path[1]);
  fprintf(summary, "vocabulary\t%d\nseen\t%.2f\nunseen\t%.2f\n", largest,
          seen.tokens / seen.pieces, unseen.tokens / unseen.pieces);
  bool good = seen.tokens >= 0;
  good = file_commit(sizes, path[0]) && good;
  return file_commit(summary, path[2]) && good;
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv), files = argc - first;
  char **texts = allocate((size_t)files + 1, sizeof *texts);
  size_t length;
  bool good = files >= 2 || fail("expected at least one FILE and one UNSEEN, found %d "
                                 "files", files);
  good = good && folder_make(out);
  for (int i = 0; good && i < files; i++)
    good = (texts[i] = file_unpack(argv[first + i], MOST, &length)) != NULL;
  good = good && measure(texts, files - 1);
  for (int i = 0; i < files; i++) free(texts[i]);
  free(texts);
  return good ? 0 : program_failed(&program);
}
