/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/options.h"
#include "base/error.h"
#include "data/pictures.h"
#include "data/scenes.h"
#include "eval/probe.h"
#include "models/model_io.h"

static int data_kind = PICTURES_SCENES, labels = 0, k = 20, random_values = 0, seed = 1;
static int steps = 1000, batch = 256, limit = 0;
static double temperature = 0.07, lr = 1e-2, decay = 0;
static const char *folder = "data";

static Option options[] = {
    CHOICE_OPTION("data", data_kind, PICTURES_CHOICES PICTURES_CAPTIONED,
                  "labelled pictures"),
    INT_OPTION("labels", labels, 0, 1e9, "labelled pictures to learn from; 0: all"),
    INT_OPTION("test", limit, 0, 1e9, "pictures to be tested on; 0: all"),
    INT_OPTION("k", k, 1, 10000, "neighbours that vote"),
    NUMBER_OPTION("temperature", temperature, 1e-3, 100, "of a neighbour's vote"),
    INT_OPTION("steps", steps, 1, 1e9, "of the linear probe"),
    INT_OPTION("batch", batch, 1, 65536, "of the linear probe"),
    NUMBER_OPTION("lr", lr, 0, 100, "of the linear probe"),
    NUMBER_OPTION("weight-decay", decay, 0, 10, "of the linear probe"),
    CHOICE_OPTION("weights", random_values, "trained|random",
                  "the run's, or initial values to compare with"),
    INT_OPTION("seed", seed, 0, 1e9, "of the choice of labels and of random weights"),
    PATH_OPTION("data-dir", folder, "folder with the data sets")};
static Program program = PROGRAM("probe", "RUN", "What the frozen image encoder of a "
                                 "run knows: accuracy of its nearest neighbours and of "
                                 "a linear layer on top.");

// Open labelled pictures
static void take_pictures(Dataset *data, int count, int alone, uint64_t salt) {
  Pairs pairs;
  scenes_make(&pairs, count, alone, SCENES_SEEN, salt);
  *data = pairs_take_pictures(&pairs);
}

static bool open_data(Dataset *train, Dataset *test) {
  const uint64_t other = (uint64_t)seed + 3; /* not the drawings it was trained on */
  bool good = true;
  if (data_kind == PICTURES_SCENES) {
    take_pictures(train, 4000, 1000, other);
    take_pictures(test, 1000, 1000, other + 1);
  } else {
    good = pictures_open((PictureSet)data_kind, folder, 0, other, train, test);
  }
  if (good) test->count = dataset_limit(test->count, limit);
  return good;
}

// The main function of probe
static int probe(const LoadedVit *saved, const char *run, Dataset *train, Dataset *test) {
  if (!vit_takes(saved, train, run) || !vit_takes(saved, test, run))
    return program_failed(&program);
  label_subset_apply(train, labels, (uint64_t)seed);
  Features seen = features_make(&saved->vit, train);
  Features unseen = features_make(&saved->vit, test);
  const bool good = k <= seen.count;
  if (good) {
    ProbeConfig config = {steps, batch, lr, decay, (uint64_t)seed};
    printf("labels\t%d\ntest_images\t%d\nneighbours\t%.4f\n", seen.count,
           unseen.count, probe_neighbours(&seen, &unseen, k, temperature));
    printf("linear\t%.4f\n", probe_linear(&seen, &unseen, config));
  } else {
    fail("--k: expected at most the %d labelled pictures, found %d", seen.count, k);
  }
  features_free(&seen), features_free(&unseen);
  return good ? 0 : program_failed(&program);
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv);
  if (first != argc - 1)
    return fail("expected the folder of one run, found %d arguments", argc - first),
           program_failed(&program);
  LoadedVit saved;
  Dataset train = {0}, test = {0};
  if (!vit_open(&saved, argv[first], !random_values, (uint64_t)seed))
    return program_failed(&program);
  int status = open_data(&train, &test) ? probe(&saved, argv[first], &train, &test)
                                        : program_failed(&program);
  dataset_free(&train), dataset_free(&test);
  vit_close(&saved);
  return status;
}
