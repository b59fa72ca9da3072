/* Tangled from chapters/02-tape.nw: edit that, not this. */
#include "tensor/tape.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

Tape *tape_new(void) {
  Tape *tape = allocate(1, sizeof *tape);
  tape->arena = arena_new();
  tape->recording = true;
  return tape;
}

void tape_free(Tape *tape) {
  arena_free(tape->arena);
  free(tape);
}

void tape_reset(Tape *tape, RandomKey key) {
  arena_reset(tape->arena);
  tape->last = NULL;
  tape->key = key;
  tape->drawn = 0;
  tape->macs = 0;
}

RandomKey tape_key(Tape *tape) { return random_subkey(tape->key, tape->drawn++); }

// Make a tensor and note an operation
void *tape_memory(Tape *tape, size_t size) { return arena_get(tape->arena, size); }

Tensor *tape_tensor(Tape *tape, const char *name, Shape shape) {
  Tensor *t = tape_memory(tape, sizeof *t);
  *t = (Tensor){.name = name, .shape = shape};
  t->value = tape_memory(tape, tensor_size(t) * sizeof(real));
  return t;
}

static bool wants(const Tensor *t) { return t && t->needs_grad; }

void tape_record(Tape *tape, Tensor *output, void (*backward)(const Entry *),
                 void *saved, Tensor *a, Tensor *b, Tensor *c) {
  if (!tape->recording || !(wants(a) || wants(b) || wants(c))) return;
  output->needs_grad = true;
  Entry *entry = tape_memory(tape, sizeof *entry);
  *entry = (Entry){backward, output, {a, b, c}, saved, tape->last};
  tape->last = entry;
}

// Play the tape backwards
static void give_grad(Tape *tape, Tensor *t) {
  if (!wants(t) || t->grad) return;
  size_t size = tensor_size(t) * sizeof(real);
  t->grad = memset(tape_memory(tape, size), 0, size);
}

void tape_backward(Tape *tape, Tensor *loss) {
  assert(tensor_size(loss) == 1 && loss->needs_grad);
  give_grad(tape, loss);
  loss->grad[0] = 1;
  for (Entry *entry = tape->last; entry; entry = entry->previous) {
    if (!entry->output->grad) continue;
    for (int i = 0; i < 3; i++) give_grad(tape, entry->input[i]);
    entry->backward(entry);
  }
}
