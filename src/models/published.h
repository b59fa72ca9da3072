/* Tangled from chapters/17-published.nw: edit that, not this. */
#pragma once
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
  size_t numbers;     /* in all tensors of the file */
  char **unused;      /* names of the tensors that no parameter needs */
  int unused_count;
} Published;

/* PATH is a safetensors file, an index of shards, or a folder with one of either. False
   with a message that names the file, what was expected and what was found. */
bool published_open(Published *model, const char *path);
void published_close(Published *model);
