/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/dual_encoder_report.h"

#include <math.h>
#include <string.h>

#include "app/contact_sheet.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/scenes.h"
#include "eval/pca.h"
#include "eval/zeroshot.h"
#include "kernels/dot.h"
#include "tensor/arithmetic.h"
#include "tensor/sigmoid_loss.h"

// What the vectors look like
static PairEmbeddings vectors_of(const DualRun *run, const Pairs *pairs) {
  return pair_embeddings(&run->contrastive.clip, run->tokenizer, pairs);
}

enum { SHOWN = 24 };

bool dual_similarity(const DualRun *run, const char *folder, const char *name) {
  char path[PATH_MAX];
  FILE *file = path_join(path, folder, name) ? file_begin(path) : NULL;
  if (!file) return false;
  PairEmbeddings v = vectors_of(run, &run->test);
  const int apart = v.count / SHOWN; /* not neighbours in the list */
  for (int i = 0; i < SHOWN; i++)
    for (int j = 0; j < SHOWN; j++)
      fprintf(file, "%d\t%d\t%.4f\n", i, j,
              vector_cosine(v.image + (size_t)i * apart * v.embed,
                            v.text + (size_t)j * apart * v.embed, v.embed));
  pair_embeddings_free(&v);
  return file_commit(file, path);
}

/* The unit vector from the centre of texts to that of pictures, and the distance. */
static double gap_of(const PairEmbeddings *v, double *direction) {
  const int embed = v->embed;
  double squares = 0;
  for (int i = 0; i < embed; i++) {
    direction[i] = 0;
    for (int r = 0; r < v->count; r++)
      direction[i] += (double)(v->image[(size_t)r * embed + i] -
                               v->text[(size_t)r * embed + i]);
    direction[i] /= v->count;
    squares += direction[i] * direction[i];
  }
  for (int i = 0; i < embed; i++) direction[i] /= sqrt(squares);
  return sqrt(squares);
}

/* Two coordinates of EACH image vectors and as many of texts: along the gap, whose
   part is taken out of the vectors, and along what varies most of the rest. */
enum { EACH = DUAL_LEAST };

static void flatten(real *vectors, int embed, const double *direction, double *plane) {
  double rest[2 * 2 * EACH], fraction[2];
  for (int r = 0; r < 2 * EACH; r++) {
    double along = 0;
    real *x = vectors + (size_t)r * embed;
    for (int i = 0; i < embed; i++) along += direction[i] * (double)x[i];
    for (int i = 0; i < embed; i++) x[i] -= (real)(along * direction[i]);
    plane[2 * r] = along;
  }
  pca_plane(vectors, 2 * EACH, embed, rest, fraction);
  for (int r = 0; r < 2 * EACH; r++) plane[2 * r + 1] = rest[2 * r];
}

static bool write_plane(const char *folder, const PairEmbeddings *v, double *gap) {
  const int embed = v->embed;
  char path[PATH_MAX];
  const size_t half = (size_t)EACH * embed;
  real *both = allocate(2 * half, sizeof *both);
  double plane[2 * 2 * EACH], *direction = allocate((size_t)embed, sizeof *direction);
  FILE *file = path_join(path, folder, "plane.tsv") ? file_begin(path) : NULL;
  *gap = gap_of(v, direction);
  for (int i = 0; i < EACH; i++) { /* spread over all */
    const size_t from = (size_t)i * (size_t)(v->count / EACH) * embed;
    const size_t to = (size_t)i * embed;
    memcpy(both + to, v->image + from, (size_t)embed * sizeof *both);
    memcpy(both + half + to, v->text + from, (size_t)embed * sizeof *both);
  }
  flatten(both, embed, direction, plane);
  for (int i = 0; file && i < EACH; i++)
    fprintf(file, "%.4f\t%.4f\t%.4f\t%.4f\n", plane[2 * i], plane[2 * i + 1],
            plane[2 * (EACH + i)], plane[2 * (EACH + i) + 1]);
  free(both), free(direction);
  return file && file_commit(file, path);
}

// What clip can do
enum { FOUND = 5, TILE = 72, EDGE = 4 };

/* The picture that belongs to caption q, then the FOUND best, those that are right
   in a dark frame. */
static Image answer_row(const Dataset *data, const PairEmbeddings *v, int q) {
  const int embed = v->embed;
  int best[1 + FOUND] = {q};
  Image row = image_new((1 + FOUND) * TILE + TILE / 3, TILE, 3, 255);
  recall_best(v->text + (size_t)q * embed, v->image, v->count, embed, FOUND, best + 1);
  for (int i = 0; i <= FOUND; i++) {
    const int x = i * TILE + (i ? TILE / 3 : 0);
    const bool right = i > 0 && v->groups[best[i]] == v->groups[q];
    Image frame = image_new(TILE, TILE, 3, right ? 0 : 255);
    Image picture = sheet_picture(data, best[i]);
    image_paste(&row, &frame, x, 0, 1);
    image_paste(&row, &picture, x + EDGE, EDGE, (TILE - 2 * EDGE) / data->width);
    image_free(&frame), image_free(&picture);
  }
  return row;
}

