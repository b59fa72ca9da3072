/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#pragma once
#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#undef fail /* an old macro of Check's; the name is ours */

#include "base/real.h"
#include "io/safetensors.h"
#include "tensor/params.h"
#include "tensor/tape.h"

/* What agreement to expect of results that differ by rounding only. */
#define ROUNDING (sizeof(real) == 4 ? 1e-5 : 1e-12)

/* max |a - b| / max |b| over n values; infinite if any value is not finite. */
double relative_error(const real *a, const real *b, size_t n);

/* Open a fixture, for safetensors_free; fill a tensor from it, by its name; compare
   values of the shape of `like` with the fixture's: within 1e-5 relative, 1e-11 in
   double. */
Safetensors *fixture_open(const char *path);
void fixture_load(const Safetensors *file, const Tensor *tensor);
void fixture_agree(const Safetensors *file, const char *name, const Tensor *like,
                   const real *found);

/* The same for all parameters, by their names, and for their gradients, by the names
   with "grad." before them. */
void fixture_load_parameters(const Safetensors *file, const Params *params);
void fixture_agree_gradients(const Safetensors *file, Params *params);

/* A parameter filled with normal numbers times `scale`, reproducibly. */
Tensor *random_parameter(Params *params, const char *name, Shape shape,
                         double scale);

/* A parameter with the given values. */
Tensor *given_parameter(Params *params, const char *name, Shape shape,
                        const double *values);

/* The gradient check of chapter 2 in double; in float it is only run, since
   rounding hides the answer. Fails the test above a relative error of 1e-6. */
void assert_gradients(Tensor *(*loss)(Tape *tape, void *state), void *state,
                      Params *params);

/* A number made of all values of x, so that every one matters: sum w_i x_i
   with weights that depend on i. */
Tensor *weighted_sum(Tape *tape, Tensor *x);

/* A folder of the test's own, emptied first. Valid until the next call. */
const char *scratch_folder(const char *name);
const char *scratch_path(const char *folder, const char *file);
void write_file(const char *path, const void *bytes, size_t count);
char *read_file(const char *path, size_t *count); /* the caller frees */

/* MNIST in small: a folder with IDX files of 16 and 4 pictures of noise, 8 x 8. */
void write_digits(const char *folder);

/* CIFAR-10 in small: the six sheets of `rows` pictures each, and the labels 1, 2, ..., 9,
   0, 1, .... Sheet k, the test's being 0, begins and ends with pixels of 10 k. */
void write_sheets(const char *folder, int rows);

/* The bytes of all tensors in a run's model.safetensors, without the header, which
   holds the seconds the run took; the caller frees. */
char *read_weights(const char *folder, size_t *count);

/* Run a shell command; returns its exit status, 128 + n if signal n ended it.
   What it printed to both streams is in *output until the next call. */
int run_command(const char **output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Where the programs of this build are. */
const char *programs_folder(void);

/* Run PROGRAM with ARGUMENTS through the shell; expect this status, and this text
   in what it prints: in the last line if the status is 1 or 2. */
void expect_program(int status, const char *text, const char *program,
                    const char *arguments);

/* Formatted text, which lasts for 31 more calls. */
const char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

int run_suite(const char *name, const TTest *const *tests, int count);

#define TEST_MAIN(name, ...)                                             \
  int main(void) {                                                       \
    const TTest *const tests[] = {__VA_ARGS__};                          \
    return run_suite(name, tests, (int)(sizeof tests / sizeof *tests));  \
  }
