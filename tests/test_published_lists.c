/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#include "models/published.h"

#include <unistd.h>

#include "testing.h"

#include "base/error.h"

static char *table; /* the file of lists */

/* A published model, as its line has it. */
typedef struct Model {
  char name[80], family[40], type[8];
  int side, heads;
  long parameters;
  int value[26]; /* of letters */
} Model;

/* A header that is being written. */
typedef struct Header {
  char *text;
  size_t length, room, data; /* data: bytes of all tensors */
  long parameters, numbers;
  int extra; /* tensors that are no parameters */
} Header;

static int size_of(const Model *m, const char *text) {
  char *end;
  const long number = strtol(text, &end, 10);
  const int letter = *end >= 'A' && *end <= 'Z' ? m->value[*end - 'A'] : 1;
  ck_assert_msg(letter > 0, "%s: no letter %c", m->name, *end);
  return (int)(end == text ? 1 : number) * letter;
}

static int bits_of(const char *type) {
  return strcmp(type, "I64") == 0 ? 64 : strcmp(type, "F32") == 0 ? 32 : 16;
}

static void add_tensor(Header *h, const char *type, const char *name, const char *shape,
                       long count, bool parameter) {
  const size_t bytes = (size_t)count * (size_t)bits_of(type) / 8;
  if (h->length + 400 > h->room) h->text = realloc(h->text, h->room = 2 * h->room + 400);
  h->length += (size_t)snprintf(
      h->text + h->length, h->room - h->length,
      "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}",
      h->length ? "," : "{", name, type, shape, h->data, h->data + bytes);
  h->data += bytes, h->numbers += count;
  if (parameter) h->parameters += count;
  else h->extra++;
}

static void add_line(Header *h, const Model *m, const char *text, size_t length) {
  char line[160], shape[80] = "", *rest;
  snprintf(line, sizeof line, "%.*s", (int)length, text);
  char *type = strtok_r(line, " ", &rest), *name = strtok_r(NULL, " ", &rest);
  const char *star = strchr(name, '*');
  long count = 1;
  for (char *size; (size = strtok_r(NULL, " ", &rest)); count *= size_of(m, size))
    snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%d",
             *shape ? "," : "", size_of(m, size));
  const bool parameter = *type != '-';
  type += !parameter;
  const char *kind = strcmp(type, "H") == 0 ? m->type : type;
  for (int i = 0; i < (star ? m->value[star[1] - 'A'] : 1); i++)
    add_tensor(h, kind, star ? text_of("%.*s%d%s", (int)(star - name), name, i, star + 2)
                             : name, shape, count, parameter);
}

/* Add the lines of a family, and of the one that it includes; *title: what it is called
   when it is opened. */
static void add_family(Header *h, const Model *m, const char *family, char title[80]) {
  char other[40] = "";
  const size_t length = strlen(family);
  const char *line = strstr(table, "\nfamily ");
  for (; line; line = strstr(line + 1, "\nfamily "))
    if (strncmp(line + 8, family, length) == 0 && strchr(" +", line[8 + length])) break;
  ck_assert_msg(line != NULL, "no family %s", family);
  if (line[8 + length] == '+') sscanf(line + 9 + length, "%39s", other);
  if (title) sscanf(strchr(line + 8, ' ') + 1, "%79[^\n]", title);
  for (line = strchr(line + 1, '\n') + 1; *line != '\n'; line = strchr(line, '\n') + 1)
    add_line(h, m, line, strcspn(line, "\n"));
  if (*other) add_family(h, m, other, NULL);
}

static const char *read_model(const char *line, Model *m) {
  int used = 0;
  *m = (Model){0};
  ck_assert_int_eq(sscanf(line, "model %79s %39s %7s %d %d %ld%n", m->name, m->family,
                          m->type, &m->side, &m->heads, &m->parameters, &used), 6);
  char letter;
  int value, length;
  for (line += used; sscanf(line, " %c=%d%n", &letter, &value, &length) == 2;
       line += length) m->value[letter - 'A'] = value;
  return line;
}

static const char *write_hole(const Header *h) {
  const char *folder = scratch_folder("published-list");
  const char *path = scratch_path(folder, "model.safetensors");
  FILE *file = fopen(path, "wb");
  ck_assert(file != NULL);
  for (int i = 0; i < 8; i++) fputc((int)((h->length + 1) >> (8 * i) & 255), file);
  fprintf(file, "%s}", h->text);
  fclose(file);
  ck_assert_int_eq(truncate(path, (off_t)(9 + h->length + h->data)), 0);
  return path;
}

/* One pass of a grey picture, and of a text. */
static void pass(const Published *m) {
  Tape *tape = tape_no_grad();
  const Vit *vit = published_vit(m);
  const int S = vit->config.image_size;
  Tensor *x = tape_tensor(tape, "grey", SHAPE(1, 3, S, S)), *v = NULL, *y;
  for (size_t i = 0; i < tensor_size(x); i++) x->value[i] = (real)0.5;
  if (m->kind == PUBLISHED_CLIP) {
    const int T = m->clip.config.text.context;
    int *ids = calloc((size_t)T, sizeof *ids);
    y = clip_encode_image(tape, &m->clip, x);
    v = clip_encode_text(tape, &m->clip, ids, 1, T);
    free(ids);
    ck_assert_int_eq(tensor_size(v), m->clip.config.embed);
  } else if (m->kind == PUBLISHED_MAE) {
    Masking mask = masking_random(tape, 1, vit->patches, 0.75, random_key(1, "m"), NULL);
    y = mae_decode(tape, &m->mae, mae_encode(tape, &m->mae, x, &mask), &mask);
  } else y = vit->config.classes ? vit_forward(tape, vit, x) : vit_features(tape, vit, x);
  for (size_t i = 0; i < tensor_size(y); i++) ck_assert(y->value[i] == 0); /* as all */
  tape_free(tape);
}

#if defined __SANITIZE_ADDRESS__
enum { MOST = 200000000 }; /* parameters of what is opened: sanitized code is slow */
#else
enum { MOST = 1500000000 };
#endif

static void check_model(const Model *wanted) {
  Header h = {0};
  char title[80];
  Published m;
  add_family(&h, wanted, wanted->family, title);
  ck_assert_msg(h.parameters == wanted->parameters, "%s: %ld parameters in the list, %ld "
                "published", wanted->name, h.parameters, wanted->parameters);
  if (h.parameters < MOST) {
    ck_assert_msg(published_open(&m, write_hole(&h), 0), "%s", fail_message());
    ck_assert_str_eq(m.family, title);
    ck_assert_msg(params_count(m.params, false) == (size_t)wanted->parameters, "%s: %zu",
                  wanted->name, params_count(m.params, false));
    ck_assert_uint_eq(m.numbers, (size_t)h.numbers);
    ck_assert_int_eq(m.unused_count, h.extra);
    ck_assert(published_whole(&m));
    ck_assert_int_eq(m.preparation.size, wanted->side);
    ck_assert_int_eq(published_vit(&m)->config.heads, wanted->heads);
    pass(&m);
    published_close(&m);
  }
  free(h.text);
}

START_TEST(the_lists_of_published_models_are_whole) {
  size_t size;
  int models = 0;
  table = read_file("tests/fixtures/published_lists.txt", &size);
  for (const char *line = table; (line = strstr(line, "\nmodel ")); models++) {
    Model m;
    line = read_model(line + 1, &m);
    check_model(&m);
  }
  ck_assert_int_eq(models, 26);
  free(table);
}
END_TEST

TEST_MAIN("published lists", the_lists_of_published_models_are_whole)
