/* Tangled from chapters/67-web.nw: edit that, not this. */
#include "web/live.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/scenes.h"
#include "models/mae.h"
#include "models/model_io.h"
#include "nn/image_batch.h"
#include "nn/patches.h"
#include "tasks/classify.h"
#include "tensor/layers.h"
#include "tensor/losses.h"
#include "tensor/sigmoid_loss.h"
#include "web/memory_files.h"

void *live_room(int bytes) { return allocate((size_t)bytes, 1); }

void live_file(const char *path, const void *bytes, int count) {
  memory_file(path, bytes, (size_t)count);
}

const char *live_error(void) { return fail_message(); }

/* The tape of all figures but training; nothing is kept from call to call. */
static Tape *clear_tape(void) {
  static Tape *tape;
  if (!tape) tape = tape_no_grad();
  tape_reset(tape, (RandomKey){0});
  return tape;
}

// Read a digit
enum { DIGIT = 28, DIGIT_WEIGHTS = 3 * 4 * 17 * 17 };
static Vit digits;
static real digit_mean, digit_std;
static float digit[DIGIT * DIGIT], digit_probability[10], looked[DIGIT_WEIGHTS];

bool digit_open(void) {
  LoadedVit encoder;
  if (!vit_open(&encoder, "vit-mnist", true, 0)) return false;
  VitConfig config = encoder.vit.config;
  Params *params = params_new();
  Safetensors *file = safetensors_read("vit-mnist/model.safetensors");
  config.classes = 10;
  digits = vit_declare(params, "", config);
  digit_mean = encoder.mean[0], digit_std = encoder.std[0];
  vit_close(&encoder);
  const size_t weights =
      (size_t)config.depth * config.heads * digits.tokens * digits.tokens;
  bool good = config.image_size == DIGIT && weights <= DIGIT_WEIGHTS &&
              parameters_match(file, params);
  params_fill(params, 1);
  if (good) parameters_load(file, params);
  safetensors_free(file);
  return good;
}

float *digit_pixels(void) { return digit; }
float *digit_answer(void) { return digit_probability; }
float *digit_weights(void) { return looked; }

int digit_see(const int *order, bool positions) {
  Tape *tape = clear_tape();
  Vit vit = digits;
  const int patches = vit.patches, P = vit.config.patch_size, side = DIGIT / P;
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, 1, DIGIT, DIGIT));
  Tensor **weights = tape_memory(tape, (size_t)vit.config.depth * sizeof *weights);
  for (int i = 0; i < patches * P * P; i++) {
    const int patch = i / (P * P), from = order ? order[patch] : patch;
    const int y = i / P % P, x = i % P;
    image->value[(patch / side * P + y) * DIGIT + patch % side * P + x] =
        ((real)digit[(from / side * P + y) * DIGIT + from % side * P + x] - digit_mean) /
        digit_std;
  }
  if (!positions) vit.pos_embed = NULL;
  Tensor *tokens = vit_encode(tape, &vit, vit_embed(tape, &vit, image), weights);
  Tensor *logits = vit_classify(tape, &vit, vit_pool(tape, &vit, tokens));
  const Tensor *p = softmax(tape, logits);
  for (int i = 0; i < 10; i++) digit_probability[i] = (float)p->value[i];
  for (int k = 0, at = 0; k < vit.config.depth; k++)
    for (size_t i = 0; i < tensor_size(weights[k]); i++)
      looked[at++] = (float)weights[k]->value[i];
  return largest_of_row(logits->value, 10);
}

// Score a caption
static Scene scene;
static unsigned char scene_picture[SHAPES_SIDE * SHAPES_SIDE * 3];
static LoadedClip pairs[2];
static real *seen[2];
static double last_cosine;

void scene_figure(int i, int kind, int colour, double x, double y, double radius) {
  scene.figures[i & 1] = (Figure){kind, colour, x, y, radius};
}

void scene_draw(int count) {
  Image image = shapes_draw(scene.figures, count, random_key(1, "page"));
  memcpy(scene_picture, image.pixels, sizeof scene_picture);
  image_free(&image);
}

unsigned char *scene_pixels(void) { return scene_picture; }

bool pair_open(int which) {
  if (!clip_open(&pairs[which], which ? "siglip-shapes" : "clip-shapes")) return false;
  seen[which] = allocate((size_t)pairs[which].clip.config.embed, sizeof(real));
  return true;
}

void pair_look(int which) {
  Tape *tape = clear_tape();
  const LoadedClip *p = &pairs[which];
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, 3, SHAPES_SIDE, SHAPES_SIDE));
  image_normalize(image->value, scene_picture, 3, SHAPES_SIDE, SHAPES_SIDE, p->mean,
                  p->std);
  memcpy(seen[which], clip_encode_image(tape, &p->clip, image)->value,
         (size_t)p->clip.config.embed * sizeof(real));
}

