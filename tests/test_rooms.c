/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include <string.h>

#include "testing.h"

/* Each room, and those that its files may include from, besides itself. */
static const char *const rooms[][2] = {
    {"programs", "app tasks eval models train nn tensor data io kernels base"},
    {"web", "tasks eval models train nn tensor data io kernels base"},
    {"api", "eval models train nn tensor data io kernels base"},
    {"app", "tasks eval models train nn tensor data io kernels base"},
    {"tasks", "eval models train nn tensor data base kernels"},
    {"eval", "models train nn tensor data kernels base"},
    {"models", "train nn tensor data io kernels base"},
    {"train", "tensor io kernels base"},
    {"nn", "tensor data kernels base"},
    {"tensor", "kernels base"},
    {"data", "io base"},
    {"io", "base"},
    {"kernels", "base"},
    {"base", ""}};
enum { ROOMS = sizeof rooms / sizeof *rooms };

static int room_called(const char *name) {
  for (int i = 0; i < ROOMS; i++)
    if (!strcmp(rooms[i][0], name)) return i;
  ck_abort_msg("%s is no room", name);
}

static bool allowed(const char *from, const char *to) {
  if (!strcmp(from, to)) return true;
  const char *list = rooms[room_called(from)][1], *found = strstr(list, to);
  const size_t length = strlen(to);
  return found && (found == list || found[-1] == ' ') && strchr(" ", found[length]);
}

START_TEST(arrows_point_downwards) {
  for (int i = 0; i < ROOMS; i++)
    for (int k = 0; k <= i; k++)
      ck_assert_msg(i == k || !allowed(rooms[i][0], rooms[k][0]), "%s to %s goes up",
                    rooms[i][0], rooms[k][0]);
}
END_TEST

START_TEST(every_include_is_allowed) {
  const char *printed;
  int count = 0;
  run_command(&printed, "grep -Hro '^#include \"[a-z]*/' src --include='*.[ch]'");
  for (const char *line = printed; *line; line = strchr(line, '\n') + 1) {
    char from[16], file[64], to[16];
    if (!strncmp(line, "src/peers/", 10)) continue;
    ck_assert_msg(sscanf(line, "src/%15[a-z]/%63[^:]:#include \"%15[a-z]/", from, file,
                         to) == 3, "%.80s", line);
    ck_assert_msg(allowed(from, to), "src/%s/%s includes from %s", from, file, to);
    count++;
  }
  ck_assert_int_gt(count, 400); /* the test did look */
}
END_TEST

/* Where the library of this build is. */
static const char *library(void) {
  const char *folder = programs_folder();
  return text_of("%s/libsight.a", strcmp(folder, "build") ? folder : "build/release");
}

START_TEST(the_library_keeps_to_itself) {
  static const char *const forbidden[] = {
      "printf", "puts", "putchar", "vprintf", "stdout", "stderr", "perror", "exit",
      "_exit", "atexit", "signal", "sigaction", "setlocale", "getopt_long", "setenv",
      "json_set_alloc_funcs", "omp_set_num_threads", "system", "chdir", "umask"};
  const char *printed;
  ck_assert_int_eq(run_command(&printed, "nm -u %s", library()), 0);
  ck_assert(strstr(printed, " U malloc\n")); /* the test can see */
  for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
    ck_assert_msg(!strstr(printed, text_of(" U %s\n", forbidden[i])), "%s",
                  forbidden[i]);
}
END_TEST

START_TEST(third_party_names_stay_inside) {
  const char *printed;
  ck_assert_int_eq(run_command(&printed, "nm -g --defined-only %s", library()), 0);
  ck_assert(strstr(printed, " T tape_backward\n"));
  ck_assert(!strstr(printed, " stbi") && !strstr(printed, " main\n"));
}
END_TEST

TEST_MAIN("rooms", arrows_point_downwards, every_include_is_allowed,
          the_library_keeps_to_itself, third_party_names_stay_inside)
