/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <string.h>

#include "app/options.h"
#include "app/speak.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/words.h"
#include "models/model_io.h"

static double temperature = 0, top_p = 1;
static int seed = 1;
static const char *look_folder = NULL;
static Option options[] = {
    NUMBER_OPTION("temperature", temperature, 0, 100,
                  "draw words by probability, evened out by this; 0: the likeliest"),
    NUMBER_OPTION("top-p", top_p, 0.0001, 1,
                  "draw among the likeliest that have this much together"),
    INT_OPTION("seed", seed, 0, 1e9, "of the draws"),
    PATH_OPTION("look", look_folder,
                "folder for pictures of where the model looked, word by word")};
static Program program = PROGRAM("describe", "RUN PICTURE... [-- QUESTION]",
                                 "Say what is in each picture, or answer a question "
                                 "about it, with a run of train-language.");

// Check a question
static bool check_question(const LoadedVlm *s, const char *run, const char *question) {
  char path[PATH_MAX];
  Words words = {.count = 0};
  const int n = speak_question(s->tokenizer, question), room = speak_room(&s->vlm);
  if (n == 0) return fail("expected a question after --, found an empty one");
  if (n > room)
    return fail("expected a question of at most %d tokens, found %d", room, n);
  if (!path_join(path, run, "words.txt") || !words_load(&words, path)) return false;
  char *missing = words_missing(&words, s->tokenizer, question);
  if (missing)
    fail("expected a question in words that the run has read (%s), found '%s'", path,
         missing);
  words_free(&words), free(missing);
  return missing == NULL;
}

// Write where the model looked
/* FOLDER/look-N.png, and look-N.tsv: each word, its probability, and the part of its
   attention that the picture got. */
static bool write_look(const LoadedVlm *s, const Spoken *spoken, const Image *square,
                       int number) {
  const Answer *a = &spoken->answer;
  char name[32], path[PATH_MAX];
  Image sheet = speak_look(&s->vlm, spoken, square);
  snprintf(name, sizeof name, "look-%d", number);
  if (!image_save_in(look_folder, name, &sheet)) return false;
  snprintf(name, sizeof name, "look-%d.tsv", number);
  FILE *file = path_join(path, look_folder, name) ? file_begin(path) : NULL;
  const int M = connector_tokens(&s->vlm.config.connector);
  for (int i = 0; file && i < a->count + a->ended; i++) {
    char *word = NULL;
    if (i < a->count) word = speak_words(s->tokenizer, a->ids + i, 1);
    double part = 0;
    for (int m = 0; m < M; m++) part += (double)a->look[i * M + m];
    fprintf(file, "%s\t%.4f\t%.4f\n", word ? word : "", a->probability[i], part);
    free(word);
  }
  return file && file_commit(file, path);
}

// Say what is seen
static bool describe(const LoadedVlm *s, Tape *tape, const char *picture, int number,
                     const char *question) {
  const Sampling sampling = {temperature, top_p,
                             random_subkey(random_key((uint64_t)seed, "words"),
                                           (uint64_t)number)};
  Image square;
  tape_reset(tape, (RandomKey){0});
  Tensor *image = encoder_picture(tape, &s->vlm.config.image, s->mean, s->std, picture,
                                  &square);
  if (!image) return false;
  Spoken spoken = speak(tape, &s->vlm, s->tokenizer, image, question, &sampling,
                        look_folder != NULL);
  printf("%s\t%.4f\t%s\n", picture, spoken.probability, spoken.text);
  if (!spoken.answer.ended)
    fprintf(stderr, "%s: %s: the context was full before the answer ended\n",
            program.name, picture);
  const bool good = !look_folder || write_look(s, &spoken, &square, number);
  free(spoken.text), image_free(&square);
  return good;
}

static bool describe_all(const LoadedVlm *s, const char *run, char **pictures, int count,
                         const char *question) {
  if (question && !check_question(s, run, question)) return false;
  if (look_folder && s->vlm.config.connector.kind == CONNECTOR_NONE)
    return fail("--look: expected a model that sees, found one without a connector");
  if (look_folder && !folder_make(look_folder)) return false;
  Tape *tape = tape_no_grad();
  bool good = true;
  for (int i = 0; good && i < count; i++)
    good = describe(s, tape, pictures[i], i, question ? question : "");
  tape_free(tape);
  return good;
}

// The main function of describe
int main(int argc, char **argv) {
  int gap = 1;
  while (gap < argc && strcmp(argv[gap], "--") != 0) gap++;
  const int questions = argc - gap - 1, first = options_parse(&program, gap, argv);
  const int pictures = gap - first - 1;
  if (pictures < 1)
    return fail("expected RUN and at least one PICTURE, found %d arguments",
                pictures + 1), program_failed(&program);
  if (gap < argc && questions != 1)
    return fail("expected one question after --, found %d", questions),
           program_failed(&program);
  LoadedVlm saved;
  bool good = vlm_open(&saved, argv[first]);
  if (good) {
    good = describe_all(&saved, argv[first], argv + first + 1, pictures,
                        gap < argc ? argv[gap + 1] : NULL);
    vlm_close(&saved);
  }
  return good ? 0 : program_failed(&program);
}