double pair_logit(int which, const char *text) {
  Tape *tape = clear_tape();
  const LoadedClip *p = &pairs[which];
  const int T = p->clip.config.text.context, E = p->clip.config.embed;
  int *ids = tape_memory(tape, (size_t)T * sizeof *ids);
  text_tokens(&p->clip.config.text, p->tokenizer, text, ids);
  Tensor *v = clip_encode_text(tape, &p->clip, ids, 1, T);
  Tensor *u = tape_input(tape, "u", SHAPE(1, E), seen[which]);
  last_cosine = 0;
  for (int i = 0; i < E; i++) last_cosine += (double)(u->value[i] * v->value[i]);
  return (double)clip_logits(tape, &p->clip, u, v)->value[0];
}

double pair_cosine(void) { return last_cosine; }

const char *pair_tokens(int which, const char *text) {
  static char list[512];
  int *ids, n = 0;
  const Tokenizer *t = pairs[which].tokenizer;
  const int count = tokenizer_split(t, text, strlen(text), &ids);
  for (int i = 0; i < count && n < (int)sizeof list - 32; i++)
    n += snprintf(list + n, sizeof list - (size_t)n, "%s%.30s", i ? " " : "",
                  tokenizer_symbol(t, ids[i]));
  list[n] = 0;
  free(ids);
  return list;
}

// Fill in a photograph
enum { PHOTO = 32, PHOTO_PATCH = 4, PHOTO_PATCHES = 64 };
static Mae mae;
static real photo_mean[3], photo_std[3];
static unsigned char photo[PHOTO * PHOTO * 3], filled[PHOTO * PHOTO * 3],
    hidden[PHOTO_PATCHES];

static int option_of(const Safetensors *file, const char *name) {
  char key[64];
  snprintf(key, sizeof key, "option.decoder-%s", name);
  const char *text = safetensors_metadata(file, key);
  return text ? atoi(text) : 0;
}

bool fill_open(void) {
  LoadedVit encoder;
  if (!vit_open(&encoder, "mae-cifar", true, 0)) return false;
  Params *params = params_new();
  Safetensors *file = safetensors_read("mae-cifar/model.safetensors");
  MaeConfig config = {.encoder = encoder.vit.config, .width = option_of(file, "width"),
                      .depth = option_of(file, "depth"),
                      .heads = option_of(file, "heads"), .normalize = true};
  config.mlp = 4 * config.width;
  memcpy(photo_mean, encoder.mean, sizeof photo_mean);
  memcpy(photo_std, encoder.std, sizeof photo_std);
  vit_close(&encoder);
  bool good = mae_check(&config);
  if (good) mae = mae_declare(params, config);
  good = good && mae.encoder.patches == PHOTO_PATCHES && parameters_match(file, params);
  params_fill(params, 1);
  if (good) parameters_load(file, params);
  safetensors_free(file);
  return good;
}

unsigned char *fill_pixels(void) { return photo; }
unsigned char *fill_hidden(void) { return hidden; }
unsigned char *fill_answer(void) { return filled; }

void fill_in(void) {
  Tape *tape = clear_tape();
  const int N = PHOTO_PATCHES, n = 3 * PHOTO_PATCH * PHOTO_PATCH;
  Masking mask = {1, N, 0, tape_memory(tape, (size_t)N * sizeof(int)),
                  tape_memory(tape, (size_t)N * sizeof(int))};
  for (int t = 0; t < N; t++) {
    mask.restore[t] = hidden[t] ? -1 : mask.kept;
    if (!hidden[t]) mask.keep[mask.kept++] = t;
  }
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, 3, PHOTO, PHOTO));
  image_normalize(image->value, photo, 3, PHOTO, PHOTO, photo_mean, photo_std);
  Tensor *truth = patch_tokens(tape, image, PHOTO_PATCH);
  Tensor *made = mae_decode(tape, &mae, mae_encode(tape, &mae, image, &mask), &mask);
  for (int t = 0; t < N; t++) {
    real *patch = made->value + t * n;
    if (hidden[t]) patch_denormalize(patch, truth->value + t * n, n);
    else memcpy(patch, truth->value + t * n, (size_t)n * sizeof *patch);
  }
  unpatchify(image->value, made->value, 3, PHOTO, PHOTO, PHOTO_PATCH);
  Image picture = image_from_planes(image->value, 3, PHOTO, PHOTO, photo_mean, photo_std);
  memcpy(filled, picture.pixels, sizeof filled);
  image_free(&picture);
}

// Compare both losses
enum { PAIRS = LIVE_PAIRS, MATRIX = PAIRS * PAIRS, SIDES = 2 * PAIRS * 2 };
static double given[SIDES], numbers[2 + 3 * MATRIX + 2 * SIDES];

