// The live figures' functions, natively: what check.js holds the browser against.
//
// usage: native MODEL DIGITS   (a model as web/memory_files.h says, ten digits of 28 x 28 bytes)
//
// Prints for each digit its class and probabilities, then the losses of the first steps of training.
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "web/live.h"

static void *read_all(const char *path, int *size) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    fprintf(stderr, "native: %s: cannot open\n", path);
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  *size = (int)ftell(file);
  rewind(file);
  char *bytes = live_room(*size);
  if (fread(bytes, 1, (size_t)*size, file) != (size_t)*size) exit(1);
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  int size;
  if (argc != 3) return 2;
  void *model = read_all(argv[1], &size);
  live_file("vit-mnist/model.safetensors", model, size);
  const unsigned char *digits = read_all(argv[2], &size);
  if (!digit_open()) {
    fprintf(stderr, "native: %s\n", fail_message());
    return 1;
  }
  for (int i = 0; i < 10; i++) {
    for (int k = 0; k < 784; k++) digit_pixels()[k] = (float)digits[784 * i + k] / 255;
    printf("%d", digit_see(NULL, true));
    for (int k = 0; k < 10; k++) printf("\t%.9g", (double)digit_answer()[k]);
    printf("\n");
  }
  train_begin(1, 1000);
  for (int i = 0; i < 20; i++) printf("%.9g%s", train_step(), i < 19 ? "\t" : "\n");
  return 0;
}
