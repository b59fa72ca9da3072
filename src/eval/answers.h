/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "data/prompts.h"
#include "models/vlm.h"

/* Ask all prompts of the first `limit` pictures: right[limit * each] says which a model
   that writes greedily answers exactly as it should. Picture i is shown where picture i +
   shift is asked about; 0: its own. Returns the mean loss of the answers' tokens. The
   tape must not be recording; it is reset. */
double answers_check(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer,
                     const Prompts *prompts, int limit, int shift, bool *right);

/* Of the first `limit` pictures those of one figure: in what part of them does a caption
   that is written greedily name both its colour and its kind, whatever else it says? */
double answers_name_figure(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer,
                           const Prompts *prompts, int limit);