enum { ROWS = 8 };

static bool write_answers(const DualRun *run, const char *folder,
                          const PairEmbeddings *v) {
  const int embed = v->embed;
  char name[32], captions[PATH_MAX];
  int left[2] = {ROWS / 2, ROWS / 2}, shown = 0;
  FILE *file =
      path_join(captions, folder, "answers.tsv") ? file_begin(captions) : NULL;
  bool good = file != NULL;
  for (int i = 0; good && i < v->count && shown < ROWS; i++) {
    const int q = (int)((long)i * 101 % v->count);
    const int rank = recall_rank(v->text + (size_t)q * embed, v->groups[q], v->image,
                                 v->groups, v->count, embed);
    if (left[rank > 1]-- <= 0) continue;
    Image row = answer_row(&run->test.pictures, v, q);
    snprintf(name, sizeof name, "answer-%d", shown++);
    good = image_save_in(folder, name, &row);
    fprintf(file, "%s\t%d\n", run->test.caption[run->test.first[q]], rank);
  }
  if (file && !good) file_abandon(file, captions);
  return good && file_commit(file, captions);
}

static const char *const prompts[] = {"a {}", "a small {}", "a large {}",
                                      "a drawing of a small {}",
                                      "a drawing of a large {}"};
_Static_assert(sizeof prompts / sizeof *prompts == DUAL_PROMPTS, "all are counted");

/* The fraction of pictures whose nearest class among those with allowed[k] is right. */
static double accuracy(const real *vectors, int embed, const Dataset *data,
                       const real *classes, const bool *allowed) {
  int count = 0, correct = 0, number[SCENES_CLASSES] = {0};
  int *best = allocate((size_t)data->count, sizeof *best);
  real *some = allocate((size_t)SCENES_CLASSES * embed, sizeof *some);
  for (int k = 0; k < SCENES_CLASSES; k++)
    if (allowed[k]) {
      memcpy(some + (size_t)count * embed, classes + (size_t)k * embed,
             (size_t)embed * sizeof *some);
      number[count++] = k;
    }
  nearest(vectors, data->count, some, count, embed, best);
  for (int i = 0; i < data->count; i++) correct += number[best[i]] == data->labels[i];
  free(best), free(some);
  return (double)correct / data->count;
}

void dual_zeroshot(FILE *file, const DualRun *run, int templates, const char *name) {
  const Clip *clip = &run->contrastive.clip;
  const int embed = clip->config.embed;
  const Pairs *sets[] = {&run->seen, &run->held_out};
  static const char *const set_names[] = {"seen", "held_out"};
  bool all[SCENES_CLASSES], own[2][SCENES_CLASSES];
  real *classes = allocate((size_t)SCENES_CLASSES * embed, sizeof *classes);
  Tape *tape = tape_no_grad();
  for (int k = 0; k < SCENES_CLASSES; k++) {
    own[1][k] = scenes_held_out(k / SHAPES_KINDS, k % SHAPES_KINDS);
    own[0][k] = !own[1][k];
    all[k] = true;
  }
  zeroshot_classes(clip, tape, run->tokenizer, scenes_classes, SCENES_CLASSES, prompts,
                   templates, classes);
  for (int s = 0; s < 2; s++) {
    // Classify the single figures of this sort
    const Dataset *data = &sets[s]->pictures;
    real *vectors = allocate((size_t)data->count * embed, sizeof *vectors);
    embed_images(clip, tape, data, vectors);
    fprintf(file, "%s_%s\t%.4f\n", name, set_names[s],
            accuracy(vectors, embed, data, classes, own[s]));
    fprintf(file, "%s_%s_of_all\t%.4f\n", name, set_names[s],
            accuracy(vectors, embed, data, classes, all));
    free(vectors);
  }
  tape_free(tape), free(classes);
}

static double loss_in_batches(const DualRun *run, const PairEmbeddings *v, int N) {
  Tape *tape = tape_no_grad();
  Clip clip = run->contrastive.clip;
  double sum = 0;
  const int batches = v->count / N;
  clip.config.chunks = 0; /* there may be more of them than texts here */
  for (int b = 0; b < batches; b++) {
    tape_reset(tape, (RandomKey){0});
    const size_t from = (size_t)b * N * v->embed;
    Tensor *side[] = {tape_input(tape, "u", SHAPE(N, v->embed), v->image + from),
                      tape_input(tape, "v", SHAPE(N, v->embed), v->text + from)};
    sum += (double)clip_loss(tape, &clip, side[0], side[1], NULL, NULL)->value[0];
  }
  tape_free(tape);
  return sum / batches;
}

static bool write_batches(const DualRun *run, const char *folder,
                          const PairEmbeddings *v) {
  char path[PATH_MAX];
  FILE *file = path_join(path, folder, "batches.tsv") ? file_begin(path) : NULL;
  if (!file) return false;
  for (int N = 16; N <= 256 && N <= v->count; N *= 2)
    fprintf(file, "%d\t%.5f\t%.5f\n", N, loss_in_batches(run, v, N), log(N));
  return file_commit(file, path);
}

