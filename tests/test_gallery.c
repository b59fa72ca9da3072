/* Tangled from chapters/70-proof-one.nw: edit that, not this. */
#include "app/gallery.h"

#include "data/shapes.h"
#include "tensor/losses.h"
#include "testing.h"

enum { COUNT = 90 };

typedef struct Fixture {
  Params *params;
  Vit vit;
  Dataset data;
  Predictions predicted;
} Fixture;

/* A network that has learned nothing, but has opinions. */
static Fixture fixture(int batch) {
  VitConfig config = {.image_size = 32, .channels = 3, .patch_size = 8, .width = 8,
                      .depth = 2, .heads = 2, .mlp = 16, .classes = SHAPES_KINDS,
                      .position = POSITION_SINCOS, .eps = 1e-6};
  Fixture f = {.params = params_new()};
  f.vit = vit_declare(f.params, "", config);
  params_fill(f.params, 1);
  for (int i = 0; i < 64; i++) f.vit.head.weight->value[i] = (real)sin(i);
  shapes_make(&f.data, COUNT, 5);
  Tape *tape = tape_no_grad();
  f.predicted = predictions_make(tape, &f.vit, &f.data, batch);
  tape_free(tape);
  return f;
}

static void done(Fixture *f) {
  predictions_free(&f->predicted);
  dataset_free(&f->data);
  params_free(f->params);
}
START_TEST(predictions_agree_with_the_loss) {
  Fixture a = fixture(7), b = fixture(200);
  int index[COUNT], labels[COUNT], correct;
  ck_assert_mem_eq(a.predicted.predicted, b.predicted.predicted, sizeof index);
  ck_assert_double_eq_tol(a.predicted.loss, b.predicted.loss, 1e-6);
  for (int i = 0; i < COUNT; i++) index[i] = i;
  Tape *tape = tape_new();
  Tensor *images = tape_tensor(tape, "images", SHAPE(COUNT, 3, 32, 32));
  dataset_batch(&a.data, index, COUNT, (Augment){0}, (RandomKey){0}, images->value,
                labels);
  Tensor *logits = vit_forward(tape, &a.vit, images);
  Tensor *loss = cross_entropy(tape, logits, labels, 0, &correct);
  ck_assert_double_eq_tol(loss->value[0], a.predicted.loss, 1e-5);
  ck_assert_int_eq(correct, a.predicted.correct);
  tape_free(tape);
  done(&a);
  done(&b);
}
END_TEST
/* Write the gallery and open one of its tables. */
static FILE *written(const Fixture *f, const char *name) {
  const char *folder = scratch_folder("gallery");
  ck_assert(gallery_write(folder, &f->vit, &f->data, &f->predicted));
  return fopen(scratch_path(folder, name), "r");
}

START_TEST(the_worst_mistakes_are_listed_in_order) {
  Fixture f = fixture(50);
  FILE *file = written(&f, "mistakes.tsv");
  char label[32], predicted[32];
  double p, before = 0;
  int listed = 0, worse = 0;
  for (; fscanf(file, "%31s %31s %lf", label, predicted, &p) == 3; listed++) {
    ck_assert(p >= before && strcmp(label, predicted) != 0);
    before = p;
  }
  fclose(file);
  ck_assert_int_eq(listed, 24);
  for (int i = 0; i < COUNT; i++)
    worse += f.predicted.predicted[i] != f.data.labels[i] &&
    exp(-f.predicted.losses[i]) < before - 1e-4;
  ck_assert_int_le(worse, 23);
  ck_assert_int_gt(COUNT - f.predicted.correct, 30);
  done(&f);
}
END_TEST

START_TEST(confusion_counts_every_picture) {
  Fixture f = fixture(50);
  FILE *file = written(&f, "confusion.tsv");
  int label, predicted, times, all = 0, right = 0;
  while (fscanf(file, "%d %d %d", &label, &predicted, &times) == 3) {
    all += times;
    right += label == predicted ? times : 0;
    for (int i = 0; i < COUNT; i++)
      times -= f.data.labels[i] == label && f.predicted.predicted[i] == predicted;
    ck_assert_int_eq(times, 0);
  }
  fclose(file);
  ck_assert_int_eq(all, COUNT);
  ck_assert_int_eq(right, f.predicted.correct);
  done(&f);
}
END_TEST
START_TEST(maps_are_white_where_they_must_be) {
  Fixture f = fixture(50);
  Image map = gallery_positions(&f.vit), attention = gallery_attention(&f.vit, &f.data);
  int step = 4 * 17 + 4; /* four patches of 17 pixels, and a gap of four */
  ck_assert_int_eq(map.width, 4 * step + 4);
  for (int i = 0; i < 16; i++) {
    int x = 4 + i % 4 * step + i % 4 * 17 + 8, y = 4 + i / 4 * step + i / 4 * 17 + 8;
    ck_assert_int_ge(map.pixels[y * map.width + x], 254);
  }
  ck_assert_int_eq(attention.width, 3 * 68 + 4); /* a picture and two blocks */
  ck_assert_int_eq(attention.height, SHAPES_KINDS * 68 + 4);
  int white = 0;
  for (int y = 4; y < 68; y++)
    for (int x = 72; x < 136; x++)
      white += attention.pixels[3 * (y * attention.width + x)] == 255;
  ck_assert_int_ge(white, 16 * 16);
  image_free(&map);
  image_free(&attention);
  done(&f);
}
END_TEST

TEST_MAIN("gallery", predictions_agree_with_the_loss,
          the_worst_mistakes_are_listed_in_order, confusion_counts_every_picture,
          maps_are_white_where_they_must_be)
