/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include <unistd.h>

#include "app/contact_sheet.h"
#include "app/options.h"
#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/emoji.h"
#include "data/scenes.h"

enum { COLUMNS = 6, SIDE = 4 * 32 };

static int seed = 3;
static const char *out = "build/runs/captions", *data_dir = "data";

static Option options[] = {
    INT_OPTION("seed", seed, 0, 1e9, "seed of scenes, choice and augmentation"),
    TEXT_OPTION("data-dir", data_dir, "folder with emoji/"),
    TEXT_OPTION("out", out, "folder for the pictures and captions.tsv")};

static Program program = PROGRAM("captions", "", "Draw pictures with captions as PNG: "
                                 "scenes, emoji of both vendors, and emoji augmented.");

// Put pictures into a grid
static Image new_sheet(int rows) { return sheet_new(rows, COLUMNS, SIDE, 3); }

static bool save_sheet(Image *sheet, const char *name) {
  const bool good = image_save_in(out, name, sheet);
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
  Image sheet = new_sheet(1);
  scenes_make(&alone, COLUMNS, 1000, SCENES_SEEN, (uint64_t)seed);
  scenes_make(&two, COLUMNS, 0, SCENES_SEEN, (uint64_t)seed);
  for (int i = 0; i < COLUMNS; i++) {
    const Pairs *pairs = i < 2 ? &alone : &two;
    sheet_put(&sheet, sheet_picture(&pairs->pictures, i), 0, i, SIDE);
    list_captions(table, "scenes", pairs, i, i);
  }
  pairs_free(&alone), pairs_free(&two);
  return save_sheet(&sheet, "scenes");
}

// Show emoji
static bool show_vendors(FILE *table, const Pairs *google, const Pairs *twitter,
                         const int *order) {
  Image sheet = new_sheet(2);
  for (int i = 0; i < COLUMNS; i++) {
    sheet_put(&sheet, sheet_picture(&google->pictures, order[i]), 0, i, SIDE);
    sheet_put(&sheet, sheet_picture(&twitter->pictures, order[i]), 1, i, SIDE);
    list_captions(table, "emoji", google, order[i], i);
  }
  return save_sheet(&sheet, "emoji");
}

static bool show_augmented(const Dataset *pictures, const int *order) {
  Image sheet = new_sheet(3);
  static real planes[3 * 32 * 32];
  RandomKey key = random_key((uint64_t)seed, "augment");
  for (int i = 0; i < 3 * COLUMNS; i++) {
    dataset_batch(pictures, &order[i / COLUMNS], 1,
                  i % COLUMNS ? emoji_augment : (Augment){0},
                  random_subkey(key, (uint64_t)i), planes, NULL);
    sheet_put(&sheet, sheet_planes(pictures, planes), i / COLUMNS, i % COLUMNS, SIDE);
  }
  return save_sheet(&sheet, "augmented");
}

// Load emoji and show them
static bool show_emoji(FILE *table) {
  char folder[PATH_MAX], list[PATH_MAX];
  Pairs google = {.first = NULL}, twitter = {.first = NULL};
  if (!path_join(folder, data_dir, "emoji") || !path_join(list, folder, "emoji.json"))
    return false;
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
  pairs_free(&google), pairs_free(&twitter);
  return good;
}

// Show all kinds
static bool write_summary(void) {
  char path[PATH_MAX], text[128];
  if (!path_join(path, out, "summary.tsv")) return false;
  int length = snprintf(text, sizeof text, "concepts\t%d\ncaptions\t%d\n", concepts,
                        sentences);
  return file_replace(path, text, (size_t)length);
}

int main(int argc, char **argv) {
  if (!options_only(&program, argc, argv)) return program_failed(&program);
  char path[PATH_MAX];
  FILE *table = path_join(path, out, "captions.tsv") && folder_make(out)
                    ? file_begin(path) : NULL;
  if (!table) return program_failed(&program);
  if (!show_scenes(table) || !show_emoji(table)) {
    file_abandon(table, path);
    return program_failed(&program);
  }
  if (!file_commit(table, path) || !write_summary()) return program_failed(&program);
  printf("wrote %s\n", path);
  return 0;
}
