/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "tensor/tape.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/stopwatch.h"

Tape *tape_new(void) {
  Tape *tape = allocate(1, sizeof *tape);
  tape->arena = arena_new();
  tape->recording = true;
  return tape;
}

Tape *tape_no_grad(void) {
  Tape *tape = tape_new();
  tape->recording = false;
  return tape;
}

void tape_free(Tape *tape) { arena_free(tape->arena), free(tape); }

void tape_reset(Tape *tape, RandomKey key) {
  arena_reset(tape->arena);
  tape->last = NULL;
  tape->spare = NULL;
  tape->key = key;
  tape->drawn = 0;
  tape->macs = 0;
  if (tape->profile) tape->profile->last = stopwatch();
}

RandomKey tape_key(Tape *tape) { return random_subkey(tape->key, tape->drawn++); }

static bool requires_grad(const Tensor *t) { return t && t->requires_grad; }

// Note times
/* The time since the last note goes to `name`. */
static void record_time(Profile *p, const char *name, bool backward) {
  int i = 0;
  while (i < p->count && strcmp(p->op[i].name, name) != 0) i++;
  if (i == p->count) {
    assert(i < (int)(sizeof p->op / sizeof *p->op));
    p->op[p->count++].name = name;
  }
  double now = stopwatch();
  *(backward ? &p->op[i].backward : &p->op[i].forward) += now - p->last;
  p->last = now;
}

// Watch for NaN and infinity
static void watch_numbers(Watch *w, const char *what, const Tensor *t,
                          const real *numbers, const char *where) {
  const size_t n = tensor_size(t);
  size_t i = 0;
  while (i < n && isfinite(numbers[i])) i++;
  if (i == n || *w->found) return;
  char shape[64] = "";
  for (int k = 0, at = 0; k < t->shape.rank; k++)
    at += snprintf(shape + at, sizeof shape - (size_t)at, "[%d]", t->shape.size[k]);
  snprintf(w->found, sizeof w->found, "the %s of %s%s, number %zu%s%s", what, t->name,
           shape, i, *where ? ", in " : "", where);
}

static void watch_values(Watch *w, const Tensor *output, Tensor *const *input) {
  for (int i = 0; i < 3; i++)
    if (input[i]) watch_numbers(w, "value", input[i], input[i]->value, output->name);
  watch_numbers(w, "value", output, output->value, "");
}

static void watch_gradients(Watch *w, const Entry *entry) {
  for (int i = 0; i < 3; i++)
    if (requires_grad(entry->input[i]) &&
        entry->input[i]->grad) /* or it comes, handed on */
      watch_numbers(w, "gradient", entry->input[i], entry->input[i]->grad,
                    entry->output->name);
}

// Make a tensor and note an operation
void *tape_memory(Tape *tape, size_t size) { return arena_get(tape->arena, size); }

Tensor *tape_tensor(Tape *tape, const char *name, Shape shape) {
  Tensor *t = tape_memory(tape, sizeof *t);
  *t = (Tensor){.name = name, .shape = shape};
  t->value = tape_memory(tape, tensor_size(t) * sizeof(real));
  return t;
}

Tensor *tape_input(Tape *tape, const char *name, Shape shape, const real *values) {
  Tensor *t = tape_tensor(tape, name, shape);
  memcpy(t->value, values, tensor_size(t) * sizeof *values);
  return t;
}

// Send gradients elsewhere
void tape_redirect(Tape *tape, const real *shared, real *own, size_t size) {
  tape->shared = shared;
  tape->own = own;
  tape->shared_size = size;
}

static Tensor *redirected(Tape *tape, Tensor *t) {
  if (!tape->own || !requires_grad(t) || !t->grad) return t;
  const uintptr_t at = (uintptr_t)t->grad, from = (uintptr_t)tape->shared;
  if (at < from || at >= from + tape->shared_size * sizeof(real)) return t;
  Tensor *copy = tape_memory(tape, sizeof *copy);
  *copy = *t;
  copy->grad = tape->own + (t->grad - tape->shared);
  return copy;
}

