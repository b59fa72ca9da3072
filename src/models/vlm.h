/* Tangled from chapters/13-language.nw: edit that, not this. */
#pragma once
#include "models/text.h"
#include "models/vit.h"
#include "nn/connector.h"

typedef struct VlmConfig {
  VitConfig image;     /* no classes */
  bool penultimate;    /* patch tokens as they go into the last block */
  ConnectorConfig connector;
  TextConfig language; /* causal; its context has room for the image's tokens too */
  bool prefix_lm;      /* image and question attend to each other both ways */
  bool separate_output; /* logits by a matrix of their own, not by that of the tokens */
} VlmConfig;

/* A vision-language model. Parameters: visual.* (see Vit), connector.* (see Connector),
   language.* (see Text), and language.output.weight[V][W] if it is separate. */
typedef struct Vlm {
  VlmConfig config;
  Vit visual;
  Connector connector;
  Text language;
  Tensor *output; /* what makes logits: the table of tokens, or a matrix of its own */
} Vlm;

/* Can this be built? If not, a message that names the size to blame. */
bool vlm_check(const VlmConfig *config);
Vlm vlm_declare(Params *params, VlmConfig config);

/* images[B][C][S][S] to what the encoder says of them, patch tokens [B][N][D] or pooled
   vectors [B][D]; and that to tokens of the language model, [B][M][W], with *weights as
   in connector_forward, or NULL. */
Tensor *vlm_encode(Tape *tape, const Vlm *vlm, Tensor *images);
Tensor *vlm_connect(Tape *tape, const Vlm *vlm, Tensor *features, Tensor **weights);

/* Both; NULL if the model is blind. */
Tensor *vlm_look(Tape *tape, const Vlm *vlm, Tensor *images, Tensor **weights);

/* Keys and values of all layers, for B images that are read in step. */
typedef struct VlmCache {
  KeyValueCache *layer; /* [depth] */
} VlmCache;

/* How a text is read. All NULL: causally, from its beginning. */
typedef struct VlmCall {
  const int *question; /* [B]: so many of an image's ids are the question */
  VlmCache *cache;     /* the tokens follow those read before; see AttentionCall */
  Tensor **weights;    /* [depth], of attention in each block */
  const int *wanted;   /* [count]: only these rows of all B (M + T) are returned */
  int count;
} VlmCall;

/* The language model over image tokens image[B][M][W] (or NULL) and ids[B][T] (none if
   T is 0): every vector after the final norm, [B][M+T][W], or those wanted,
   [count][W]. */
Tensor *vlm_read(Tape *tape, const Vlm *vlm, Tensor *image, const int *ids, int B, int T,
                 VlmCall call);

/* x[rows][W] to logits[rows][V]. */
Tensor *vlm_logits(Tape *tape, const Vlm *vlm, Tensor *x);

/* The cache, memory of the tape. */
VlmCache vlm_cache(Tape *tape, const Vlm *vlm, int B);

/* A question and its answer as the model reads them: question, start, answer, end. */
typedef struct VlmText {
  int count;    /* ids */
  int question; /* of these so many are the question's */
  bool cut;     /* not all of it fitted */
} VlmText;

/* So many ids a text may have beside a picture. */
int vlm_room(const Vlm *vlm);

/* The ids of a text, at most `room` of them, to ids[room]; answer NULL: up to the start.
   What does not fit is left out. */
VlmText vlm_text(const Tokenizer *tokenizer, const char *question, const char *answer,
                 int *ids, int room);

/* The mean cross-entropy of the answers' tokens of ids[B][T], text[b] of image b, after
   image tokens (or NULL); one number. *tokens becomes how many there are. right_of[B],
   unless NULL, says of which answer every token is the likeliest; of one that was cut
   that is not so. */
Tensor *vlm_loss(Tape *tape, const Vlm *vlm, Tensor *image, const int *ids,
                 const VlmText *text, int B, int T, int *tokens, bool *right_of);
