/* Tangled from chapters/14-evolution.nw: edit that, not this. */
#include "app/dual_encoder_report.h"
#include "app/options.h"
#include "base/error.h"
#include "data/scenes.h"
#include "eval/embed.h"

static int tests = 1000, seed = 1;
static Option options[] = {
    INT_OPTION("test", tests, 50, 100000, "scenes to be tested on"),
    INT_OPTION("seed", seed, 0, 1e9, "of these scenes")};
static Program program = PROGRAM("evolution", "RUN", "What the dual encoder of a run "
                                 "can do with drawn scenes: retrieval both ways, and "
                                 "classes without training.");

/* Scenes as the run saw them; the training pictures are not needed. */
static DualRun look_at(const LoadedClip *saved) {
  DualRun run = {.set = CAPTIONED_SCENES, .tokenizer = saved->tokenizer};
  run.contrastive.clip = saved->clip;
  for (int i = 0; i < 3; i++) {
    run.train.pictures.mean[i] = saved->mean[i];
    run.train.pictures.std[i] = saved->std[i];
  }
  scenes_make(&run.test, tests, CAPTIONED_ALONE, SCENES_SEEN,
              captioned_other((uint64_t)seed));
  dual_single_figures(&run, tests, captioned_other((uint64_t)seed));
  return run;
}

// Check and report a run
static bool report(const LoadedClip *saved, const char *folder) {
  DualRun run = look_at(saved);
  const bool good = encoder_takes(&saved->clip.config.image, saved->mean, saved->std,
                                  &run.test.pictures, folder);
  if (good) {
    PairEmbeddings v = pair_embeddings(&saved->clip, saved->tokenizer, &run.test);
    pair_embeddings_recall(&v, "test", stdout);
    dual_zeroshot(stdout, &run, 1, "single");
    pair_embeddings_free(&v);
  }
  pairs_free(&run.test), pairs_free(&run.seen), pairs_free(&run.held_out);
  return good;
}

int main(int argc, char **argv) {
  const int first = options_parse(&program, argc, argv);
  if (first != argc - 1)
    return fail("expected the folder of one run, found %d", argc - first),
           program_failed(&program);
  LoadedClip saved;
  if (!clip_open(&saved, argv[first])) return program_failed(&program);
  const bool good = report(&saved, argv[first]);
  clip_close(&saved);
  return good ? 0 : program_failed(&program);
}