double *loss_vectors(void) { return given; }
double *loss_numbers(void) { return numbers; }

void loss_compute(double t, double b) {
  double *cosines = numbers + 2, *gradients = cosines + MATRIX;
  for (int k = 0; k < 2; k++) {
    Tape *tape = tape_new();
    Tensor *side[2], *unit[2];
    for (int s = 0; s < 2; s++) {
      side[s] = tape_tensor(tape, "vectors", SHAPE(PAIRS, 2));
      side[s]->requires_grad = true;
      for (int i = 0; i < 2 * PAIRS; i++)
        side[s]->value[i] = (real)given[s * 2 * PAIRS + i];
      unit[s] = normalize(tape, side[s], 1e-8);
    }
    Tensor *cosine = linear(tape, unit[0], unit[1], NULL);
    Tensor *logits = scale_by(tape, cosine, t), *bias = tape_tensor(tape, "b", SHAPE(1));
    bias->value[0] = (real)b;
    if (k) logits = shift_by(tape, logits, bias);
    Tensor *loss = k ? sigmoid_loss(tape, logits, NULL, SIGMOID_BY_ROWS, NULL)
                     : info_nce(tape, logits, INFO_NCE_HALF, NULL);
    tape_backward(tape, loss);
    numbers[k] = (double)loss->value[0];
    for (int i = 0; i < MATRIX; i++) {
      cosines[i] = (double)cosine->value[i];
      gradients[k * MATRIX + i] = (double)logits->grad[i];
    }
    for (int i = 0; i < SIDES; i++)
      gradients[2 * MATRIX + k * SIDES + i] =
          (double)side[i / (2 * PAIRS)]->grad[i % (2 * PAIRS)];
    tape_free(tape);
  }
}

// Train in the page
enum { LEARNED = 6000, TESTED = 200, TRAIN_BATCH = 32 };
static Dataset learned, tested;
static Classify course;
static Task lesson;
static Params *pupil;
static Optimizer teacher;
static Shards *shards;
static int step_now, steps_in_all, first_seed;
static Predictions predicted;

void train_begin(int seed, int steps) {
  if (pupil) {
    classify_end(&course), optimizer_free(&teacher), shards_free(shards);
    params_free(pupil), dataset_free(&learned), dataset_free(&tested);
  }
  shapes_make(&learned, LEARNED, (uint64_t)seed); /* as the program draws them */
  shapes_make(&tested, 1000, (uint64_t)seed + 1000000007u);
  dataset_normalize_with(&tested, learned.mean, learned.std);
  tested.count = TESTED;
  pupil = params_new();
  course = (Classify){.train = &learned, .test = &tested, .seed = (uint64_t)seed,
                      .batch = TRAIN_BATCH};
  course.vit = vit_declare(pupil, "", (VitConfig){
      .image_size = SHAPES_SIDE, .channels = 3, .patch_size = 8, .width = 32, .depth = 2,
      .heads = 4, .mlp = 128, .classes = learned.classes, .position = POSITION_LEARNED,
      .eps = 1e-6});
  params_fill(pupil, (uint64_t)seed);
  lesson = classify_task(&course);
  teacher = optimizer_new(OPTIMIZER_ADAMW, pupil, 0.999, 0.05);
  shards = shards_new(pupil, 4, vit_micro_batch(&course.vit));
  step_now = 0, steps_in_all = steps, first_seed = seed;
}

double train_step(void) {
  const int warmup = least(LEARNED / TRAIN_BATCH / 2, steps_in_all / 2);
  double metric;
  if (step_now >= steps_in_all) return NAN;
  const int step = ++step_now;
  const RandomKey key = random_subkey(random_key((uint64_t)first_seed, "step"),
                                      (uint64_t)step);
  lesson.begin(&course, step - 1);
  const double loss = shards_gradient(shards, lesson.loss, &course, step - 1, TRAIN_BATCH,
                                      key, &metric);
  clip_gradients(pupil, 1);
  optimizer_update(&teacher, schedule_rate(step, steps_in_all, warmup, 4e-3, 0));
  return loss;
}

double train_accuracy(void) {
  predictions_free(&predicted);
  predicted = predictions_make(clear_tape(), &course.vit, &tested, TRAIN_BATCH);
  return (double)predicted.correct / TESTED;
}

const unsigned char *train_pixels(int i) { return dataset_image(&tested, i); }

float *train_says(int i) {
  static float p[SHAPES_KINDS];
  int label;
  Tape *tape = clear_tape();
  Tensor *image = image_batch(tape, &tested, &i, 1, (Augment){0}, (RandomKey){0}, &label);
  const Tensor *said = softmax(tape, vit_forward(tape, &course.vit, image));
  for (int k = 0; k < SHAPES_KINDS; k++) p[k] = (float)said->value[k];
  return p;
}
