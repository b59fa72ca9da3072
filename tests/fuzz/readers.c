/* Tangled from chapters/73-trust.nw: edit that, not this. */
#include "fuzz/readers.h"

#include <assert.h>
#include <math.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/options.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/cifar.h"
#include "data/emoji.h"
#include "data/idx.h"
#include "data/image.h"
#include "data/tokenizer.h"
#include "eval/encoders.h"
#include "train/checkpoint.h"
long readers_took, readers_refused;

// Files for readers
static char folder[256];

static const char *put(const char *name, const void *bytes, size_t count) {
  static char paths[4][512];
  static int next;
  char *path = paths[next++ % 4];
  if (!*folder) {
    const char *base = getenv("SCRATCH");
    snprintf(folder, sizeof folder, "%s/readers-XXXXXX", base ? base : "/tmp");
    if ((base && !folder_make(base)) || !mkdtemp(folder)) abort();
  }
  snprintf(path, sizeof paths[0], "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) abort();
  fail("%s", "");
  return path;
}
static const char *path_in_folder(const char *name) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void took(void) { readers_took++; }

static void refused(const char *name) {
  readers_refused++;
  if (strstr(fail_message(), name)) return;
  fprintf(stderr, "expected a sentence that names %s, found '%s'\n", name,
          fail_message());
  abort();
}

// Readers of pictures
static void look(const uint8_t *bytes, size_t count) {
  volatile uint8_t sum = 0;
  for (size_t i = 0; i < count; i++) sum = (uint8_t)(sum + bytes[i]);
}

static void read_image(const uint8_t *bytes, size_t count) {
  const char *path = put("picture", bytes, count);
  for (int channels = 0; channels <= 3; channels += channels ? 2 : 1) {
    Image image = {.width = -1};
    if (image_load(&image, path, channels)) {
      assert(image.width > 0 && image.width <= IMAGE_MAX_SIDE);
      assert(image.height > 0 && image.height <= IMAGE_MAX_SIDE);
      assert(channels ? image.channels == channels : image.channels % 2 == 1);
      look(image.pixels, (size_t)image.width * image.height * image.channels);
      image_free(&image);
      took();
    } else {
      assert(image.width == -1); /* untouched */
      refused(path);
    }
  }
}
static void sound(const Dataset *data) {
  assert(data->count > 0);
  look(data->pixels, (size_t)data->count * dataset_image_size(data));
  for (int i = 0; i < data->count; i++) assert(data->labels[i] < data->classes);
}
static void read_idx(const uint8_t *bytes, size_t count) {
  static const uint8_t pictures[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,
                                     1, 0, 0, 0, 2, 1, 2, 3, 4};
  static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
  bool first = count == 0 || bytes[0] % 2 == 0;
  if (count) bytes++, count--;
  const char *one = first ? put("pictures", bytes, count)
                          : put("pictures", pictures, sizeof pictures);
  const char *other = first ? put("labels", labels, sizeof labels)
                            : put("labels", bytes, count);
  Dataset data;
  if (idx_load(&data, one, other)) {
    sound(&data);
    took();
  } else {
    assert(!data.pixels && !data.labels);
    refused(folder);
  }
  dataset_free(&data);
}
static void read_cifar(const uint8_t *bytes, size_t count) {
  const char *path = put("data_batch_1.bin", bytes, count);
  Dataset data = {.classes = 10, .channels = 3, .height = 32, .width = 32};
  if (cifar10_add_batch(&data, path)) {
    sound(&data);
    took();
  } else {
    assert(data.count == 0);
    refused(path);
  }
  dataset_free(&data);
}

// Readers of text
static void read_labels(const uint8_t *bytes, size_t count) {
  const char *path = put("train_lables.json", bytes, count);
  uint8_t labels[4] = {0};
  Dataset data = {.count = 4, .classes = 10, .labels = labels};
  if (cifar10_read_labels(&data, path)) {
    for (int i = 0; i < 4; i++) assert(labels[i] < 10);
    took();
  } else {
    refused(path);
  }
}
static void read_emoji(const uint8_t *bytes, size_t count) {
  Pairs pairs;
  static bool drawn;
  put("emoji.json", bytes, count);
  if (!drawn) {
    Image sheet = image_new(3 * EMOJI_CELL, 2 * EMOJI_CELL, 3, 200);
    char path[512];
    snprintf(path, sizeof path, "%s/google-32.png", folder);
    drawn = image_save(&sheet, path);
    image_free(&sheet);
  }
  if (emoji_load(&pairs, folder, "google")) {
    assert(pairs.pictures.count > 0 && pairs.pictures.count <= 6);
    sound(&pairs.pictures);
    pairs_free(&pairs);
    took();
  } else {
    refused("emoji.json");
  }
}
static void read_merges(const uint8_t *bytes, size_t count) {
  static const char text[] = "a photo of 2 cats";
  const char *path = put("merges.txt", bytes, count);
  for (int most = 0; most <= 4; most += 4) {
    Tokenizer *t = tokenizer_load(path, most);
    if (!t) {
      refused(path);
      continue;
    }
    int ids[32], used = tokenizer_encode(t, text, strlen(text), ids, 32);
    char *back = tokenizer_decode(t, ids, used, NULL);
    assert(used >= 2 && ids[used - 1] == tokenizer_size(t) - 1);
    assert(!strcmp(back, text));
    free(back), tokenizer_free(t);
    took();
  }
}

// Readers of models
static int steps = 7, kind;
static double rate = 0.5;
static const char *data_folder = "data";
static Option options[] = {INT_OPTION("steps", steps, 1, 1000, "steps"),
                           NUMBER_OPTION("lr", rate, 0, 10, "learning rate"),
                           CHOICE_OPTION("kind", kind, "one|two|three", "kind"),
                           PATH_OPTION("data-dir", data_folder, "folder")};
static Program program = {"reader", "", "Reads.", options, 4};
static void reset_options(void) {
  steps = 7, kind = 0, rate = 0.5, data_folder = "data";
  for (int i = 0; i < program.count; i++) options[i].given = false;
}

static void check_options(void) {
  assert(steps >= 1 && steps <= 1000 && rate >= 0 && rate <= 10);
  assert(kind >= 0 && kind < 3);
}
static void read_checkpoint(const uint8_t *bytes, size_t count) {
  put("checkpoint.safetensors", bytes, count);
  Params *params = params_new();
  params_add(params, "w", SHAPE(2, 3), init_normal(1), PARAM_DECAYED);
  params_add(params, "b", SHAPE(3), init_constant(0), PARAM_PLAIN);
  params_fill(params, 1);
  Optimizer optimizer = optimizer_new(OPTIMIZER_ADAMW, params, 0.95, 0);
  Progress progress;
  reset_options();
  if (options_resume(folder, &program) &&
      checkpoint_load(folder, &optimizer, &progress)) {
    check_options();
    assert(progress.step >= 0);
    for (size_t i = 0; i < params->size; i++) assert(isfinite(params->value[i]));
    took();
  } else {
    refused("checkpoint.safetensors");
  }
  optimizer_free(&optimizer), params_free(params);
}
static void use_vit(const Vit *vit) {
  const VitConfig *c = &vit->config;
  if (vit_macs(c) > 1e6) return;
  Tape *tape = tape_no_grad();
  Tensor *image = tape_tensor(tape, "image", SHAPE(1, c->channels, c->image_size,
                                                   c->image_size));
  memset(image->value, 0, tensor_size(image) * sizeof(real));
  assert(tensor_size(vit_features(tape, vit, image)) == (size_t)c->width);
  tape_free(tape);
}
static void read_model(const uint8_t *bytes, size_t count) {
  LoadedVit vit;
  LoadedClip clip;
  LoadedVlm vlm;
  static const char merges[] = "#version: 0.2\np h\no t</w>\nph ot</w>\n";
  put("merges.txt", merges, strlen(merges));
  put("model.safetensors", bytes, count);
  if (vit_open(&vit, folder, true, 1)) {
    use_vit(&vit.vit);
    vit_close(&vit);
    took();
  } else {
    refused("model.safetensors");
  }
  fail("%s", "");
  if (clip_open(&clip, folder)) {
    use_vit(&clip.clip.visual);
    clip_close(&clip);
    took();
  } else {
    refused(folder);
  }
  fail("%s", "");
  if (vlm_open(&vlm, folder)) {
    use_vit(&vlm.vlm.visual);
    vlm_close(&vlm);
    took();
  } else {
    refused(folder);
  }
}
static void open_published(const char *path, const char *name) {
  Encoders e;
  const EncodersWish wish = {.texts = true};
  if (encoders_open(&e, path, (EncodersWish){0})) {
    use_vit(e.vit);
    encoders_close(&e);
    took();
  } else refused(name);
  fail("%s", "");
  if (encoders_open(&e, path, wish)) {
    encoders_close(&e);
    took();
  } else refused(folder);
}

static void read_published(const uint8_t *bytes, size_t count) {
  static const char merges[] = "#version: 0.2\np h\no t</w>\nph ot</w>\n";
  put("merges.txt", merges, strlen(merges));
  open_published(put("published.safetensors", bytes, count), "published.safetensors");
}

static void read_config(const uint8_t *bytes, size_t count) {
  static const char *const names[] = {"config.json", "open_clip_config.json",
                                      "preprocessor_config.json",
                                      "whole.safetensors.index.json"};
  static const char *const models[] = {"hf-vit", "clip", "timm"};
  const int which = count ? bytes[0] % 4 : 0;
  size_t size;
  char path[100], *model;
  snprintf(path, sizeof path, "tests/fixtures/published/%s/model.safetensors",
           models[count ? bytes[0] / 4 % 3 : 0]);
  model = file_read(path, &size);
  if (!model) abort();
  const char *whole = put("whole.safetensors", model, size);
  free(model);
  for (int i = 0; i < 4; i++) remove(path_in_folder(names[i]));
  const char *beside = put(names[which], bytes + (count > 0), count - (count > 0));
  open_published(which == 3 ? beside : whole, folder);
  for (int i = 0; i < 4; i++) remove(path_in_folder(names[i]));
}

// The reader of options
static jmp_buf exits;
static bool jumps;
void __wrap_exit(int status);
void __real_exit(int status) __attribute__((noreturn));

void __wrap_exit(int status) {
  if (jumps) longjmp(exits, status + 1);
  if (status && *folder) abort(); /* a reader may not end the program */
  __real_exit(status);
}
static void read_options(const uint8_t *bytes, size_t count) {
  char *words[34] = {(char[]){"reader"}}, *text = allocate(count + 1, 1);
  char *rest = text;
  volatile int n = 1; /* kept over the jump */
  memcpy(text, bytes, count);
  for (char *word; n < 32 && (word = strsep(&rest, "\n"));) words[n] = word, n++;
  reset_options();
  jumps = true;
  int status = setjmp(exits) - 1;
  if (status < 0) {
    int at = options_parse(&program, n, words);
    assert(at >= 1 && at <= n);
    check_options();
    took();
  } else {
    assert(status == 0 || status == 2);
    status ? readers_refused++ : readers_took++;
  }
  jumps = false;
  free(text);
}

// The table of readers
#define PACKED 4 * LIMIT_FREE, 4 * LIMIT_FACTOR
#define PICTURE 4L * IMAGE_MAX_BYTES + LIMIT_FREE, 4
#define PLAIN 4 << 20, 64
const Reader readers[] = {
    {"image", read_image, PICTURE},      {"idx", read_idx, PACKED},
    {"merges", read_merges, PACKED},     {"cifar", read_cifar, PLAIN},
    {"labels", read_labels, PLAIN},      {"emoji", read_emoji, PLAIN},
    {"checkpoint", read_checkpoint, PLAIN}, {"model", read_model, PLAIN},
    {"published", read_published, PLAIN}, {"config", read_config, PLAIN},
    {"options", read_options, PLAIN}};
const int reader_count = sizeof readers / sizeof *readers;
