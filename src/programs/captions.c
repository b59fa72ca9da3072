/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/emoji.h"
#include "data/image.h"
#include "data/scenes.h"

enum { COLUMNS = 6, SCALE = 4, GAP = 12, STEP = 32 * SCALE + GAP };

static int seed = 3;
static const char *out = "build/runs/captions", *data_dir = "data";

static Option options[] = {
    {.name = "seed", .kind = OPTION_INT, .value = &seed, .low = 0, .high = 1e9,
     .help = "seed of scenes, choice and augmentation"},
    {.name = "data-dir", .kind = OPTION_TEXT, .value = &data_dir,
     .help = "folder with emoji/"},
    {.name = "out", .kind = OPTION_TEXT, .value = &out,
     .help = "folder for the pictures and captions.tsv"}};

static Program program = {"captions", "",
                          "Draw pictures with captions as PNG: scenes, emoji of both "
                          "vendors, and emoji augmented.",
                          options, sizeof options / sizeof *options};

// Put pictures into a grid
static Image grid_new(int rows) {
  return image_new(COLUMNS * STEP - GAP, rows * STEP - GAP, 3, 255);
}

static void grid_put(Image *grid, const uint8_t *pixels, int row, int column) {
  Image tile = image_new(32, 32, 3, 0);
  for (int i = 0; i < 32 * 32 * 3; i++) tile.pixels[i] = pixels[i];
  image_paste(grid, &tile, column * STEP, row * STEP, SCALE);
  image_free(&tile);
}

static bool grid_save(Image *grid, const char *name) {
  const bool good = image_save_in(out, name, grid);
  if (good) printf("wrote %s/%s.png\n", out, name);
  return good;
}

// Show scenes
static int concepts, sentences; /* of the emoji, for the book */

static void list_captions(FILE *table, const char *kind, const Pairs *pairs, int i,
                          int column) {
  for (int c = pairs->first[i]; c < pairs->first[i + 1]; c++)
    fprintf(table, "%s\t%d\t%s\n", kind, column, pairs->caption[c]);
}

static bool show_scenes(FILE *table) {
  Pairs alone, two;
  Image grid = grid_new(1);
  scenes_make(&alone, COLUMNS, 1000, SCENES_SEEN, (uint64_t)seed);
  scenes_make(&two, COLUMNS, 0, SCENES_SEEN, (uint64_t)seed);
  for (int i = 0; i < COLUMNS; i++) {
    const Pairs *pairs = i < 2 ? &alone : &two;
    grid_put(&grid, dataset_image(&pairs->pictures, i), 0, i);
    list_captions(table, "scenes", pairs, i, i);
  }
  pairs_free(&alone);
  pairs_free(&two);
  return grid_save(&grid, "scenes");
}

// Show emoji
static bool show_vendors(FILE *table, const Pairs *google, const Pairs *twitter,
                         const int *order) {
  Image grid = grid_new(2);
  for (int i = 0; i < COLUMNS; i++) {
    grid_put(&grid, dataset_image(&google->pictures, order[i]), 0, i);
    grid_put(&grid, dataset_image(&twitter->pictures, order[i]), 1, i);
    list_captions(table, "emoji", google, order[i], i);
  }
  return grid_save(&grid, "emoji");
}

static bool show_augmented(const Dataset *pictures, const int *order) {
  Image grid = grid_new(3);
  static real planes[3 * 32 * 32];
  RandomKey key = random_key((uint64_t)seed, "augment");
  for (int i = 0; i < 3 * COLUMNS; i++) {
    dataset_batch(pictures, &order[i / COLUMNS], 1,
                  i % COLUMNS ? emoji_augment : (Augment){0},
                  random_subkey(key, (uint64_t)i), planes, NULL);
    Image image = image_from_planes(planes, 3, 32, 32, pictures->mean,
                                    pictures->std);
    grid_put(&grid, image.pixels, i / COLUMNS, i % COLUMNS);
    image_free(&image);
  }
  return grid_save(&grid, "augmented");
}

// Load emoji and show them
static bool show_emoji(FILE *table) {
  char folder[1024], list[1100];
  Pairs google = {.first = NULL}, twitter = {.first = NULL};
  snprintf(folder, sizeof folder, "%s/emoji", data_dir);
  snprintf(list, sizeof list, "%s/emoji.json", folder);
  if (access(list, F_OK) != 0) {
    printf("no %s: make data fetches it; no emoji shown\n", list);
    return true;
  }
  bool good = emoji_load(&google, folder, "google") &&
              emoji_load(&twitter, folder, "twitter");
  if (good && google.pictures.count < COLUMNS)
    good = fail("%s: expected at least %d concepts, found %d", list, COLUMNS,
                google.pictures.count);
  if (good) {
    // Show some concepts chosen by lot
    int *order = allocate((size_t)google.pictures.count, sizeof *order);
    random_permutation(random_key((uint64_t)seed, "choice"), order,
                       google.pictures.count);
    good = show_vendors(table, &google, &twitter, order) &&
           show_augmented(&google.pictures, order);
    free(order);
    concepts = google.pictures.count;
    sentences = pairs_captions(&google);
  }
  pairs_free(&google);
  pairs_free(&twitter);
  return good;
}

// Show all kinds
static bool write_summary(void) {
  char path[1024], text[128];
  snprintf(path, sizeof path, "%s/summary.tsv", out);
  int length = snprintf(text, sizeof text, "concepts\t%d\ncaptions\t%d\n", concepts,
                        sentences);
  return file_replace(path, text, (size_t)length);
}

int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  char path[1024];
  snprintf(path, sizeof path, "%s/captions.tsv", out);
  FILE *table = folder_make(out) ? file_begin(path) : NULL;
  if (!table) return program_failed(&program);
  if (!show_scenes(table) || !show_emoji(table)) {
    file_abandon(table, path);
    return program_failed(&program);
  }
  if (!file_commit(table, path) || !write_summary()) return program_failed(&program);
  printf("wrote %s\n", path);
  return 0;
}
