/* Tangled from chapters/13-language.nw: edit that, not this. */
#pragma once
#include "nn/attention_pool.h"

/* How an image encoder's vectors become tokens of a language model. */
typedef enum {
  CONNECTOR_LINEAR,  /* each patch token by a linear layer: PaliGemma */
  CONNECTOR_MLP,     /* by two with a GELU between them: LLaVA 1.5 */
  CONNECTOR_SHUFFLE, /* 2 x 2 neighbours joined to one token, then as above: InternVL */
  CONNECTOR_QUERIES, /* learned queries attend to the patch tokens: BLIP-2, Flamingo */
  CONNECTOR_POOLED,  /* the encoder's one pooled vector by a linear layer */
  CONNECTOR_NONE     /* no token: a blind language model */
} ConnectorKind;
#define CONNECTOR_CHOICES "linear|mlp|shuffle|queries|pooled|none" /* for an option */

typedef struct ConnectorConfig {
  ConnectorKind kind;
  int side;     /* the patches are side x side */
  int from, to; /* width of the encoder, of the language model */
  int queries;  /* with CONNECTOR_QUERIES: how many, */
  int heads;    /* and with how many heads, which divide `from` */
} ConnectorConfig;

/* Parameters, by PREFIX: fc1.*, and for MLP and SHUFFLE fc2.*; norm.* of four joined
   tokens for SHUFFLE; pool.* (see AttentionPool) for QUERIES. Matrices Xavier uniform,
   biases zero. */
typedef struct Connector {
  ConnectorConfig config;
  Affine norm, fc1, fc2;
  AttentionPool pool;
} Connector;

/* Can this be built? If not, a message that begins with the option to blame. */
bool connector_check(const ConnectorConfig *config);
Connector connector_declare(Params *params, const char *prefix, ConnectorConfig config);

/* How many tokens a picture becomes. */
int connector_tokens(const ConnectorConfig *config);

/* Patch tokens [B][N][from], or the pooled vector [B][from], to [B][tokens][to]. Where
   each token came from: *weights, unless NULL, becomes those of the queries,
   [B][queries][heads][N], or NULL. */
Tensor *connector_forward(Tape *tape, const Connector *connector, Tensor *x,
                          Tensor **weights);
