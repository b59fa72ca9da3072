/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "testing.h"

#include <stdarg.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "data/image.h"
#include "tensor/arithmetic.h"
#include "tensor/gradcheck.h"

/* The library keeps its stb to itself; tests write JPEGs with one of their own. */
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

// Compare and make numbers for tests
Safetensors *fixture_open(const char *path) {
  Safetensors *file = safetensors_read(path);
  ck_assert_msg(file != NULL, "%s", fail_message());
  return file;
}

void fixture_load(const Safetensors *file, const Tensor *t) {
  ck_assert_msg(safetensors_check(file, t->name, t->shape), "%s", fail_message());
  safetensors_get(file, t->name, t->value);
}

void fixture_agree(const Safetensors *file, const char *name, const Tensor *like,
                   const real *found) {
  const size_t n = tensor_size(like);
  real *want = calloc(n, sizeof *want);
  ck_assert_msg(safetensors_check(file, name, like->shape), "%s", fail_message());
  safetensors_get(file, name, want);
  ck_assert_msg(relative_error(found, want, n) < (sizeof(real) == 4 ? 1e-5 : 1e-11),
                "%s: %g", name, relative_error(found, want, n));
  free(want);
}

void fixture_load_parameters(const Safetensors *file, const Params *params) {
  for (int i = 0; i < params->count; i++) fixture_load(file, params->list[i].tensor);
}

void fixture_agree_gradients(const Safetensors *file, Params *params) {
  for (int i = 0; i < params->count; i++) {
    const Tensor *t = params->list[i].tensor;
    fixture_agree(file, params_name(params, "grad.%s", t->name), t, t->grad);
  }
}

double relative_error(const real *a, const real *b, size_t n) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(a[i]) || !isfinite(b[i])) return INFINITY;
    difference = fmax(difference, fabs((double)a[i] - (double)b[i]));
    size = fmax(size, fabs((double)b[i]));
  }
  return size > 0 ? difference / size : difference;
}

Tensor *random_parameter(Params *params, const char *name, Shape shape, double scale) {
  return params_add(params, name, shape, init_normal(scale), PARAM_DECAYED);
}

Tensor *given_parameter(Params *params, const char *name, Shape shape,
                        const double *values) {
  return params_add(params, name, shape, init_values(values), PARAM_DECAYED);
}

void assert_gradients(Tensor *(*loss)(Tape *tape, void *state), void *state,
                      Params *params) {
  GradcheckResult result = gradcheck(loss, state, params, 1e-5);
  ck_assert_int_gt(result.checked, 0);
  if (sizeof(real) == 8)
    ck_assert_msg(result.error < 1e-6,
                  "%s[%d]: backward gave %.12g, differences %.12g (error %.2e)",
                  result.name, result.index, result.backward, result.difference,
                  result.error);
}

Tensor *weighted_sum(Tape *tape, Tensor *x) {
  Tensor *weights = tape_tensor(tape, "weights", x->shape);
  RandomKey key = random_key(17, "weighted sum");
  for (size_t i = 0; i < tensor_size(x); i++)
    weights->value[i] = (real)random_normal(key, i);
  return sum(tape, mul(tape, x, weights));
}

// Work with files and commands in tests
const char *scratch_folder(const char *name) {
  static char path[256];
  const char *base = getenv("SCRATCH");
  snprintf(path, sizeof path, "%s/%s", base ? base : "build/scratch", name);
  const char *output;
  ck_assert_int_eq(run_command(&output, "rm -rf '%s' && mkdir -p '%s'", path, path), 0);
  return path;
}

const char *scratch_path(const char *folder, const char *file) {
  static char paths[4][512];
  static int next;
  next = (next + 1) % 4;
  snprintf(paths[next], sizeof paths[next], "%s/%s", folder, file);
  return paths[next];
}

void write_file(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  ck_assert_msg(file != NULL, "cannot write %s", path);
  ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
  ck_assert_int_eq(fclose(file), 0);
}

char *read_file(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "cannot read %s", path);
  fseek(file, 0, SEEK_END);
  size_t size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(size + 1);
  ck_assert_uint_eq(fread(bytes, 1, size, file), size);
  bytes[size] = 0;
  fclose(file);
  if (count) *count = size;
  return bytes;
}

