/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <string.h>

#include "app/look.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "eval/zeroshot.h"
#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"

static const char *templates_path = NULL;
static Look look = {.batch = 16};
static Option options[] = {
    PATH_OPTION("templates", templates_path,
                "file of prompts, a line each, with {} for the caption"),
    LOOK_OPTIONS(look), TOKENIZER_OPTION(look)};
static Program program = PROGRAM("zeroshot", "MODEL IMAGE... -- CAPTION...", "Which "
                                 "caption fits each picture, for a run of train-clip or "
                                 "a published CLIP or SigLIP.");

// Read the templates
typedef struct Templates {
  char **list; /* from the file, or NULL: the caption itself */
  int count;
} Templates;

static bool read_templates(Templates *t) {
  *t = (Templates){NULL, 1};
  if (!templates_path) return true;
  t->list = file_lines(templates_path, &t->count);
  if (!t->list) return false;
  for (int i = 0; i < t->count; i++)
    if (!strstr(t->list[i], "{}"))
      return fail("%s: expected {} in each prompt, found '%.60s'", templates_path,
                  t->list[i]);
  if (t->count > 0) return true;
  return fail("%s: expected at least one prompt with {}, found none", templates_path);
}

// Say which caption fits
typedef struct Job {
  const Clip *clip;
  char **images, **captions;
  int count;   /* of captions, */
  real *texts; /* and their vectors */
} Job;

static void judge(const Job *job, const char *path, const real *logits, const real *p) {
  for (int i = 0; i < job->count; i++) {
    const double logit = (double)logits[i];
    int rank = 1;
    for (int j = 0; j < job->count; j++) rank += (double)logits[j] > logit;
    if (job->clip->config.loss < LOSS_SIGMOID)
      printf("%s\t%.4f\t%s\n", path, (double)p[i], job->captions[i]);
    else printf("%s\t%.3g\tlogit %.2f\trank %d\t%s\n", path, logistic(logit), logit, rank,
                job->captions[i]);
  }
}

static void judge_batch(void *state, int first, int count, const real *vectors) {
  const Job *job = state;
  const int E = job->clip->config.embed;
  Tape *tape = tape_no_grad();
  Tensor *u = tape_input(tape, "u", SHAPE(count, E), vectors);
  Tensor *v = tape_input(tape, "v", SHAPE(job->count, E), job->texts);
  Tensor *logits = clip_logits(tape, job->clip, u, v), *p = softmax(tape, logits);
  for (int i = 0; i < count; i++)
    judge(job, job->images[first + i], logits->value + i * job->count,
          p->value + i * job->count);
  tape_free(tape);
}

static bool judge_all(const Encoders *e, Job *job, int images,
                      const Templates *templates) {
  static const char *const itself[] = {"{}"};
  const char *const *list =
      templates->list ? (const char *const *)templates->list : itself;
  Tape *tape = tape_no_grad();
  job->clip = e->clip;
  job->texts = allocate((size_t)job->count * e->size, sizeof *job->texts);
  zeroshot_classes(e->clip, tape, e->tokenizer, (const char *const *)job->captions,
                   job->count, list, templates->count, job->texts);
  tape_free(tape);
  const bool good =
      look_at(&look, program.name, e, job->images, images, judge_batch, job);
  free(job->texts);
  return good;
}

// The main function of zeroshot
int main(int argc, char **argv) {
  int gap = 1;
  while (gap < argc && strcmp(argv[gap], "--") != 0) gap++;
  const int count = argc - gap - 1; /* captions */
  int first = options_parse(&program, gap < argc ? gap : argc, argv);
  const int images = (gap < argc ? gap : argc) - first - 1;
  if (images < 1)
    return fail("expected MODEL and at least one IMAGE, found %d arguments", images + 1),
           program_failed(&program);
  if (count < 1)
    return fail("expected captions after --, found none"), program_failed(&program);
  Encoders e;
  Templates templates = {0};
  const EncodersWish wish = {.texts = true, .image_size = look.image_size,
                             .tokenizer = look.tokenizer};
  bool good = read_templates(&templates);
  if (good && (good = encoders_open(&e, argv[first], wish))) {
    Job job = {.images = argv + first + 1, .captions = argv + gap + 1, .count = count};
    good = judge_all(&e, &job, images, &templates);
    encoders_close(&e);
  }
  free(templates.list);
  return good ? 0 : program_failed(&program);
}
