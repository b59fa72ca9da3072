/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "data/emoji.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "base/error.h"
#include "base/files.h"
#include "base/memory.h"
#include "data/image.h"
#include "io/json_text.h"

enum { MAX_BYTES = 1 << 24 };

static const char *const categories[EMOJI_CATEGORIES] = {
    "Activities",    "Animals & Nature",  "Food & Drink", "Objects",
    "People & Body", "Smileys & Emotion", "Symbols",      "Travel & Places"};

const Augment emoji_augment = {.shift = 2, .rotation = 8, .scale = 1.12, .colour = 0.15,
                               .fill = 255};

typedef struct Concept {
  char name[EMOJI_MAX_TEXT + 1];
  const json_t *item;
  int x, y; /* the cell */
  uint8_t category;
} Concept;

/* The list and the sheet, and where they came from. */
typedef struct Source {
  char list_path[PATH_MAX], sheet_path[PATH_MAX];
  json_t *list;
  Image sheet;
} Source;

// Read the list of emoji
static bool read_list(Source *source) {
  size_t items;
  const char *path = source->list_path;
  source->list = jsontext_read(path, "a list", MAX_BYTES, 0);
  if (!source->list) return false;
  items = json_array_size(source->list);
  if (!json_is_array(source->list) || items == 0 || items > EMOJI_MAX_ITEMS)
    return fail("%s: expected a list of 1 to %d items, found %zu", path,
                EMOJI_MAX_ITEMS, items);
  return true;
}

static bool read_sheet(Source *source) {
  Image *sheet = &source->sheet;
  if (!image_load(sheet, source->sheet_path, 3)) return false;
  if (sheet->width % EMOJI_CELL == 0 && sheet->height % EMOJI_CELL == 0) return true;
  return fail("%s: expected whole cells of %d pixels, found %d x %d", source->sheet_path,
              EMOJI_CELL, sheet->width, sheet->height);
}

// Read fields of an item
static bool fits(const json_t *text) {
  size_t length = json_string_length(text); /* 0 if it is no text */
  return length > 0 && length <= EMOJI_MAX_TEXT;
}

/* A field that must be text; NULL with a message if it is not. */
static const char *text_field(const Source *source, size_t place, const char *field) {
  const json_t *text = json_object_get(json_array_get(source->list, place), field);
  if (fits(text)) return json_string_value(text);
  fail("%s: expected \"%s\" of 1 to %d bytes in item %zu, found %s", source->list_path,
       field, EMOJI_MAX_TEXT, place, json_is_string(text) ? "another length" : "none");
  return NULL;
}

static bool flag_field(const Source *source, size_t place, const char *field,
                       bool *value) {
  const json_t *flag = json_object_get(json_array_get(source->list, place), field);
  *value = json_is_true(flag);
  if (json_is_boolean(flag)) return true;
  return fail("%s: expected \"%s\" true or false in item %zu, found neither",
              source->list_path, field, place);
}

static bool cell_field(const Source *source, size_t place, const char *field, int cells,
                       int *value) {
  const json_t *number = json_object_get(json_array_get(source->list, place), field);
  json_int_t found = json_is_integer(number) ? json_integer_value(number) : -1;
  *value = (int)found;
  if (found >= 0 && found < cells) return true;
  return fail("%s: expected \"%s\" from 0 to %d in item %zu, found %" JSON_INTEGER_FORMAT,
              source->list_path, field, cells - 1, place, found);
}

// Choose the concepts
/* Fill in a concept: 1, or 0 if the item is not wanted, or -1 with a message. */
static int read_concept(Concept *concept, const Source *source, size_t place) {
  bool google, twitter;
  const char *category = text_field(source, place, "category"), *name;
  if (!category || !flag_field(source, place, "has_img_google", &google) ||
      !flag_field(source, place, "has_img_twitter", &twitter))
    return -1;
  if (!google || !twitter || !strcmp(category, "Flags") || !strcmp(category, "Component"))
    return 0;
  // Find the number of its category
  while (concept->category < EMOJI_CATEGORIES &&
         strcmp(category, categories[concept->category]))
    concept->category++;
  if (concept->category == EMOJI_CATEGORIES)
    return fail("%s: expected a known \"category\" in item %zu, found \"%s\"",
                source->list_path, place, category) - 1;
  if (!(name = text_field(source, place, "name")) ||
      !text_field(source, place, "subcategory") ||
      !cell_field(source, place, "sheet_x", source->sheet.width / EMOJI_CELL,
                  &concept->x) ||
      !cell_field(source, place, "sheet_y", source->sheet.height / EMOJI_CELL,
                  &concept->y))
    return -1;
  concept->item = json_array_get(source->list, place);
  snprintf(concept->name, sizeof concept->name, "%s", name);
  return 1;
}

// Check the short names
static bool check_short_names(const Source *source, const json_t *item, size_t place) {
  const json_t *names = json_object_get(item, "short_names");
  size_t count = json_array_size(names); /* 0 if it is no list */
  bool good = count > 0 && count <= EMOJI_MAX_NAMES;
  for (size_t i = 0; good && i < count; i++) good = fits(json_array_get(names, i));
  return good || fail("%s: expected 1 to %d \"short_names\" of 1 to %d bytes in item "
                      "%zu, found others", source->list_path, EMOJI_MAX_NAMES,
                      EMOJI_MAX_TEXT, place);
}

