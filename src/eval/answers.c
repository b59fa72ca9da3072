/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#include "eval/answers.h"

#include <string.h>

#include "base/memory.h"
#include "models/generate.h"
#include "nn/image_batch.h"

enum { AT_ONCE = 50 };

/* Pictures index[count] as tokens of the language model; NULL if it is blind. */
static Tensor *look_at(Tape *tape, const Vlm *vlm, const Dataset *data, const int *index,
                       int count) {
  tape_reset(tape, (RandomKey){0});
  return vlm_look(tape, vlm, image_batch(tape, data, index, count, (Augment){0},
                                         (RandomKey){0}, NULL), NULL);
}

/* The texts of some prompts, rows of *T ids: as many as the longest needs. */
static int *texts_of(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer,
                     const Prompt *const *prompt, int count, VlmText *text, int *T) {
  const int room = vlm_room(vlm);
  int *ids = tape_memory(tape, (size_t)count * room * sizeof *ids);
  *T = 0;
  memset(ids, 0, (size_t)count * room * sizeof *ids);
  for (int i = 0; i < count; i++) {
    text[i] = vlm_text(tokenizer, prompt[i]->question, prompt[i]->answer,
                       ids + (size_t)i * room, room);
    *T = greatest(*T, text[i].count);
  }
  for (int i = 1; i < count; i++)
    memmove(ids + (size_t)i * *T, ids + (size_t)i * room, (size_t)*T * sizeof *ids);
  return ids;
}

double answers_check(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer,
                     const Prompts *p, int limit, int shift, bool *right) {
  double loss = 0;
  long all = 0;
  Tape *seen = tape_no_grad(); /* what is seen of some pictures, for all their prompts */
  for (int first = 0; first < limit; first += AT_ONCE) {
    const int count = least(AT_ONCE, limit - first);
    int index[AT_ONCE];
    for (int i = 0; i < count; i++) index[i] = (first + i + limit - shift) % limit;
    Tensor *image = look_at(seen, vlm, &p->pictures, index, count);
    for (int k = 0; k < p->each; k++) {
      // Ask prompt k of each picture
      const Prompt *prompt[AT_ONCE] = {NULL};
      VlmText text[AT_ONCE];
      bool right_of[AT_ONCE] = {false};
      int T, tokens;
      for (int i = 0; i < count; i++) prompt[i] = &p->prompt[(first + i) * p->each + k];
      tape_reset(tape, (RandomKey){0});
      const int *ids = texts_of(tape, vlm, tokenizer, prompt, count, text, &T);
      Tensor *mean = vlm_loss(tape, vlm, image, ids, text, count, T, &tokens, right_of);
      for (int i = 0; i < count; i++) right[(first + i) * p->each + k] = right_of[i];
      loss += tokens * (double)mean->value[0];
      all += tokens;
    }
  }
  tape_free(seen);
  return loss / (double)all;
}

/* Does a text have the word? */
static bool has_word(const char *text, const char *word) {
  const size_t n = strlen(word);
  for (const char *at = text; (at = strstr(at, word)); at += n)
    if ((at == text || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
  return false;
}

/* Does the text name colour and kind of the class, and no other? */
static bool names_only(const char *text, int colour, int kind) {
  bool good = true;
  for (int i = 0; i < SHAPES_COLOURS; i++)
    good &= has_word(text, shapes_colours[i]) == (i == colour);
  for (int i = 0; i < SHAPES_KINDS; i++)
    good &= has_word(text, shapes_kinds[i]) == (i == kind);
  return good;
}

double answers_name_figure(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer,
                           const Prompts *p, int limit) {
  int singles = 0, named = 0, *single = allocate((size_t)limit, sizeof *single);
  for (int i = 0; i < limit; i++)
    if (strcmp(p->prompt[i * p->each + PROMPT_COUNT].answer, "one") == 0)
      single[singles++] = i;
  for (int first = 0; first < singles; first += AT_ONCE) {
    const int count = least(AT_ONCE, singles - first);
    Answer answer[AT_ONCE];
    Tensor *image = look_at(tape, vlm, &p->pictures, single + first, count);
    vlm_answer(tape, vlm, image, count, NULL, 0, &sampling_greedy, false, answer);
    for (int i = 0; i < count; i++) {
      char *text = tokenizer_decode(tokenizer, answer[i].ids, answer[i].count, NULL);
      const int label = p->pictures.labels[single[first + i]];
      named += names_only(text, label / SHAPES_KINDS, label % SHAPES_KINDS);
      free(text);
    }
  }
  free(single);
  return singles ? (double)named / singles : 0;
}
