/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/cifar.h"

#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/image.h"
#include "io/json_text.h"

enum { PIXELS_PER_PLANE = 32 * 32, SIZE = 3 * PIXELS_PER_PLANE, RECORD = 1 + SIZE,
      CLASSES = 10,
       MAX_LABELS = 1 << 20 /* bytes of the list */ };

static const char *const names[] = {"airplane", "automobile", "bird",  "cat",
                                    "deer",     "dog",        "frog",  "horse",
                                    "ship",     "truck"};

// Make room for more pictures
static void grow(Dataset *data, int more) {
  data->count += more;
  data->pixels = reallocate(data->pixels, (size_t)data->count * SIZE);
  data->labels = reallocate(data->labels, (size_t)data->count);
}

// Read a binary batch
bool cifar10_add_batch(Dataset *data, const char *path) {
  size_t bytes;
  uint8_t *file = (uint8_t *)file_read(path, &bytes);
  if (!file) return false;
  int first = data->count, count = (int)(bytes / RECORD);
  bool good = bytes > 0 && bytes % RECORD == 0;
  if (!good)
    fail("%s: expected records of %d bytes, found %zu bytes", path, RECORD, bytes);
  for (int i = 0; good && i < count; i++)
    if (file[(size_t)i * RECORD] >= CLASSES)
      good = fail("%s: expected labels below %d, found %d in record %d", path, CLASSES,
                  file[(size_t)i * RECORD], i);
  if (good) grow(data, count);
  for (int i = 0; good && i < count; i++) {
    const uint8_t *record = file + (size_t)i * RECORD;
    data->labels[first + i] = record[0];
    for (int pixel = 0; pixel < PIXELS_PER_PLANE; pixel++)
      for (int c = 0; c < 3; c++)
        data->pixels[((size_t)(first + i) * PIXELS_PER_PLANE + pixel) * 3 + c] =
            record[1 + c * PIXELS_PER_PLANE + pixel];
  }
  free(file);
  return good;
}

// Read a sheet and its labels
bool cifar10_add_sheet(Dataset *data, const char *path) {
  Image sheet;
  if (!image_load(&sheet, path, 3)) return false;
  int first = data->count;
  bool good = sheet.width == PIXELS_PER_PLANE;
  if (good) {
    grow(data, sheet.height);
    memcpy(data->pixels + (size_t)first * SIZE, sheet.pixels,
           (size_t)sheet.height * SIZE);
  } else {
    fail("%s: expected rows of %d pixels, found %d", path, PIXELS_PER_PLANE, sheet.width);
  }
  image_free(&sheet);
  return good;
}

bool cifar10_read_labels(Dataset *data, const char *path) {
  json_t *list = jsontext_read(path, "a list", MAX_LABELS, 0);
  if (!list) return false;
  bool good = json_is_array(list) && json_array_size(list) == (size_t)data->count;
  if (!good)
    fail("%s: expected a list of %d labels, found %zu", path, data->count,
         json_array_size(list));
  for (int i = 0; good && i < data->count; i++) {
    json_t *item = json_array_get(list, (size_t)i);
    json_int_t label = json_integer_value(item);
    if (!json_is_integer(item) || label < 0 || label >= CLASSES)
      good = fail("%s: expected labels from 0 to %d, found another at place %d", path,
                  CLASSES - 1, i);
    else data->labels[i] = (uint8_t)label;
  }
  json_decref(list);
  return good;
}

// Load all parts
typedef struct Part {
  Dataset data;
  bool good;
  char why[1024];
} Part;

/* Where the batches are, and whether they are the official binary ones. Those that are
   unpacked here are written before the test batch, so that decides. */
static bool find_parts(char found[PATH_MAX], const char *folder, bool *binary) {
  static const char *const folders[] = {"", "cifar-10-batches-bin/",
                                        "../cifar-10-batches-bin/", "../", NULL};
  static const char *const batches[] = {"test_batch", "data_batch_1"};
  static const char *const endings[] = {".bin", ".png", NULL};
  if (!data_find(found, folder, folders, batches, 2, endings)) return false;
  *binary = strcmp(strrchr(found, '.'), ".bin") == 0;
  *strrchr(found, '/') = 0;
  return true;
}

static void load_part(Part *part, const char *folder, bool train, int number,
                      bool binary) {
  char path[PATH_MAX], name[32];
  const char *ending = binary ? "bin" : "png";
  if (train) snprintf(name, sizeof name, "data_batch_%d.%s", number, ending);
  else snprintf(name, sizeof name, "test_batch.%s", ending);
  part->good = path_join(path, folder, name) &&
               (binary ? cifar10_add_batch(&part->data, path)
                       : cifar10_add_sheet(&part->data, path));
  if (!part->good) snprintf(part->why, sizeof part->why, "%s", fail_message());
}

static bool join_parts(Dataset *data, const Part *part, int parts) {
  int total = 0, at = 0;
  for (int i = 0; i < parts; total += part[i++].data.count)
    if (!part[i].good) return fail("%s", part[i].why);
  grow(data, total);
  for (int i = 0; i < parts; at += part[i++].data.count) {
    const Dataset *from = &part[i].data;
    memcpy(data->pixels + (size_t)at * SIZE, from->pixels, (size_t)from->count * SIZE);
    memcpy(data->labels + at, from->labels, (size_t)from->count);
  }
  return true;
}
bool cifar10_load(Dataset *data, const char *folder, bool train) {
  char path[PATH_MAX], found[PATH_MAX];
  Part part[5] = {{.good = false}};
  const int parts = train ? 5 : 1;
  *data = (Dataset){.classes = CLASSES, .channels = 3, .height = 32, .width = 32,
                    .class_names = names};
  bool binary;
  if (!find_parts(found, folder, &binary)) return false;
#pragma omp parallel for schedule(dynamic)
  for (int i = 0; i < parts; i++) {
    load_part(&part[i], found, train, i + 1, binary);
  }
  bool good = join_parts(data, part, parts);
  for (int i = 0; i < parts; i++) dataset_free(&part[i].data);
  if (good && !binary) {
    good = path_join(path, found, train ? "train_lables.json" : "test_lables.json") &&
           cifar10_read_labels(data, path);
  }
  if (good) dataset_measure(data);
  else dataset_free(data);
  return good;
}

// Write a binary batch
bool cifar10_save_batch(const Dataset *data, int first, int last, const char *path) {
  const size_t bytes = (size_t)(last - first) * RECORD;
  uint8_t *file = allocate(bytes, 1), *record = file;
  for (int i = first; i < last; i++, record += RECORD) {
    const uint8_t *pixels = dataset_image(data, i);
    record[0] = data->labels[i];
    for (int c = 0; c < 3; c++)
      for (int p = 0; p < PIXELS_PER_PLANE; p++)
        record[1 + c * PIXELS_PER_PLANE + p] = pixels[3 * p + c];
  }
  bool good = file_replace(path, file, bytes);
  free(file);
  return good;
}
