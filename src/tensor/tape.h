/* Tangled from chapters/02-tape.nw: edit that, not this. */
#pragma once
#include "base/arena.h"
#include "base/random.h"
#include "tensor/tensor.h"

/* What one operation left behind. Its backward function adds to the grad of
   each input that needs one, given the grad of the output. */
typedef struct Entry {
  void (*backward)(const struct Entry *entry);
  Tensor *output;
  Tensor *input[3];
  void *saved; /* what the rule needs besides values: sizes, statistics */
  Tensor *gradient_alias; /* the input that gets the output's gradient whole, or NULL */
  int writes; /* of so many inputs the rule writes a first gradient, else it adds to 0 */
  struct Entry *previous;
} Entry;

// A profile and a watch
/* Seconds spent in operations of each name. */
typedef struct Profile {
  struct {
    const char *name;
    double forward, backward;
  } op[32];
  int count;
  double last; /* when the tape was last touched */
} Profile;

/* The first number found that is NaN or infinite, in words; "" while there is none. */
typedef struct Watch {
  char found[200];
} Watch;

typedef struct Tape {
  Arena *arena;    /* everything of one step */
  Entry *last;     /* entries, newest first */
  bool recording;  /* false: values only, nothing to play back */
  bool training;   /* true: dropout and drop path are active */
  RandomKey key;   /* of this step, for dropout */
  uint64_t drawn;  /* how many keys were given out */
  double macs;     /* multiply-adds of matrix products since the reset */
  Profile *profile; /* where times are noted, or NULL */
  Watch *watch;    /* where the first NaN or infinity is noted, or NULL */
  bool recycling;  /* true: gradients of results are gone once passed on */
  bool bf16;       /* true: products round their factors to bfloat16 */
  struct FreeBlock *spare; /* memory of such gradients */
  const real *shared; /* gradients in shared[shared_size] go to the same places */
  real *own;          /* of own instead; NULL: they do not */
  size_t shared_size;
} Tape;

Tape *tape_new(void);     /* recording, not training */
Tape *tape_no_grad(void); /* not even recording: values only */
void tape_free(Tape *tape);

/* Forget all entries and tensors, and start a step with this random key. */
void tape_reset(Tape *tape, RandomKey key);

/* A tensor with undefined values, or with a copy of values[...]; memory of `size`
   bytes; all until reset. */
Tensor *tape_tensor(Tape *tape, const char *name, Shape shape);
Tensor *tape_input(Tape *tape, const char *name, Shape shape, const real *values);
void *tape_memory(Tape *tape, size_t size);

/* Note that `output` was made of a, b and c (NULL for none). Where nothing
   needs a gradient, or the tape is not recording, nothing is noted. */
void tape_record(Tape *tape, Tensor *output, void (*backward)(const Entry *),
                 void *saved, Tensor *a, Tensor *b, Tensor *c);

/* Set the gradient of `loss` to 1 and play the tape backwards, once a step.
   Asserts that the loss is one number that needs a gradient. Gradients of
   parameters are added to; clear them before. */
void tape_backward(Tape *tape, Tensor *loss);

// More ways to play a tape
/* The same with a gradient other than 1 at the loss; and from several outputs of any
   shape whose gradients are given, grads[i] of outputs[i]. Outputs that need no
   gradient are passed over; at least one must need it. */
void tape_backward_from(Tape *tape, Tensor *loss, real slope);
void tape_backward_outputs(Tape *tape, Tensor *const *outputs, const real *const *grads,
                           int count);

/* From now on gradients that would be added to shared[size] are added to own.
   For tapes that run side by side on the same parameters. */
void tape_redirect(Tape *tape, const real *shared, real *own, size_t size);

/* As tape_record, for a rule that writes the first gradient of each of its first
   `writes` inputs, where others add to zeros. Before it does so it asks adds_grad. */
void tape_record_writing(Tape *tape, int writes, Tensor *output,
                         void (*backward)(const Entry *), void *saved, Tensor *a,
                         Tensor *b, Tensor *c);
bool adds_grad(Tensor *t); /* false: write t->grad, all of it; asked once an entry */

/* A fresh random key: differs for each call and each step, repeatable. */
RandomKey tape_key(Tape *tape);
