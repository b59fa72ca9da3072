/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/language_report.h"

#include <string.h>

#include "app/contact_sheet.h"
#include "app/speak.h"
#include "base/files.h"
#include "base/memory.h"
#include "eval/answers.h"
#include "nn/image_batch.h"

/* What part of prompts was answered right: of type `type`, or of all questions if that is
   PROMPT_TYPES; of pictures with so many figures ("one", "two"), or of all (NULL). */
static double part_right(const Prompts *p, const bool *right, int type,
                         const char *figures) {
  int asked = 0, good = 0;
  for (int i = 0; i < prompts_count(p); i++) {
    const PromptType own = p->prompt[i].type;
    const int count = i / p->each * p->each + PROMPT_COUNT; /* of scenes */
    if (type == PROMPT_TYPES ? own == PROMPT_CAPTION : (int)own != type) continue;
    if (figures && strcmp(p->prompt[count].answer, figures) != 0) continue;
    asked++, good += right[i];
  }
  return asked ? (double)good / asked : 0;
}

static bool *check(Tape *tape, const LanguageRun *run, const Prompts *p, int shift) {
  const int n = p->pictures.count;
  bool *right = allocate((size_t)n * p->each, sizeof *right);
  answers_check(tape, &run->task.vlm, run->tokenizer, p, n, shift, right);
  return right;
}

static void write_scenes(FILE *file, Tape *tape, const LanguageRun *run, const Prompts *p,
                         const bool *right, const char *name) {
  for (int type = 0; type < PROMPT_TYPES; type++)
    fprintf(file, "%s_%s\t%.4f\n", name, prompt_names[type],
            part_right(p, right, type, NULL));
  fprintf(file, "%s_questions\t%.4f\n%s_caption_one\t%.4f\n%s_caption_two\t%.4f\n", name,
          part_right(p, right, PROMPT_TYPES, NULL), name,
          part_right(p, right, PROMPT_CAPTION, "one"), name,
          part_right(p, right, PROMPT_CAPTION, "two"));
  fprintf(file, "single_%s\t%.4f\n", name,
          answers_name_figure(tape, &run->task.vlm, run->tokenizer, p,
                              p->pictures.count));
}

typedef struct SpokenFile {
  FILE *file;
  const char *folder;
  int shown;
} SpokenFile;

static bool write_spoken(SpokenFile *to, Tape *tape, const LanguageRun *run,
                         const Prompts *p, int i) {
  char name[32];
  const Prompt *caption = &p->prompt[i * p->each];
  const Prompt *asked = p->each > 1 ? &caption[1 + i % (p->each - 1)] : NULL;
  tape_reset(tape, (RandomKey){0});
  Tensor *image = image_batch(tape, &p->pictures, &i, 1, (Augment){0}, (RandomKey){0},
                              NULL);
  Spoken a = speak(tape, &run->task.vlm, run->tokenizer, image, "", &sampling_greedy,
                   false);
  fprintf(to->file, "%s\t%s\t%.4f", caption->answer, a.text, a.probability);
  free(a.text);
  if (asked) {
    a = speak(tape, &run->task.vlm, run->tokenizer, image, asked->question,
              &sampling_greedy, false);
    fprintf(to->file, "\t%s\t%s\t%s\t%.4f", asked->question, asked->answer, a.text,
            a.probability);
    free(a.text);
  }
  fputc('\n', to->file);
  Image sheet = sheet_picture(&p->pictures, i);
  snprintf(name, sizeof name, "spoken-%d", to->shown++);
  return image_save_in(to->folder, name, &sheet);
}

/* Of each set the first pictures whose captions are right, and those that are wrong. */
static bool write_examples(const char *folder, Tape *tape, const LanguageRun *run,
                           const Prompts *const *sets, bool *const *right) {
  char path[PATH_MAX];
  SpokenFile to = {path_join(path, folder, "spoken.tsv") ? file_begin(path) : NULL,
                   folder, 0};
  bool good = to.file != NULL;
  for (int s = 0; good && s < 2; s++)
    for (int wanted = 1; wanted >= 0; wanted--)
      for (int i = 0, left = 2; good && left && i < sets[s]->pictures.count; i++)
        if (right[s][i * sets[s]->each] == wanted)
          good = write_spoken(&to, tape, run, sets[s], i), left--;
  if (to.file && !good) file_abandon(to.file, path);
  return good && file_commit(to.file, path);
}

bool language_report(FILE *file, const LanguageRun *run, const Prompts *train,
                     const char *folder) {
  const bool scenes = run->held_out.pictures.count > 0;
  const Prompts *sets[] = {&run->test, scenes ? &run->held_out : train};
  Tape *tape = tape_no_grad();
  bool *right[] = {check(tape, run, sets[0], 0), check(tape, run, sets[1], 0)};
  if (scenes) {
    write_scenes(file, tape, run, sets[0], right[0], "seen");
    write_scenes(file, tape, run, sets[1], right[1], "held_out");
    if (run->test.pictures.count > 1) { /* or it is its own */
      bool *shuffled = check(tape, run, &run->test, 1);
      fprintf(file, "shuffled_questions\t%.4f\n",
              part_right(&run->test, shuffled, PROMPT_TYPES, NULL));
      free(shuffled);
    }
  } else {
    fprintf(file, "test_names\t%.4f\ntrain_names\t%.4f\n",
            part_right(sets[0], right[0], PROMPT_CAPTION, NULL),
            part_right(sets[1], right[1], PROMPT_CAPTION, NULL));
  }
  fprintf(file, "image_tokens\t%d\ntokens\t%d\n",
          connector_tokens(&run->task.vlm.config.connector),
          tokenizer_size(run->tokenizer));
  const bool good = write_examples(folder, tape, run, sets, right);
  tape_free(tape), free(right[0]), free(right[1]);
  return good;
}
