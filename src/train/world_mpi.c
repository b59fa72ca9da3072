/* Tangled from chapters/69-world.nw: edit that, not this. */
#include "train/world.h"

#include <assert.h>
#include <limits.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/memory.h"

static int rank, size = 1;
static double sent;

// Begin and end with MPI
void world_begin(int *argc, char ***argv) {
  int level;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
}

void world_end(void) { MPI_Finalize(); }

void world_abandon(int status) {
  if (size > 1) MPI_Abort(MPI_COMM_WORLD, status);
}

int world_rank(void) { return rank; }
int world_size(void) { return size; }
double world_sent(void) { return sent; }

int world_sharing(void) {
  MPI_Comm here;
  int sharing;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &here);
  MPI_Comm_size(here, &sharing);
  MPI_Comm_free(&here);
  return sharing;
}

bool world_first(void) {
  const char *number = getenv("OMPI_COMM_WORLD_RANK"); /* MPI may not have begun */
  return !number || atoi(number) == 0;
}

void world_before_failing(void) {
  const struct timespec moment = {.tv_sec = 2};
  if (!world_first()) nanosleep(&moment, NULL);
}

// All to all with MPI
/* Everyone's part, in items of `unit` bytes. */
typedef struct Parts {
  int *count, *at;
  MPI_Datatype item;
} Parts;

static Parts parts_new(size_t unit, const size_t *begin) {
  Parts parts = {allocate((size_t)size, sizeof(int)), allocate((size_t)size, sizeof(int)),
                 MPI_DATATYPE_NULL};
  assert(begin[size] <= INT_MAX);
  for (int k = 0; k < size; k++)
    parts.at[k] = (int)begin[k], parts.count[k] = (int)(begin[k + 1] - begin[k]);
  MPI_Type_contiguous((int)unit, MPI_BYTE, &parts.item);
  MPI_Type_commit(&parts.item);
  return parts;
}

static void parts_free(Parts *parts) {
  MPI_Type_free(&parts->item);
  free(parts->count), free(parts->at);
}

void world_gather(void *data, size_t unit, const size_t *begin) {
  Parts parts = parts_new(unit, begin);
  MPI_Allgatherv(MPI_IN_PLACE, 0, parts.item, data, parts.count, parts.at, parts.item,
                 MPI_COMM_WORLD);
  sent += (double)parts.count[rank] * (double)unit * (size - 1);
  parts_free(&parts);
}

void world_collect(const void *mine, void *all, size_t unit, const size_t *begin) {
  Parts parts = parts_new(unit, begin);
  MPI_Gatherv(mine, parts.count[rank], parts.item, all, parts.count, parts.at,
              parts.item, 0, MPI_COMM_WORLD);
  parts_free(&parts);
}

