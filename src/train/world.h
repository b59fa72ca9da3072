/* Tangled from chapters/69-world.nw: edit that, not this. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

/* The processes that train one model together, numbered from 0. In an ordinary build
   there is one; in a build with MPI (make mpi) there are as many as mpirun has started,
   on one machine or on several. All call these functions in the same order, with the
   same sizes, from the thread that called world_begin; each waits for the others. One
   that cannot go on says why and calls world_abandon, which ends all: no function here
   returns an error. */
void world_begin(int *argc, char ***argv);
void world_end(void);
void world_abandon(int status); /* returns if there is one process only */

int world_rank(void); /* which one am I? 0: the one that writes files and speaks */
int world_size(void);
int world_sharing(void); /* processes on my machine */
double world_sent(void); /* bytes that I have sent so far, for others to have */

/* Before world_begin, too: am I the first? And: I am about to say why I end; wait until
   the first process, who may have the same to say, has said it and ended all. */
bool world_first(void);
void world_before_failing(void);

/* Where the part of process k begins if n things are dealt out (k = world_size(): n). */
static inline int world_part(int n, int k) { return part_of(n, k, world_size()); }

/* data[] consists of items of `unit` bytes, of which begin[k] .. begin[k + 1] - 1 are
   known to process k: now all are known to all. begin[world_size() + 1], the same
   everywhere. */
void world_gather(void *data, size_t unit, const size_t *begin);

/* The same, but only process 0 gets them all: `mine` are those known to me. */
void world_collect(const void *mine, void *all, size_t unit, const size_t *begin);

/* What process 0 has there. */
void world_broadcast(void *data, size_t bytes);

/* Until all processes are here. */
void world_barrier(void);

/* Is it true of any process? */
bool world_any(bool mine);

/* The text of the first process that has one, "" if none has; text[size] everywhere. */
void world_first_text(char *text, size_t size);

/* Has every process this text, which process 0 has? If not it fails, in words: "WHAT:
   expected the same in all processes, found ... in 0 and ... in 2". */
bool world_same(const char *what, const char *text);

/* `all` arrays were dealt out (world_part); part[] are mine, each begin[world_size()]
   long. The sum of all of them, added one after the other in their order, is wanted at
   begin[k] .. begin[k + 1] - 1 by process k: sum[] there; the rest of it is not touched.
   sum may be part[0]. */
void world_sum(real *sum, real *const *part, int all, const size_t *begin);

/* A number that is added to by one process after the other: take what those before me
   made of it (process 0: as it is), and, when I have added to it, give it on; then it
   becomes what the last one has made of it. */
void world_take(real *number);
void world_give(real *number);

/* Start to send out[bytes_out] to the process after me (after the last comes the first)
   and to receive in[bytes_in] from the one before me; both may be started more than
   once, and are done in that order. world_wait: until all are done. Meanwhile neither
   may be touched. */
void world_pass(const void *out, size_t bytes_out, void *in, size_t bytes_in);
void world_wait(void);
