/* Tangled from chapters/06-training.nw: edit that, not this. */
#include <stdio.h>

#include "app/options.h"
#include "base/error.h"
#include "data/cifar.h"

enum { BATCHES = 5 };

static const char *data_dir = "data";
static Option options[] = {
    PATH_OPTION("data-dir", data_dir, "folder with the data sets")};
static Program program = {"unpack-cifar10", "", "Write the sheets of CIFAR-10 as binary "
                          "batches beside them, which are read faster.", options, 1};

static bool save(const Dataset *train, const Dataset *test, const char *folder) {
  char path[1100];
  for (int i = 0; i < BATCHES; i++) {
    snprintf(path, sizeof path, "%s/data_batch_%d.bin", folder, i + 1);
    if (!cifar10_save_batch(train, train->count * i / BATCHES,
                            train->count * (i + 1) / BATCHES, path))
      return false;
  }
  snprintf(path, sizeof path, "%s/test_batch.bin", folder);
  return cifar10_save_batch(test, 0, test->count, path);
}

int main(int argc, char **argv) {
  char folder[1024];
  Dataset train = {0}, test = {0};
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  snprintf(folder, sizeof folder, "%s/cifar10", data_dir);
  bool good = cifar10_load(&train, folder, true) && cifar10_load(&test, folder, false) &&
              save(&train, &test, folder);
  if (good)
    printf("wrote %d and %d pictures to data_batch_1.bin ... test_batch.bin in %s\n",
           train.count, test.count, folder);
  dataset_free(&train);
  dataset_free(&test);
  return good ? 0 : program_failed(&program);
}