// Choose all concepts
/* How many of the items are wanted and sound; 0 with a message. */
static int choose(Concept *concepts, const Source *source) {
  int count = 0, wanted = 0, columns = source->sheet.width / EMOJI_CELL;
  size_t cells = (size_t)columns * (size_t)(source->sheet.height / EMOJI_CELL);
  bool *taken = allocate(cells, sizeof *taken);
  for (size_t i = 0; wanted >= 0 && i < json_array_size(source->list); i++) {
    Concept *concept = &concepts[count];
    *concept = (Concept){.item = NULL};
    wanted = read_concept(concept, source, i);
    if (wanted <= 0) continue;
    bool *cell = &taken[concept->y * columns + concept->x];
    if (!check_short_names(source, concept->item, i)) wanted = -1;
    else if (*cell)
      wanted = fail("%s: expected a cell for each item, found (%d, %d) again in item %zu",
                    source->list_path, concept->x, concept->y, i) - 1;
    *cell = true;
    count++;
  }
  free(taken);
  if (wanted >= 0 && count == 0)
    fail("%s: expected items drawn by google and twitter, found none", source->list_path);
  return wanted < 0 ? 0 : count;
}

// Give each concept a name of its own
/* Copy text in lower case, with spaces for what `marks` lists and for control
   characters. */
static void copy_words(char *to, const char *text, const char *marks) {
  for (; *text; text++) {
    unsigned char letter = (unsigned char)*text;
    bool space = iscntrl(letter) || strchr(marks, letter);
    *to++ = space ? ' ' : (char)(letter < 128 ? tolower(letter) : letter);
  }
  *to = 0;
}

static const char *short_name(const Concept *concept, size_t i) {
  const json_t *names = json_object_get(concept->item, "short_names");
  return json_string_value(json_array_get(names, i));
}

static int by_name(const void *a, const void *b) {
  const Concept *const *one = a, *const *other = b;
  return strcmp((*one)->name, (*other)->name);
}

static Concept **sorted(Concept *concepts, int count) {
  Concept **order = allocate((size_t)count, sizeof *order);
  for (int i = 0; i < count; i++) order[i] = &concepts[i];
  qsort(order, (size_t)count, sizeof *order, by_name);
  return order;
}

static bool name_concepts(Concept *concepts, int count, const char *path) {
  for (int i = 0; i < count; i++) copy_words(concepts[i].name, concepts[i].name, "");
  Concept **order = sorted(concepts, count);
  for (int i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count && !by_name(&order[i], &order[end]);) end++;
    for (int k = i; end - i > 1 && k < end; k++)
      copy_words(order[k]->name, short_name(order[k], 0), "_-");
  }
  free(order);
  order = sorted(concepts, count);
  bool good = true;
  for (int i = 1; good && i < count; i++)
    if (!by_name(&order[i - 1], &order[i]))
      good = fail("%s: expected a name for each item, found two called \"%s\"", path,
                  order[i]->name);
  free(order);
  return good;
}

// Cut out pictures, add captions
static void add_captions(Pairs *pairs, int i, const Concept *concept) {
  char words[EMOJI_MAX_TEXT + 1], text[2 * EMOJI_MAX_TEXT + 32];
  const json_t *names = json_object_get(concept->item, "short_names");
  pairs_add(pairs, i, concept->name);
  for (size_t k = 0; k < json_array_size(names); k++) {
    copy_words(words, short_name(concept, k), "_-");
    if (strcmp(words, concept->name)) pairs_add(pairs, i, words);
  }
  snprintf(text, sizeof text, "an emoji of %s", concept->name);
  pairs_add(pairs, i, text);
  copy_words(words, json_string_value(json_object_get(concept->item, "subcategory")),
             "-");
  snprintf(text, sizeof text, "%s: %s", concept->name, words);
  pairs_add(pairs, i, text);
}

static void cut_out(uint8_t *to, const Image *sheet, const Concept *concept) {
  for (int y = 0; y < EMOJI_SIDE; y++) {
    int top = EMOJI_CELL * concept->y + 1 + y, left = EMOJI_CELL * concept->x + 1;
    memcpy(to + 3 * EMOJI_SIDE * y,
           sheet->pixels + 3 * ((size_t)top * (size_t)sheet->width + (size_t)left),
           3 * EMOJI_SIDE);
  }
}

// Load the emoji
static Pairs gather(const Concept *concepts, int count, const Image *sheet) {
  Dataset pictures = {.count = count, .classes = EMOJI_CATEGORIES, .channels = 3,
                      .height = EMOJI_SIDE, .width = EMOJI_SIDE,
                      .pixels = allocate((size_t)count, 3 * EMOJI_SIDE * EMOJI_SIDE),
                      .labels = allocate((size_t)count, 1),
                      .class_names = categories};
  for (int i = 0; i < count; i++) {
    cut_out(pictures.pixels + (size_t)i * dataset_image_size(&pictures), sheet,
            &concepts[i]);
    pictures.labels[i] = concepts[i].category;
  }
  dataset_measure(&pictures);
  Pairs pairs = pairs_new(pictures);
  for (int i = 0; i < count; i++) add_captions(&pairs, i, &concepts[i]);
  return pairs;
}

bool emoji_load(Pairs *pairs, const char *folder, const char *vendor) {
  Source source = {.list = NULL};
  Concept *concepts = NULL;
  int count = 0;
  assert(!strcmp(vendor, "google") || !strcmp(vendor, "twitter") ||
         !strcmp(vendor, "openmoji"));
  char sheet[32];
  snprintf(sheet, sizeof sheet, "%s-32.png", vendor);
  if (path_join(source.list_path, folder, "emoji.json") &&
      path_join(source.sheet_path, folder, sheet) && read_list(&source) &&
      read_sheet(&source)) {
    concepts = allocate(json_array_size(source.list), sizeof *concepts);
    count = choose(concepts, &source);
  }
  bool good = count > 0 && name_concepts(concepts, count, source.list_path);
  if (good) *pairs = gather(concepts, count, &source.sheet);
  free(concepts), image_free(&source.sheet);
  json_decref(source.list);
  return good;
}