void world_broadcast(void *data, size_t bytes) {
  assert(bytes <= INT_MAX);
  MPI_Bcast(data, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
}

void world_barrier(void) { MPI_Barrier(MPI_COMM_WORLD); }

bool world_any(bool mine) {
  int any = mine;
  MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return any;
}

void world_first_text(char *text, size_t length) {
  int first = *text ? rank : size;
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (first < size) MPI_Bcast(text, (int)length, MPI_BYTE, first, MPI_COMM_WORLD);
}

bool world_same(const char *what, const char *text) {
  char first[512], why[1024] = "";
  snprintf(first, sizeof first, "%s", text);
  world_broadcast(first, sizeof first);
  if (strncmp(first, text, sizeof first - 1))
    snprintf(why, sizeof why, "%s: expected the same in all processes, found %.400s in 0 "
             "and %.400s in %d", what, first, text, rank);
  world_first_text(why, sizeof why);
  return !*why || fail("%s", why);
}

// Ordered sums with MPI
enum { SUM_PIECE = 1 << 18 };

/* The process that has array i of `all`. */
static int owner(int i, int all) {
  int k = 0;
  while (world_part(all, k + 1) <= i) k++;
  return k;
}

/* Numbers of the range of process k from `from` of it on, at most a piece. */
static int piece(const size_t *begin, int k, size_t from) {
  const size_t length = begin[k + 1] - begin[k];
  if (from >= length) return 0;
  return length - from < SUM_PIECE ? (int)(length - from) : SUM_PIECE;
}

/* Numbers `from` on of everyone's range: send what others want of mine, receive what I
   want of theirs into other[all][width]. */
static void exchange(real *const *part, real *other, size_t width, int all,
                     const size_t *begin, size_t from, MPI_Request *request) {
  const int first = world_part(all, rank), last = world_part(all, rank + 1);
  const int wanted = piece(begin, rank, from) * (int)sizeof(real);
  int count = 0;
  for (int i = 0; i < all; i++)
    if (wanted && (i < first || i >= last))
      MPI_Irecv(other + (size_t)i * width, wanted, MPI_BYTE, owner(i, all), i,
                MPI_COMM_WORLD, &request[count++]);
  for (int i = first; i < last; i++)
    for (int k = 0; k < size; k++)
      if (k != rank && piece(begin, k, from)) {
        const int bytes = piece(begin, k, from) * (int)sizeof(real);
        MPI_Isend(part[i - first] + begin[k] + from, bytes, MPI_BYTE, k, i,
                  MPI_COMM_WORLD, &request[count++]);
        sent += bytes;
      }
  MPI_Waitall(count, request, MPI_STATUSES_IGNORE);
}

void world_sum(real *sum, real *const *part, int all, const size_t *begin) {
  const int first = world_part(all, rank), last = world_part(all, rank + 1);
  size_t longest = 0;
  for (int k = 0; k < size; k++)
    if (begin[k + 1] - begin[k] > longest) longest = begin[k + 1] - begin[k];
  const size_t width = longest < SUM_PIECE ? longest : SUM_PIECE;
  real *other = allocate_unset((size_t)all * width, sizeof *other);
  MPI_Request *request = allocate((size_t)all + (size_t)(last - first) * size,
                                  sizeof(MPI_Request));
  for (size_t from = 0; from < longest; from += SUM_PIECE) {
    exchange(part, other, width, all, begin, from, request);
    const int count = piece(begin, rank, from);
    const size_t at = begin[rank] + from;
    if (rank == 0) memcpy(other, part[0] + at, (size_t)count * sizeof *other);
    for (int i = 1; i < all; i++) {
      const bool mine = i >= first && i < last;
      const real *term = mine ? part[i - first] + at : other + (size_t)i * width;
      for (int n = 0; n < count; n++) other[n] += term[n];
    }
    memcpy(sum + at, other, (size_t)count * sizeof *sum);
  }
  free(other), free(request);
}

void world_take(real *number) {
  if (rank > 0)
    MPI_Recv(number, sizeof *number, MPI_BYTE, rank - 1, 0, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
}

void world_give(real *number) {
  if (rank + 1 < size)
    MPI_Send(number, sizeof *number, MPI_BYTE, rank + 1, 0, MPI_COMM_WORLD);
  MPI_Bcast(number, sizeof *number, MPI_BYTE, size - 1, MPI_COMM_WORLD);
}

// Neighbours with MPI
enum { MOST_REQUESTS = 8 };
static MPI_Request passing[MOST_REQUESTS];
static int requests;

void world_pass(const void *out, size_t bytes_out, void *in, size_t bytes_in) {
  assert(requests + 2 <= MOST_REQUESTS && bytes_out <= INT_MAX && bytes_in <= INT_MAX);
  MPI_Irecv(in, (int)bytes_in, MPI_BYTE, (rank + size - 1) % size, 0, MPI_COMM_WORLD,
            &passing[requests++]);
  MPI_Isend(out, (int)bytes_out, MPI_BYTE, (rank + 1) % size, 0, MPI_COMM_WORLD,
            &passing[requests++]);
  sent += (double)bytes_out;
}

void world_wait(void) {
  MPI_Waitall(requests, passing, MPI_STATUSES_IGNORE);
  requests = 0;
}