static void write_class_accuracy(FILE *file, const DualRun *run,
                                 const PairEmbeddings *v) {
  static const char *const template[] = {"a photo of a {}"};
  const Dataset *data = &run->test.pictures;
  const int K = data->classes;
  real *classes = allocate((size_t)K * v->embed, sizeof *classes);
  int *best = allocate((size_t)v->count, sizeof *best), correct = 0;
  Tape *tape = tape_no_grad();
  zeroshot_classes(&run->contrastive.clip, tape, run->tokenizer, data->class_names, K,
                   template, 1, classes);
  nearest(v->image, v->count, classes, K, v->embed, best);
  for (int i = 0; i < v->count; i++) correct += best[i] == data->labels[i];
  fprintf(file, "class_accuracy\t%.4f\n", (double)correct / v->count);
  tape_free(tape), free(classes), free(best);
}

// Gradients of both losses on the same batch
/* SHOWN times the gradients by the logits of so many test pairs, under the scale
   with which SigLIP begins. */
static bool write_pulls(const char *folder, const PairEmbeddings *v) {
  char path[PATH_MAX];
  real cosines[SHOWN * SHOWN];
  const int apart = v->count / SHOWN, E = v->embed;
  const double t = 10;
  Tensor *logits[2];
  FILE *file = path_join(path, folder, "pulls.tsv") ? file_begin(path) : NULL;
  if (!file) return false;
  Tape *tape = tape_new();
  // Make logits for both losses from the same cosines
  for (int i = 0; i < SHOWN * SHOWN; i++)
    cosines[i] = (real)vector_cosine(v->image + (size_t)(i / SHOWN * apart) * E,
                                     v->text + (size_t)(i % SHOWN * apart) * E, E);
  for (int k = 0; k < 2; k++) {
    logits[k] = tape_tensor(tape, "logits", SHAPE(SHOWN, SHOWN));
    logits[k]->requires_grad = true;
    for (int i = 0; i < SHOWN * SHOWN; i++)
      logits[k]->value[i] = (real)(t * (double)cosines[i] - (k ? log(SHOWN - 1) : 0));
  }
  Tensor *first = info_nce(tape, logits[0], INFO_NCE_HALF, NULL);
  Tensor *second = sigmoid_loss(tape, logits[1], NULL, SIGMOID_BY_ROWS, NULL);
  tape_backward(tape, add(tape, first, second));
  for (int i = 0; i < SHOWN * SHOWN; i++)
    fprintf(file, "%d\t%d\t%.6f\t%.6f\n", i / SHOWN, i % SHOWN,
            SHOWN * (double)logits[0]->grad[i], SHOWN * (double)logits[1]->grad[i]);
  tape_free(tape);
  return file_commit(file, path);
}

// The report of a run
void dual_single_figures(DualRun *run, int count, uint64_t seed) {
  scenes_make(&run->seen, count, 1000, SCENES_SEEN, seed + 1);
  scenes_make(&run->held_out, count, 1000, SCENES_HELD_OUT, seed + 2);
  dataset_normalize_with(&run->seen.pictures, run->train.pictures.mean,
                         run->train.pictures.std);
  dataset_normalize_with(&run->held_out.pictures, run->train.pictures.mean,
                         run->train.pictures.std);
}

bool dual_report(FILE *file, const DualRun *run, const char *folder,
                 TrainerResult result) {
  const Clip *clip = &run->contrastive.clip;
  double gap;
  PairEmbeddings v = vectors_of(run, &run->test);
  bool good = write_plane(folder, &v, &gap) && write_batches(run, folder, &v) &&
              write_answers(run, folder, &v) && write_pulls(folder, &v);
  // Write down what every run has
  fprintf(file, "batch_accuracy\t%.4f\nscale\t%.2f\ngap\t%.3f\n", result.metric,
          exp((double)clip->logit_scale->value[0]), gap);
  if (clip->logit_bias)
    fprintf(file, "last_bias\t%.3f\n", (double)clip->logit_bias->value[0]);
  fprintf(file, "tokens\t%d\ncaptions\t%d\n", tokenizer_size(run->tokenizer),
          pairs_captions(&run->train));
  pair_embeddings_recall(&v, "test", file);
  if (run->set == CAPTIONED_CIFAR10) write_class_accuracy(file, run, &v);
  pair_embeddings_free(&v);
  if (run->set == CAPTIONED_SCENES) {
    dual_zeroshot(file, run, 1, "single");
    dual_zeroshot(file, run, DUAL_PROMPTS, "ensemble");
  } else if (run->set != CAPTIONED_CIFAR10) {
    PairEmbeddings own = vectors_of(run, &run->train);
    pair_embeddings_recall(&own, "train", file);
    pair_embeddings_free(&own);
  }
  return good;
}
