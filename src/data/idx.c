/* Tangled from chapters/06-training.nw: edit that, not this. */
#include "data/idx.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/find.h"

enum { MAX_SIDE = 256, MAX_COUNT = 10000000 };

// Read an IDX file
static bool read_sizes(gzFile file, const char *path, int rank, int *sizes) {
  uint8_t head[16] = {0};
  int bytes = 4 + 4 * rank, got = gzread(file, head, (unsigned)bytes);
  if (got != bytes)
    return fail("%s: expected an IDX header of %d bytes, found %d", path, bytes,
                got < 0 ? 0 : got);
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

/* Read `count` bytes and then the end of the file. One byte more is asked for:
   only then does zlib check the sum at the end of compressed data. */
static bool read_exactly(gzFile file, uint8_t *data, size_t count, size_t *got) {
  int part = 1, state;
  for (*got = 0; part > 0 && *got <= count; *got += part > 0 ? (size_t)part : 0) {
    size_t left = count + 1 - *got;
    part = gzread(file, data + *got, (unsigned)(left < 1 << 30 ? left : 1 << 30));
  }
  gzerror(file, &state);
  return *got == count && state == Z_OK;
}

/* The data of an IDX file of the given rank, or NULL with a message. */
static uint8_t *read_idx(const char *path, int rank, int *sizes) {
  struct stat status;
  gzFile file = gzopen(path, "rb");
  if (!file) return fail("%s: cannot open: %s", path, strerror(errno)), NULL;
  uint8_t *data = NULL;
  if (read_sizes(file, path, rank, sizes)) {
    size_t count = 1, got = 0;
    for (int i = 0; i < rank; i++) count *= (size_t)sizes[i];
    size_t size = stat(path, &status) == 0 ? (size_t)status.st_size : 0;
    bool holds = gzdirect(file) ? count <= size : file_may_hold(size, count);
    if (holds) data = allocate(count + 1, 1);
    if (!data || !read_exactly(file, data, count, &got)) {
      fail("%s: expected %zu bytes of data after the header, found %s", path, count,
           got > count ? "more" : "fewer, or damaged ones");
      free(data);
      data = NULL;
    }
  }
  gzclose(file);
  return data;
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
  static const char *const folders[] =
      {"", "raw/", "../MNIST/raw/", "../MNIST/", "../", NULL};
  static const char *const images[] =
      {"train-images-idx3-ubyte", "train-images.idx3-ubyte",
                                       "t10k-images-idx3-ubyte",
                                       "t10k-images.idx3-ubyte"};
  static const char *const labels[] =
      {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte",
                                       "t10k-labels-idx1-ubyte",
                                       "t10k-labels.idx1-ubyte"};
  static const char *const endings[] = {".gz", "", NULL};
  char image_path[PATH_MAX], label_path[PATH_MAX];
  const int first = train ? 0 : 2;
  return data_find(image_path, folder, folders, images + first, 2, endings) &&
         data_find(label_path, folder, folders, labels + first, 2, endings) &&
         idx_load(data, image_path, label_path);
}