char *read_weights(const char *folder, size_t *count) {
  size_t header;
  char *file = read_file(text_of("%s/model.safetensors", folder), count);
  ck_assert_uint_ge(*count, 8);
  memcpy(&header, file, 8);
  ck_assert_uint_le(header, *count - 8);
  memmove(file, file + 8 + header, *count -= 8 + header);
  return file;
}
void write_digits(const char *folder) {
  RandomKey key = random_key(1, "digits");
  ck_assert_msg(folder_make(folder), "%s", fail_message());
  for (int train = 0; train < 2; train++) {
    const uint8_t count = train ? 16 : 4;
    uint8_t pictures[16 + 16 * 64] = {0, 0, 8, 3, 0, 0, 0, count,
                                      0, 0, 0, 8, 0, 0, 0, 8};
    uint8_t labels[8 + 16] = {0, 0, 8, 1, 0, 0, 0, count};
    for (int i = 0; i < count * 64; i++)
      pictures[16 + i] = (uint8_t)random_below(key, (uint64_t)i, 256);
    for (int i = 0; i < count; i++) labels[8 + i] = (uint8_t)(i % 10);
    const char *part = train ? "train" : "t10k";
    write_file(text_of("%s/%s-images-idx3-ubyte", folder, part), pictures,
               16 + count * 64);
    write_file(text_of("%s/%s-labels-idx1-ubyte", folder, part), labels, 8 + count);
  }
}
static void write_sheet_labels(const char *path, int count) {
  char text[200] = "[";
  for (int i = 0; i < count; i++)
    sprintf(text + strlen(text), "%s%d", i ? "," : "", (i + 1) % 10);
  strcat(text, "]");
  write_file(path, text, strlen(text));
}

void write_sheets(const char *folder, int rows) {
  ck_assert_msg(folder_make(folder), "%s", fail_message());
  ck_assert_int_le(rows, 10);
  for (int part = 0; part < 6; part++) {
    const char *name = part ? text_of("data_batch_%d.png", part) : "test_batch.png";
    Image sheet = image_new(1024, rows, 3, 0);
    for (int row = 0; row < rows; row++)
      for (int i = 0; i < 3072; i++)
        sheet.pixels[3072 * row + i] =
            (uint8_t)(10 * part + row + i * (3071 - i) % 7);
    ck_assert(image_save(&sheet, text_of("%s/%s", folder, name)));
    image_free(&sheet);
  }
  write_sheet_labels(text_of("%s/train_lables.json", folder), 5 * rows);
  write_sheet_labels(text_of("%s/test_lables.json", folder), rows);
}
int run_command(const char **output, const char *format, ...) {
  static char text[1 << 16];
  static char command[1 << 15], whole[(1 << 15) + 20];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  snprintf(whole, sizeof whole, "( %s ) 2>&1", command);
  FILE *pipe = popen(whole, "r");
  ck_assert(pipe != NULL);
  size_t count = fread(text, 1, sizeof text - 1, pipe);
  while (fgetc(pipe) != EOF) continue;
  text[count] = 0;
  *output = text;
  int status = pclose(pipe);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *programs_folder(void) {
  const char *folder = getenv("PROGRAMS");
  return folder ? folder : "build";
}

void expect_program(int status, const char *text, const char *program,
                    const char *arguments) {
  const char *output;
  int got = run_command(&output, "%s/%s %s", programs_folder(), program, arguments);
  ck_assert_msg(got == status, "%s %.1000s: status %d, expected %d: %.2000s", program,
                arguments, got, status, output);
  ck_assert_msg(strstr(output, text), "%s %.1000s: '%.2000s' lacks '%s'", program,
                arguments, output, text);
  const char *last = output; /* before it there may be lines of progress */
  for (const char *line; (line = strchr(last, '\n')) && line[1];) last = line + 1;
  if (status == 1 || status == 2)
    ck_assert_msg(strstr(last, text) != NULL, "%s %.1000s: not the last line: %.2000s",
                  program, arguments, output);
}

const char *text_of(const char *format, ...) {
  static char buffers[32][1024];
  static int next;
  va_list arguments;
  next = (next + 1) % 32;
  va_start(arguments, format);
  vsnprintf(buffers[next], sizeof buffers[next], format, arguments);
  va_end(arguments);
  return buffers[next];
}

int run_suite(const char *name, const TTest *const *tests, int count) {
  Suite *suite = suite_create(name);
  TCase *tcase = tcase_create(name);
  tcase_set_timeout(tcase, 3000);
  for (int i = 0; i < count; i++) tcase_add_test(tcase, tests[i]);
  suite_add_tcase(suite, tcase);
  SRunner *runner = srunner_create(suite);
  srunner_run_all(runner, CK_NORMAL);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed != 0;
}
