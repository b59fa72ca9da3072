/* Tangled from chapters/68-library.nw: edit that, not this. */
#pragma once
#include "data/tokenizer.h"
#include "models/model_io.h"
#include "models/published.h"

/* What is wanted of a model. */
typedef struct EncodersWish {
  bool texts;            /* texts are to be encoded: it must have an encoder for them */
  bool classes;          /* so must it a head that names classes */
  int image_size;        /* pictures of so many pixels a side, 0: as it was trained */
  const char *tokenizer; /* a file to use instead of what lies beside it, or NULL */
  bool values;           /* parameters are to be read, so weights stay as they are */
} EncodersWish;

/* The encoders of any model: a run's folder, or whatever published_open takes. It has
   pointers into itself, so it is not to be copied. */
typedef struct Encoders {
  const char *family; /* "a run", or as Published has it */
  const Vit *vit;     /* the image encoder */
  const Clip *clip;   /* both, or NULL if there is no text encoder */
  Tokenizer *tokenizer;    /* if texts were wished for */
  int channels, side, size; /* of a picture, and of its vector: E numbers, or the width */
  bool published;
  LoadedVit run;
  LoadedClip run_clip;
  Published model;
} Encoders;

/* False with a message that names the file or option, what was expected and what was
   found. */
bool encoders_open(Encoders *e, const char *path, EncodersWish wish);
void encoders_close(Encoders *e);

/* A picture as the encoder wants it, planes[channels][side][side]: of a file, or of
   pixels. False with a message. */
bool encoders_read(const Encoders *e, const char *path, real *planes);
void encoders_pixels(const Encoders *e, const Image *image, real *planes);

/* Means and standard deviations of a picture's channels; all parameters. */
const real *encoders_mean(const Encoders *e);
const real *encoders_std(const Encoders *e);
const Params *encoders_params(const Encoders *e);

/* A tape for so many pictures at once, which does not record; with memory that comes in
   large pages. */
Tape *encoders_tape(const Encoders *e, int count);

/* Vectors [count][size] of pictures planes[count][channels][side][side]: unit vectors of
   two encoders, otherwise what an image encoder knows of its picture. */
Tensor *encoders_image(Tape *tape, const Encoders *e, const real *planes, int count);
