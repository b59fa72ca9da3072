/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/options.h"
#include "base/files.h"
#include "data/cifar.h"

enum { BATCHES = 5 };

static const char *data_dir = "data";
static Option options[] = {
    PATH_OPTION("data-dir", data_dir, "folder with the data sets")};
static Program program = PROGRAM("unpack-cifar10", "", "Write the sheets of CIFAR-10 "
                                 "as binary batches beside them, which are read "
                                 "faster.");

static bool save(const Dataset *train, const Dataset *test, const char *folder) {
  char path[PATH_MAX];
  for (int i = 0; i < BATCHES; i++) {
    char name[32];
    snprintf(name, sizeof name, "data_batch_%d.bin", i + 1);
    if (!path_join(path, folder, name) ||
        !cifar10_save_batch(train, train->count * i / BATCHES,
                            train->count * (i + 1) / BATCHES, path))
      return false;
  }
  return path_join(path, folder, "test_batch.bin") &&
         cifar10_save_batch(test, 0, test->count, path);
}

int main(int argc, char **argv) {
  char folder[PATH_MAX];
  Dataset train = {0}, test = {0};
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  bool good = path_join(folder, data_dir, "cifar10") &&
  cifar10_load(&train, folder, true) &&
              cifar10_load(&test, folder, false) && save(&train, &test, folder);
  if (good)
    printf("wrote %d and %d pictures to data_batch_1.bin ... test_batch.bin in %s\n",
           train.count, test.count, folder);
  dataset_free(&train), dataset_free(&test);
  return good ? 0 : program_failed(&program);
}
