/* Tangled from chapters/68-library.nw: edit that, not this. */
#include <string.h>

#include "app/look.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "tensor/layers.h"

static Look look = {.batch = 16};
static const char *names_path = NULL;
static int top = 5;
static Option options[] = {
    PATH_OPTION("names", names_path, "file with the name of a class on each line"),
    INT_OPTION("top", top, 1, 1000000, "how many of the likeliest classes to print"),
    LOOK_OPTIONS(look)};
static Program program = PROGRAM("classify", "MODEL IMAGE...", "What is in each picture, "
                                 "for a published ViT or a run of train-vit: IMAGE, "
                                 "probability, class.");

/* The names in the file, or NULL if none was given; the caller frees. */
static bool read_names(char ***names, int classes) {
  int count;
  *names = NULL;
  if (!names_path) return true;
  *names = file_lines(names_path, &count);
  return *names && (count == classes ||
                    fail("%s: expected %d lines, one for each class of the model, "
                         "found %d", names_path, classes, count));
}

static void say_class(const char *path, double probability, const char *name,
                      int number) {
  if (name) printf("%s\t%.4f\t%s\n", path, probability, name);
  else printf("%s\t%.4f\t%d\n", path, probability, number);
}

/* The likeliest classes of one picture, whose probabilities are used up. */
static void say_likeliest(const char *path, real *p, int classes, char *const *names) {
  for (int rank = 0; rank < top && rank < classes; rank++) {
    int best = 0;
    for (int i = 1; i < classes; i++)
      if (p[i] > p[best]) best = i;
    say_class(path, (double)p[best], names ? names[best] : NULL, best);
    p[best] = -1;
  }
}

typedef struct Job {
  const Encoders *e;
  char **paths, *const *names; /* names: or NULL */
} Job;

static void classify(void *state, int first, int count, const real *vectors) {
  const Job *job = state;
  Tape *tape = tape_no_grad();
  Tensor *x = tape_input(tape, "x", SHAPE(count, job->e->size), vectors);
  Tensor *p = softmax(tape, vit_classify(tape, job->e->vit, x));
  for (int i = 0; i < count; i++)
    say_likeliest(job->paths[first + i], p->value + (size_t)i * tensor_last(p),
                  tensor_last(p), job->names);
  tape_free(tape);
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv), count = argc - first - 1;
  if (count < 1)
    return fail("expected MODEL and at least one IMAGE, found %d arguments", count + 1),
           program_failed(&program);
  Encoders e;
  char **names;
  const EncodersWish wish = {.classes = true, .image_size = look.image_size};
  if (!encoders_open(&e, argv[first], wish)) return program_failed(&program);
  bool good = read_names(&names, e.vit->config.classes);
  Job job = {&e, argv + first + 1, names ? names : e.model.labels};
  good = good && look_at(&look, program.name, &e, job.paths, count, classify, &job);
  free(names), encoders_close(&e);
  return good ? 0 : program_failed(&program);
}
