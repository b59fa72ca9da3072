/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/pairs.h"
#include "data/shapes.h"

enum { SCENES_CLASSES = SHAPES_COLOURS * SHAPES_KINDS,
       SCENES_CAPTIONS = 7,   /* of one scene at most */
       SCENES_TEXT = 96,      /* bytes of a caption with its zero */
       SCENES_PHRASE = 40 };  /* "a large purple triangle" has 24 */

typedef enum { SCENES_SEEN, SCENES_HELD_OUT } ScenesSplit;

/* Where the first figure is, as seen from the second. */
typedef enum { SCENE_ABOVE, SCENE_BELOW, SCENE_LEFT, SCENE_RIGHT } SceneRelation;
extern const char *const scenes_relations[4]; /* "above", "below", "left of", ... */

/* One or two figures; two differ in colour or kind, do not overlap, and
   their centres are at least twice as far apart along the relation as across. */
typedef struct Scene {
  int count;
  Figure figures[2];
  SceneRelation relation; /* of two */
} Scene;

/* Training does not show 8 combinations, each colour and each kind once: the kind that
   is held out of a colour, and whether these two are. */
int scenes_held_out_kind(int colour);
bool scenes_held_out(int colour, int kind);

/* "red circle", ... at colour * SHAPES_KINDS + kind. */
extern const char *const scenes_classes[SCENES_CLASSES];

/* A random scene, with one figure in `alone` of 1000 cases. All its figures
   are of held-out combinations, or none is. */
Scene scene_random(ScenesSplit split, int alone, RandomKey key);
bool scene_is_large(const Figure *figure);

/* Is the second of two figures the upper or the left one? */
bool scene_is_swapped(const Scene *scene);

/* "a red circle", or with its size "a small red circle". */
void scene_phrase(char text[SCENES_PHRASE], const Figure *figure, bool with_size);

/* Write true captions of the scene, the one that says most first; returns
   how many. */
int scene_captions(const Scene *scene, char text[SCENES_CAPTIONS][SCENES_TEXT]);

/* `count` random scenes with all their captions. The label of a picture is
   the class of its first figure. Scene i depends on seed, split, alone and i
   only. Overwrites *pairs; pairs_free gives back. */
void scenes_make(Pairs *pairs, int count, int alone, ScenesSplit split, uint64_t seed);
Scene scenes_scene(int i, int alone, ScenesSplit split, uint64_t seed); /* scene i */
