/* Tangled from chapters/17-published.nw: edit that, not this. */
#pragma once
#include <limits.h>

#include "data/prepare.h"
#include "models/clip.h"
#include "models/mae.h"

/* What a published file holds: two encoders, an image encoder with or without classes,
   or a masked autoencoder. */
typedef enum { PUBLISHED_CLIP, PUBLISHED_VIT, PUBLISHED_MAE } PublishedKind;

/* A model that others have trained. Its family and its sizes are found from the tensors
   in the file, and from config.json or open_clip_config.json beside it, if there. */
typedef struct Published {
  const char *family; /* "CLIP, Hugging Face" */
  PublishedKind kind;
  Params *params; /* values without gradients */
  Clip clip;      /* of the kind, one of these */
  Vit vit;
  Mae mae;
  Preparation preparation;
  char path[PATH_MAX]; /* of the file */
  size_t numbers;     /* in all tensors of the file */
  char **unused;      /* names of the tensors that no parameter needs */
  int unused_count;
  char **labels; /* names of the classes, if the configuration has them; or NULL */
  int label_count;
} Published;

/* PATH is a safetensors file, an index of shards, or a folder with one of either.
   Pictures of image_size pixels, for which positions are resized; 0: as it was trained.
   False with a message that names the file, what was expected and what was found: all
   tensors that are missing, if it is that. */
bool published_open(Published *model, const char *path, int image_size);
void published_close(Published *model);
const Vit *published_vit(const Published *model); /* its image encoder, of any kind */

/* Is each tensor that is not used one that changes nothing: a table of numbers, a part
   for training? If not, a message: it would compute something else than its authors'. */
bool published_whole(const Published *model);

/* Write parameters, whose names have this prefix before those of Vit or Clip, as a
   safetensors file of a family: "hf-clip", "hf-vit" or "timm". */
bool published_write(const char *path, const char *as, const Params *params,
                     const char *prefix);
