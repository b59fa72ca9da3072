/* Tangled from chapters/64-runs.nw: edit that, not this. */
#include "app/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static const int watched[] = {SIGINT, SIGTERM};
static struct sigaction before[2];
static volatile sig_atomic_t wanted;

static void ask(int number) {
  static const char line[] = "\nstopping after this step; once more to stop at once\n";
  const int kept = errno;
  wanted = 1;
  sigaction(number, &before[number == SIGTERM], NULL);
  const ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
  (void)ignored;
  errno = kept;
}

void interrupt_watch(void) {
  struct sigaction action = {.sa_handler = ask, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  wanted = 0;
  for (int i = 0; i < 2; i++) sigaction(watched[i], &action, &before[i]);
}

bool interrupt_wanted(void) { return wanted; }

void interrupt_release(void) {
  for (int i = 0; i < 2; i++) sigaction(watched[i], &before[i], NULL);
}