void tape_record(Tape *tape, Tensor *output, void (*backward)(const Entry *),
                 void *saved, Tensor *a, Tensor *b, Tensor *c) {
  // Watch the values
  if (tape->watch) watch_values(tape->watch, output, (Tensor *[]){a, b, c});
  if (!tape->recording ||
      !(requires_grad(a) || requires_grad(b) || requires_grad(c))) return;
  output->requires_grad = true;
  Entry *entry = tape_memory(tape, sizeof *entry);
  *entry = (Entry){backward, output, {a, b, c}, saved, NULL, 0, tape->last};
  tape->last = entry;
  // Send this entry's gradients elsewhere, and note the time
  for (int i = 0; i < 3; i++) entry->input[i] = redirected(tape, entry->input[i]);
  if (tape->profile) record_time(tape->profile, output->name, false);
}

// Note an operation that writes gradients
void tape_record_writing(Tape *tape, int writes, Tensor *output,
                         void (*backward)(const Entry *), void *saved, Tensor *a,
                         Tensor *b, Tensor *c) {
  const Entry *before = tape->last;
  tape_record(tape, output, backward, saved, a, b, c);
  if (tape->last != before) tape->last->writes = writes;
}

bool adds_grad(Tensor *t) {
  const bool first = t->unwritten;
  t->unwritten = false;
  return !first;
}

// Play the tape backwards
// Memory for gradients
typedef struct FreeBlock { /* stands at the start of the memory that it describes */
  size_t size;
  struct FreeBlock *next;
} FreeBlock;

static void *gradient_memory(Tape *tape, size_t size) {
  for (FreeBlock **s = &tape->spare; *s; s = &(*s)->next)
    if ((*s)->size == size) {
      FreeBlock *found = *s;
      *s = found->next;
      return found;
    }
  return tape_memory(tape, size < sizeof(FreeBlock) ? sizeof(FreeBlock) : size);
}

static void recycle_grad(Tape *tape, Tensor *t) {
  FreeBlock *spare = (FreeBlock *)t->grad;
  *spare = (FreeBlock){tensor_size(t) * sizeof(real), tape->spare};
  tape->spare = spare;
  t->grad = NULL;
}

static void ensure_grad(Tape *tape, Tensor *t, bool writes) {
  if (!requires_grad(t) || t->grad) return;
  size_t size = tensor_size(t) * sizeof(real);
  t->grad = gradient_memory(tape, size);
  t->unwritten = writes;
  if (!writes) memset(t->grad, 0, size);
}

// Seed the gradients
static void seed_gradients(Tape *tape, Tensor *const *outputs, const real *const *grads,
                           int count) {
  bool any = false;
  for (int k = 0; k < count; k++) {
    if (!requires_grad(outputs[k])) continue;
    any = true;
    ensure_grad(tape, outputs[k], false);
    for (size_t i = 0; i < tensor_size(outputs[k]); i++)
      outputs[k]->grad[i] += grads[k][i];
  }
  assert(any);
}

void tape_backward(Tape *tape, Tensor *loss) { tape_backward_from(tape, loss, 1); }

void tape_backward_from(Tape *tape, Tensor *loss, real slope) {
  assert(tensor_size(loss) == 1 && loss->requires_grad);
  tape_backward_outputs(tape, &loss, (const real *[]){&slope}, 1);
}

void tape_backward_outputs(Tape *tape, Tensor *const *outputs, const real *const *grads,
                           int count) {
  seed_gradients(tape, outputs, grads, count);
  for (Entry *entry = tape->last; entry; entry = entry->previous) {
    if (!entry->output->grad) continue;
    for (int i = 0; i < 3; i++)
      if (entry->input[i] != entry->gradient_alias)
        ensure_grad(tape, entry->input[i], i < entry->writes);
    entry->backward(entry);
    // Watch the gradients, and note the time
    if (tape->watch) watch_gradients(tape->watch, entry);
    if (tape->profile) record_time(tape->profile, entry->output->name, true);
    // Hand on the output's gradient, or give its memory back
    if (entry->gradient_alias) entry->gradient_alias->grad = entry->output->grad;
    else if (tape->recycling) recycle_grad(tape, entry->output);
  }
}
