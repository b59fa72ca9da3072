/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <string.h>

#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "eval/zeroshot.h"
#include "models/model_io.h"
#include "tensor/layers.h"
#include "tensor/sigmoid_loss.h"

static const char *templates_path = NULL;
static Option options[] = {
    PATH_OPTION("templates", templates_path,
                "file of prompts, a line each, with {} for the caption")};
static Program program = PROGRAM("zeroshot", "RUN IMAGE... -- CAPTION...", "Which "
                                 "caption fits each picture, for a run of train-clip.");

// Read the templates
typedef struct Templates {
  char *text;
  const char **list;
  int count;
} Templates;

static bool read_templates(Templates *t) {
  size_t length;
  *t = (Templates){.list = allocate(1, sizeof *t->list), .count = 1};
  t->list[0] = "{}";
  if (!templates_path) return true;
  t->text = file_read(templates_path, &length);
  if (!t->text) return false;
  free(t->list);
  t->list = allocate(length / 2 + 1, sizeof *t->list);
  t->count = 0;
  for (char *rest, *line = strtok_r(t->text, "\r\n", &rest); line;
       line = strtok_r(NULL, "\r\n", &rest)) {
    if (!strstr(line, "{}"))
      return fail("%s: expected {} in each prompt, found '%.60s'", templates_path, line);
    t->list[t->count++] = line;
  }
  if (t->count > 0) return true;
  return fail("%s: expected at least one prompt with {}, found none", templates_path);
}

// Say which caption fits
/* The unit vector of a picture on the tape, which is reset; NULL with a message. */
static Tensor *encode_file(const LoadedClip *s, Tape *tape, const char *path) {
  tape_reset(tape, (RandomKey){0});
  Tensor *x = encoder_picture(tape, &s->clip.config.image, s->mean, s->std, path,
                              NULL);
  return x ? clip_encode_image(tape, &s->clip, x) : NULL;
}

static bool judge(const LoadedClip *s, Tape *tape, const char *path, char **captions,
                  int count, const real *texts) {
  Tensor *u = encode_file(s, tape, path);
  if (!u) return false;
  Tensor *v = tape_input(tape, "v", SHAPE(count, s->clip.config.embed), texts);
  Tensor *logits = clip_logits(tape, &s->clip, u, v), *p = softmax(tape, logits);
  for (int i = 0; i < count; i++) {
    const double logit = (double)logits->value[i];
    int rank = 1;
    for (int j = 0; j < count; j++) rank += (double)logits->value[j] > logit;
    if (s->clip.config.loss < LOSS_SIGMOID)
      printf("%s\t%.4f\t%s\n", path, (double)p->value[i], captions[i]);
    else printf("%s\t%.3g\tlogit %.2f\trank %d\t%s\n", path, logistic(logit), logit, rank,
                captions[i]);
  }
  return true;
}

static bool judge_all(const LoadedClip *s, char **images, int image_count,
                      char **captions, int count, const Templates *templates) {
  real *texts = allocate((size_t)count * s->clip.config.embed, sizeof *texts);
  Tape *tape = tape_no_grad();
  bool good = true;
  zeroshot_classes(&s->clip, tape, s->tokenizer, (const char *const *)captions, count,
                   templates->list, templates->count, texts);
  for (int i = 0; good && i < image_count; i++)
    good = judge(s, tape, images[i], captions, count, texts);
  tape_free(tape), free(texts);
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
    return fail("expected RUN and at least one IMAGE, found %d arguments", images + 1),
           program_failed(&program);
  if (count < 1)
    return fail("expected captions after --, found none"), program_failed(&program);
  LoadedClip saved;
  Templates templates = {0};
  bool good = read_templates(&templates);
  if (good && (good = clip_open(&saved, argv[first]))) {
    good = judge_all(&saved, argv + first + 1, images, argv + gap + 1, count, &templates);
    clip_close(&saved);
  }
  free(templates.text), free(templates.list);
  return good ? 0 : program_failed(&program);
}
