/* Tangled from chapters/64-runs.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "data/image.h"
#include "models/clip.h"
#include "models/vlm.h"
#include "train/checkpoint.h"

/* Add the sizes of a model to the metadata of its checkpoints. The image encoder's
   parameters have names that begin with `prefix`. */
void vit_metadata(Metadata *metadata, const VitConfig *config, const char *prefix);
void clip_metadata(Metadata *metadata, const ClipConfig *config);
void vlm_metadata(Metadata *metadata, const VlmConfig *config);

/* The image encoder of a run, without its head: of train-vit, train-clip and those
   that follow. */
typedef struct LoadedVit {
  Params *params;
  const char *prefix; /* of its parameters' names */
  Vit vit;
  real mean[3], std[3];
} LoadedVit;

/* A dual encoder with its tokenizer, out of RUN/model.safetensors and
   RUN/merges.txt; and a vision-language model, out of the same files. */
typedef struct LoadedClip {
  Params *params;
  Clip clip;
  Tokenizer *tokenizer;
  real mean[3], std[3];
} LoadedClip;

typedef struct LoadedVlm {
  Params *params;
  Vlm vlm;
  Tokenizer *tokenizer;
  real mean[3], std[3];
} LoadedVlm;

/* Is it the folder of a run, with a model that has our notes? *two: of two encoders. */
bool run_is(const char *folder, bool *two);

/* Open a run's folder; false with a message that names the file. If not `trained`
   the encoder keeps initial values drawn by `seed`, to compare with. The merges of a
   dual encoder must be as many as its table of tokens was made for. */
bool vit_open(LoadedVit *loaded, const char *folder, bool trained, uint64_t seed);
bool vit_open_whole(LoadedVit *loaded, const char *folder); /* with its head, if any */
bool clip_open(LoadedClip *loaded, const char *folder);
bool vlm_open(LoadedVlm *loaded, const char *folder);

/* Can the encoder look at these pictures? If so, they are normalized as it has learned
   from now on. If not, a message that starts with `blame`, an option or a file. */
bool vit_takes(const LoadedVit *loaded, Dataset *data, const char *blame);
bool encoder_takes(const VitConfig *config, const real *mean, const real *std,
                   Dataset *data, const char *blame);

/* Copy the values of an encoder to one declared with its configuration, and a prefix
   of its own, in a filled table. */
void vit_copy_parameters(const LoadedVit *from, Params *params, const char *prefix);

/* A picture as the encoder sees it, planes[C][S][S], and its pixels, for image_free. */
Image encoder_pixels(const VitConfig *config, const real *mean, const real *std,
                     const Image *image, real *planes);

/* A picture file as the encoder sees it, [1][C][S][S]: its largest square in the middle,
   scaled and normalized. *square, unless NULL, becomes its pixels, for image_free. NULL
   with a message. */
Tensor *encoder_picture(Tape *tape, const VitConfig *config, const real *mean,
                        const real *std, const char *path, Image *square);
void vit_close(LoadedVit *loaded);
void clip_close(LoadedClip *loaded);
void vlm_close(LoadedVlm *loaded);
