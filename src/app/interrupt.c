/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "app/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "train/world.h"

static const int watched[] = {SIGINT, SIGTERM};
static struct sigaction before[2];
static volatile sig_atomic_t wanted;
static const char alone[] = "\nstopping after this step; once more to stop at once\n";
static const char many[] = "\nasked to stop; after this step, if all processes run\n";
static const char *line;

static void ask(int number) {
  const int kept = errno;
  wanted = 1;
  sigaction(number, &before[number == SIGTERM], NULL);
  const ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
  (void)ignored;
  errno = kept;
}

void interrupt_watch(void) {
  struct sigaction action = {.sa_handler = ask, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  wanted = 0;
  line = world_rank() > 0 ? "" : world_size() > 1 ? many : alone;
  for (int i = 0; i < 2; i++) sigaction(watched[i], &action, &before[i]);
}

bool interrupt_wanted(void) { return wanted; }

void interrupt_release(void) {
  for (int i = 0; i < 2; i++) sigaction(watched[i], &before[i], NULL);
}
