/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/idx.h"

#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"

enum { MAX_SIDE = 256, MAX_COUNT = 10000000, MAX_BYTES = INT_MAX };

// Read an IDX file
static bool read_sizes(const uint8_t *head, size_t bytes, const char *path, int rank,
                       int *sizes) {
  if (bytes < 4 + 4 * (size_t)rank)
    return fail("%s: expected an IDX header of %d bytes, found %zu", path, 4 + 4 * rank,
                bytes);
  if (head[0] || head[1] || head[2] != 8 || head[3] != rank)
    return fail("%s: expected the magic number 0000080%d, found %02x%02x%02x%02x",
                path, rank, head[0], head[1], head[2], head[3]);
  for (int i = 0; i < rank; i++) {
    const uint8_t *b = head + 4 + 4 * i;
    uint32_t size = (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    uint32_t limit = i ? MAX_SIDE : MAX_COUNT;
    if (size == 0 || size > limit)
      return fail("%s: expected a size from 1 to %u in the header, found %u", path,
                  limit, size);
    sizes[i] = (int)size;
  }
  return true;
}

/* The data of an IDX file of the given rank, or NULL with a message. */
static uint8_t *read_idx(const char *path, int rank, int *sizes) {
  size_t bytes, count = 1, head = 4 + 4 * (size_t)rank;
  uint8_t *data = (uint8_t *)file_unpack(path, MAX_BYTES, &bytes);
  if (!data) return NULL;
  bool good = read_sizes(data, bytes, path, rank, sizes);
  for (int i = 0; good && i < rank; i++) count *= (size_t)sizes[i];
  if (good && bytes - head != count)
    good = fail("%s: expected %zu bytes of data after the header, found %s", path, count,
                bytes - head > count ? "more" : "fewer");
  if (good) return memmove(data, data + head, count);
  free(data);
  return NULL;
}

// Load a pair
static const char *const digits[] = {"0", "1", "2", "3", "4",
                                     "5", "6", "7", "8", "9"};

bool idx_load(Dataset *data, const char *images, const char *labels) {
  int sizes[3] = {0}, count = 0;
  *data = (Dataset){.classes = 10, .channels = 1, .class_names = digits};
  data->pixels = read_idx(images, 3, sizes);
  data->labels = data->pixels ? read_idx(labels, 1, &count) : NULL;
  bool good = data->labels != NULL;
  if (good && count != sizes[0])
    good = fail("%s: expected %d labels, one per picture, found %d", labels, sizes[0],
                count);
  for (int i = 0; good && i < count; i++)
    if (data->labels[i] >= data->classes)
      good = fail("%s: expected labels below %d, found %d at place %d", labels,
                  data->classes, data->labels[i], i);
  if (!good) {
    dataset_free(data);
    return false;
  }
  data->count = count;
  data->height = sizes[1];
  data->width = sizes[2];
  dataset_measure(data);
  return true;
}

// Find MNIST in a folder
bool mnist_load(Dataset *data, const char *folder, bool train) {
  static const char *const folders[] = {"", "raw/", "../MNIST/raw/", "../MNIST/", "../",
                                        NULL};
  static const char *const images[] = {
      "train-images-idx3-ubyte", "train-images.idx3-ubyte", "t10k-images-idx3-ubyte",
      "t10k-images.idx3-ubyte"};
  static const char *const labels[] = {
      "train-labels-idx1-ubyte", "train-labels.idx1-ubyte", "t10k-labels-idx1-ubyte",
      "t10k-labels.idx1-ubyte"};
  static const char *const endings[] = {".gz", "", NULL};
  char image_path[PATH_MAX], label_path[PATH_MAX];
  const int first = train ? 0 : 2;
  return data_find(image_path, folder, folders, images + first, 2, endings) &&
         data_find(label_path, folder, folders, labels + first, 2, endings) &&
         idx_load(data, image_path, label_path);
}
