/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/scenes.h"

/* What is asked. A caption is the answer to no question. */
typedef enum { PROMPT_CAPTION, PROMPT_COLOUR, PROMPT_KIND, PROMPT_SIZE, PROMPT_RELATION,
               PROMPT_COUNT, PROMPT_THERE, PROMPT_TYPES } PromptType;
extern const char *const prompt_names[PROMPT_TYPES]; /* "caption", "colour", ... */

typedef struct Prompt {
  PromptType type;
  char *question, *answer; /* the question of a caption is "" */
} Prompt;

/* Pictures with as many prompts each: those of picture i are prompt[i * each] and so on,
   the caption first. Owns everything but pictures.class_names. */
typedef struct Prompts {
  Dataset pictures;
  int each;
  Prompt *prompt;
} Prompts;

void prompts_free(Prompts *prompts);
int prompts_count(const Prompts *prompts); /* of all pictures */

/* The caption of a scene: the upper or left figure first, with sizes. */
void scene_caption(const Scene *scene, char caption[SCENES_TEXT]);

/* A question about the scene and its answer of one word. Where there can be no question
   of this type, or two answers would be true, colour or kind is asked instead; returns
   what was. A question after "there" is about a combination of the split. */
PromptType scene_question(const Scene *scene, PromptType type, ScenesSplit split,
                          RandomKey key, char question[SCENES_TEXT],
                          char answer[SCENES_TEXT]);

/* Random scenes as scenes_make draws them, each with its caption and a question of each
   type. Overwrites *prompts. */
void prompts_of_scenes(Prompts *prompts, int count, int alone, ScenesSplit split,
                       uint64_t seed);

typedef enum { PROMPTS_SCENES, PROMPTS_EMOJI } PromptSet;

/* Open training and test pictures with their prompts: scenes drawn by the seed, as
   captioned_open has them, or emoji, the test drawn by another vendor; at most `limit`
   and `tests` of them (0: all emoji; 20000 and 2000 scenes). Both must be empty before.
   False with a message on bad files; both are to be freed in any case. */
bool prompts_open(PromptSet set, const char *folder, int limit, int tests, uint64_t seed,
                  Prompts *train, Prompts *test);
