/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/eva_pictures.h"

#include <math.h>
#include <string.h>

#include "app/contact_sheet.h"
#include "kernels/dot.h"
#include "nn/image_batch.h"

enum { SHOWN = 6, ZOOM = 2 };

// Paint masks
static Tensor *one_image(Tape *tape, const Dataset *data, int index) {
  return image_batch(tape, data, &index, 1, (Augment){0}, (RandomKey){0}, NULL);
}

/* Paint the hidden patches of an image white. */
static void hide(real *planes, const Dataset *data, const int *restore, int P) {
  const int H = data->height, W = data->width;
  for (int i = 0; i < data->channels * H * W; i++) {
    const int c = i / (H * W), y = i / W % H, x = i % W;
    if (restore[y / P * (W / P) + x / P] < 0)
      planes[i] = (1 - data->mean[c]) / data->std[c];
  }
}

bool eva_write_masks(const char *folder, const MaskedPrediction *p) {
  const int P = p->eva.config.student.patch_size, side = p->test->height * ZOOM;
  Image sheet = sheet_new(2, SHOWN, side, 3);
  Tape *tape = tape_new();
  for (int i = 0; i < 2 * SHOWN; i++) {
    MaskedPrediction other = *p;
    other.masks = i < SHOWN ? MASKS_BLOCKS : MASKS_RANDOM;
    other.ratio = i < SHOWN ? 0.41 : 0.75;
    const int index = i % SHOWN % p->test->count;
    Tensor *image = one_image(tape, p->test, index);
    const Masking mask = masked_prediction_masks(tape, &other, &index, 1, 0);
    hide(image->value, p->test, mask.restore, P);
    sheet_put(&sheet, sheet_planes(p->test, image->value), i / SHOWN, i % SHOWN, side);
  }
  tape_free(tape);
  return image_save_in(folder, "masks", &sheet);
}

// Paint features
static int odd_patch(Tape *tape, Tensor *image, int P) {
  const real *x = patch_tokens(tape, image, P)->value;
  const int C = image->shape.size[1], side = image->shape.size[2] / P;
  const int N = side * side, n = P * P;
  double most = -1, *mean = tape_memory(tape, (size_t)(N + 1) * C * sizeof *mean);
  int odd = 0;
  memset(mean, 0, (size_t)(N + 1) * C * sizeof *mean);
  for (int i = 0; i < N * C * n; i++) {
    const int t = i / (C * n), c = i / n % C;
    mean[t * C + c] += (double)x[i] / n;
    mean[N * C + c] += (double)x[i] / (n * N);
  }
  for (int t = 0; t < N; t++) {
    double far = 0;
    for (int c = 0; c < C; c++) far += pow(mean[t * C + c] - mean[N * C + c], 2);
    if (far > most) most = far, odd = t;
  }
  return odd;
}

/* How like patch `odd` each patch's vector of x[1][N][n] is, as brightness. */
static Image likeness(const Tensor *x, int odd, int first) {
  const int n = tensor_last(x), N = tensor_rows(x) - first;
  const int side = (int)lround(sqrt(N));
  const real *vectors = x->value + (size_t)first * n;
  Image map = image_new(side, side, 1, 0);
  for (int t = 0; t < N; t++)
    map.pixels[t] = (uint8_t)(255 * fmax(0, vector_cosine(vectors + (size_t)odd * n,
                                                          vectors + (size_t)t * n, n)));
  return map;
}

/* Make the edge of a patch black. */
static void frame(real *planes, const Dataset *data, int patch, int P) {
  const int side = data->width / P, top = patch / side * P, left = patch % side * P;
  for (int i = 0; i < data->channels * P * P; i++) {
    const int c = i / (P * P), y = i / P % P, x = i % P;
    if (y == 0 || x == 0 || y == P - 1 || x == P - 1)
      planes[(c * data->height + top + y) * data->width + left + x] =
          -data->mean[c] / data->std[c];
  }
}

enum { ROW_PICTURES, ROW_TEACHER, ROW_BEFORE, ROW_AFTER, ROWS };

/* One row of the sheet; the student is shown as it is now. */
static void show_row(Image *sheet, const MaskedPrediction *p, int row) {
  const Vit *student = &p->eva.student;
  const int P = student->config.patch_size, side = p->test->height * ZOOM;
  Tape *tape = tape_no_grad();
  for (int i = 0; i < SHOWN; i++) {
    tape_reset(tape, (RandomKey){0});
    Tensor *image = one_image(tape, p->test, i % p->test->count), *x;
    const int odd = odd_patch(tape, image, P);
    if (row == ROW_TEACHER && p->teacher) {
      x = eva_teacher_features(tape, p->teacher, image);
      sheet_put(sheet, likeness(x, odd, 0), row, i, side);
    } else if (row >= ROW_BEFORE) {
      x = vit_encode(tape, student, vit_embed(tape, student, image), NULL);
      sheet_put(sheet, likeness(x, odd, 1), row, i, side);
    } else if (row == ROW_PICTURES) {
      frame(image->value, p->test, odd, P);
      sheet_put(sheet, sheet_planes(p->test, image->value), row, i, side);
    }
  }
  tape_free(tape);
}

Image eva_features_before(const MaskedPrediction *p) {
  Image sheet = sheet_new(ROWS, SHOWN, p->test->height * ZOOM, 3);
  for (int row = ROW_PICTURES; row <= ROW_BEFORE; row++) show_row(&sheet, p, row);
  return sheet;
}

bool eva_write_features(const char *folder, Image *sheet, const MaskedPrediction *p) {
  show_row(sheet, p, ROW_AFTER);
  const bool good = image_save_in(folder, "features", sheet);
  *sheet = (Image){0};
  return good;
}
