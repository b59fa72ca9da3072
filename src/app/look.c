/* Tangled from chapters/68-library.nw: edit that, not this. */
#include "app/look.h"

#include <stdio.h>
#include <unistd.h>

typedef struct Watched {
  int count;
  bool progress;
  TakeVectors *take;
  void *state;
} Watched;

static void take_watched(void *state, int first, int count, const real *vectors) {
  const Watched *w = state;
  w->take(w->state, first, count, vectors);
  if (w->progress) fprintf(stderr, "\r%d of %d pictures", first + count, w->count);
}

bool look_at(const Look *look, const char *program, const Encoders *e,
             char *const *paths, int count, TakeVectors *take, void *state) {
  const bool watched = look->progress || isatty(STDERR_FILENO);
  Watched w = {count, watched && count > look->batch && !isatty(STDOUT_FILENO), take,
               state};
  EmbedTimes t;
  const bool good = embed_files(e, paths, count, look->batch, &t, take_watched, &w);
  if (w.progress) fputc('\n', stderr);
  if (good && watched)
    fprintf(stderr, "%s: %d pictures: read in %.3f s, encoded in %.3f s, %.1f a second\n",
            program, count, t.read, t.encode, count / (t.read + t.encode));
  return good;
}
