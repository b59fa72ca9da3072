/* Tangled from chapters/68-library.nw: edit that, not this. */
#include <stdio.h>
#include <string.h>

#include "app/look.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "eval/embed.h"
#include "io/safetensors.h"

static Look look = {.batch = 16};
static const char *output = NULL;
static Option options[] = {
    PATH_OPTION("output", output, "FILE.safetensors or FILE.tsv to write; without it, a "
                "table on standard output"),
    LOOK_OPTIONS(look), TOKENIZER_OPTION(look)};
static Program program = PROGRAM("embed", "MODEL [IMAGE...] [--text TEXT...]",
                                 "Vectors of pictures and of texts, for a run or a "
                                 "published model: a line each, name and numbers; or "
                                 "tensors \"image\" and \"text\", a row each.");

/* What has been asked for, and what came of it. */
typedef struct Job {
  char **images, **texts;
  int image_count, text_count, size;
  real *image, *text; /* [count][size], or NULL */
} Job;

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && strcmp(text + n - m, end) == 0;
}

static void write_rows(FILE *file, char *const *names, int count, const real *vectors,
                       int size) {
  for (int i = 0; i < count; i++) {
    for (const char *c = names[i]; *c; c++)
      fputc(*c == '\t' || *c == '\n' ? ' ' : *c, file);
    for (int k = 0; k < size; k++)
      fprintf(file, "\t%.9g", (double)vectors[(size_t)i * size + k]);
    fputc('\n', file);
  }
}

static void write_table(FILE *file, const Job *job) {
  write_rows(file, job->images, job->image_count, job->image, job->size);
  write_rows(file, job->texts, job->text_count, job->text, job->size);
}

/* Notes KIND.0, KIND.1 and so on: what the rows are of. */
static void add_names(Metadata *notes, const char *kind, char *const *names, int count) {
  for (int i = 0; i < count; i++) {
    char key[32];
    snprintf(key, sizeof key, "%s.%d", kind, i);
    metadata_add(notes, key, "%s", names[i]);
  }
}

static bool write_tensors(const Job *job, const char *family) {
  const SafetensorsItem items[] = {
      {"image", SHAPE(job->image_count, job->size), job->image},
      {"text", SHAPE(job->text_count, job->size), job->text}};
  Metadata notes = {0};
  metadata_add(&notes, "family", "%s", family);
  add_names(&notes, "image", job->images, job->image_count);
  add_names(&notes, "text", job->texts, job->text_count);
  const bool good = safetensors_write(output, items + !job->image,
                                      (job->image != NULL) + (job->text != NULL), &notes);
  metadata_free(&notes);
  return good;
}

static bool write_all(const Job *job, const char *family) {
  if (!output) return write_table(stdout, job), true;
  if (ends_with(output, ".safetensors")) return write_tensors(job, family);
  FILE *file = file_begin(output);
  if (!file) return false;
  write_table(file, job);
  return file_commit(file, output);
}

static void keep(void *state, int first, int count, const real *vectors) {
  const Job *job = state;
  memcpy(job->image + (size_t)first * job->size, vectors,
         (size_t)count * job->size * sizeof *vectors);
}

static bool embed_all(Job *job, const Encoders *e) {
  job->size = e->size;
  if (job->image_count) {
    job->image = allocate((size_t)job->image_count * e->size, sizeof *job->image);
    if (!look_at(&look, program.name, e, job->images, job->image_count, keep, job))
      return false;
  }
  if (job->text_count) {
    Tape *tape = tape_no_grad();
    job->text = allocate((size_t)job->text_count * e->size, sizeof *job->text);
    embed_texts(e->clip, tape, e->tokenizer, (const char *const *)job->texts,
                job->text_count, job->text);
    tape_free(tape);
  }
  return write_all(job, e->family);
}

int main(int argc, char **argv) {
  int gap = 1;
  while (gap < argc && strcmp(argv[gap], "--text") != 0) gap++;
  const int first = options_parse(&program, gap, argv);
  Job job = {.images = argv + first + 1, .image_count = gap - first - 1,
             .texts = argv + gap + 1, .text_count = gap < argc ? argc - gap - 1 : 0};
  if (first >= gap) fail("expected a MODEL, found none");
  else if (job.image_count + job.text_count < 1)
    fail("expected at least one IMAGE, or --text and a TEXT, found neither");
  else if (output && !ends_with(output, ".safetensors") && !ends_with(output, ".tsv"))
    fail("--output: expected a name that ends with .safetensors or .tsv, found '%s'",
         output);
  else {
    Encoders e;
    const EncodersWish wish = {.texts = job.text_count > 0, .image_size = look.image_size,
                               .tokenizer = look.tokenizer};
    bool good = encoders_open(&e, argv[first], wish);
    good = good && embed_all(&job, &e);
    free(job.image), free(job.text), encoders_close(&e);
    if (good) return 0;
  }
  return program_failed(&program);
}
