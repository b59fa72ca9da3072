/* Tangled from chapters/07-text.nw: edit that, not this. */
#pragma once
#include "data/tokenizer.h"
#include "nn/block.h"

/* CLIP's: start, the text, end; the vector where the end is. SigLIP's: the text, then
   ends up to the context, and the vector of the last; initial values as in ViT's code,
   tables N(0, 1/W). */
typedef enum { TEXT_CLIP, TEXT_SIGLIP } TextStyle;

typedef struct TextConfig {
  int vocabulary, context;      /* tokens there are, tokens a caption may have */
  int width, depth, heads, mlp; /* heads divides width */
  GeluKind gelu;
  double eps;
  bool causal;      /* CLIP: yes. Otherwise padding is attended to as well */
  TextStyle style;
  double dropout;   /* after the positions and in the blocks */
  double drop_path; /* of the last block; grows linearly from 0 at the first */
} TextConfig;

/* Parameters, by PREFIX: token_embedding.weight[V][W],
   positional_embedding[context][W], blocks.i.* (see Block), ln_final.*. First
   values of tables and matrices as in CLIP's code, biases zero; positions are not
   decayed, as in open_clip. */
typedef struct Text {
  TextConfig config;
  Tensor *token_embedding, *positional_embedding;
  Block *blocks; /* [depth], memory of the parameter table */
  Affine norm;
} Text;

/* Can this be built? If not, a message that names the size to blame: text-heads. */
bool text_check(const TextConfig *config);

Text text_declare(Params *params, const char *prefix, TextConfig config);

/* Turn a text into ids[context] in the way of the style; returns how many of them
   the encoder needs. */
int text_tokens(const TextConfig *config, const Tokenizer *tokenizer, const char *text,
                int *ids);

/* Has the text more tokens than the context has room for? */
bool text_truncated(const TextConfig *config, const Tokenizer *tokenizer,
                    const char *text);

/* ids[B][T], T <= context, each start .. end and then anything smaller: of each
   the vector where the largest id first stands (SigLIP's style: the last), [B][W].
   No projection. Source: CLIP, section 2.4, and its code. */
Tensor *text_forward(Tape *tape, const Text *text, const int *ids, int B, int T);

/* All tokens after the final norm, [B][T][W], for looking at. The attention
   weights of block i go to weights[i] unless weights is NULL. */
Tensor *text_encode(Tape *tape, const Text *text, const int *ids, int B, int T,
                    Tensor **weights);

/* What goes before the blocks and after them, for models that have the same parts:
   positions first, first + 1, ... added to x[B][T][W], with dropout; the final norm. */
Tensor *text_add_positions(Tape *tape, const Text *text, Tensor *x, int first);
Tensor *text_norm(Tape *tape, const Text *text, Tensor *x);

/* Multiply-adds of the matrix products of one caption's forward pass, every
   token going through every block, as papers count them. */
double text_macs(const TextConfig *config, int tokens);
