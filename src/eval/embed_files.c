/* Tangled from chapters/68-library.nw: edit that, not this. */
#include "eval/embed_files.h"

#include "base/memory.h"
#include "base/stopwatch.h"

bool embed_files(const Encoders *e, char *const *paths, int count, int batch,
                 EmbedTimes *times, TakeVectors *take, void *state) {
  const size_t picture = (size_t)e->channels * e->side * e->side;
  real *planes = allocate_unset((size_t)least(batch, count) * picture, sizeof *planes);
  Tape *tape = encoders_tape(e, least(batch, count));
  bool good = true;
  *times = (EmbedTimes){0};
  for (int first = 0; good && first < count; first += batch) {
    const int n = least(batch, count - first);
    const double start = stopwatch();
    for (int i = 0; good && i < n; i++)
      good = encoders_read(e, paths[first + i], planes + (size_t)i * picture);
    const double read = stopwatch();
    times->read += read - start;
    if (!good) break;
    tape_reset(tape, (RandomKey){0});
    const Tensor *vectors = encoders_image(tape, e, planes, n);
    times->encode += stopwatch() - read;
    take(state, first, n, vectors->value);
  }
  tape_free(tape), free(planes);
  return good;
}
