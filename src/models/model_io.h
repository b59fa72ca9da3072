/* Tangled from chapters/09-clip.nw: edit that, not this. */
#ifndef MODEL_IO_H
#define MODEL_IO_H
#include "models/clip.h"
#include "train/checkpoint.h"

/* Note the sizes of a model in its checkpoints. The image tower's parameters have
   names that begin with `prefix`. */
void saved_note_vit(DataNotes *notes, const VitConfig *config, const char *prefix);
void saved_note_clip(DataNotes *notes, const ClipConfig *config);

/* The image tower of a run, without its head: of train-vit, train-clip and those
   that follow. */
typedef struct SavedVit {
  Params *params;
  const char *prefix; /* of its parameters' names */
  Vit vit;
  real mean[3], deviation[3];
} SavedVit;

/* A dual encoder with its tokenizer, out of RUN/model.safetensors and
   RUN/merges.txt. */
typedef struct SavedClip {
  Params *params;
  Clip clip;
  Tokenizer *tokenizer;
  real mean[3], deviation[3];
} SavedClip;

/* Open a run's folder; false with a message that names the file. If not `trained`
   the tower keeps first values drawn by `seed`, to compare with. The merges of a
   dual encoder must be as many as its table of tokens was made for. */
bool saved_open_vit(SavedVit *saved, const char *folder, bool trained, uint64_t seed);
bool saved_open_clip(SavedClip *saved, const char *folder);

/* Copy the values of a tower to one declared with its configuration, and a prefix
   of its own, in a filled table. */
void saved_take_vit(const SavedVit *from, Params *params, const char *prefix);
void saved_close_vit(SavedVit *saved);
void saved_close_clip(SavedClip *saved);
#endif
