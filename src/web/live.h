/* Tangled from chapters/67-web.nw: edit that, not this. */
#pragma once
#include <stdbool.h>

#if defined __wasm__
#define LIVE(name) __attribute__((export_name(#name)))
#else
#define LIVE(name) /* natively, for tests */
#endif

/* Memory for a page to write to, never freed; a file that stands there (see
   memory_file); the sentence about what went wrong last. */
LIVE(live_room) void *live_room(int bytes);
LIVE(live_file) void live_file(const char *path, const void *bytes, int count);
LIVE(live_error) const char *live_error(void);

/* The network of the MNIST run. `digit_see` looks at digit_pixels()[28 * 28], from 0
   to 1, and returns the class; its probabilities are then in digit_answer()[10], and in
   digit_weights()[depth][heads][T][T] who attends to whom. If `order` is not NULL,
   patch i is taken from place order[i]; without `positions` the position embedding is
   left out. */
LIVE(digit_open) bool digit_open(void);
LIVE(digit_pixels) float *digit_pixels(void);
LIVE(digit_see) int digit_see(const int *order, bool positions);
LIVE(digit_answer) float *digit_answer(void);
LIVE(digit_weights) float *digit_weights(void);

/* A scene: figure 0 or 1 is of this kind and colour (numbers as in shapes.h), centre
   and radius in pixels of 32; draw so many of them to scene_pixels()[32 * 32 * 3]. */
LIVE(scene_figure) void scene_figure(int i, int kind, int colour, double x, double y,
                                     double radius);
LIVE(scene_draw) void scene_draw(int count);
LIVE(scene_pixels) unsigned char *scene_pixels(void);

/* The dual encoders: 0 CLIP, 1 SigLIP. Encode the picture; then the logit of each text
   with it, and its tokens: how many, their symbols as one text with spaces between. */
LIVE(pair_open) bool pair_open(int which);
LIVE(pair_look) void pair_look(int which);
LIVE(pair_logit) double pair_logit(int which, const char *text);
LIVE(pair_cosine) double pair_cosine(void); /* of the last text */
LIVE(pair_tokens) const char *pair_tokens(int which, const char *text);

/* The autoencoder of the CIFAR-10 run. fill_pixels()[32 * 32 * 3] is a photograph,
   fill_hidden()[64] says which of its patches of 4 x 4 are not seen; they are filled in
   in fill_answer()[32 * 32 * 3]. At least one must be seen. */
LIVE(fill_open) bool fill_open(void);
LIVE(fill_pixels) unsigned char *fill_pixels(void);
LIVE(fill_hidden) unsigned char *fill_hidden(void);
LIVE(fill_answer) unsigned char *fill_answer(void);
LIVE(fill_in) void fill_in(void);

/* Both losses of N pairs of vectors in the plane. loss_vectors()[2][N][2] are pictures'
   and texts', of any length; they are made unit vectors. loss_numbers() becomes
   InfoNCE, the sigmoid loss, then [N][N] each: cosines, gradients of InfoNCE and of the
   sigmoid loss with respect to the logits t cos + b (InfoNCE has no b), and [2][N][2]
   each: their gradients with respect to the vectors given. */
enum { LIVE_PAIRS = 4 };
LIVE(loss_vectors) double *loss_vectors(void);
LIVE(loss_compute) void loss_compute(double t, double b);
LIVE(loss_numbers) double *loss_numbers(void);

/* A ViT learns the drawn shapes, as `train-vit --test 200 --width 32 --depth 2 --batch
   32 --lr 4e-3 --steps STEPS --seed SEED` does. A step returns its loss; the
   accuracy is that on the test pictures. train_pixels(i) is test picture i as
   [32 * 32 * 3], train_says(i) its probabilities, [8], in the order of shapes_kinds. */
LIVE(train_begin) void train_begin(int seed, int steps);
LIVE(train_step) double train_step(void);
LIVE(train_accuracy) double train_accuracy(void);
LIVE(train_pixels) const unsigned char *train_pixels(int i);
LIVE(train_says) float *train_says(int i);
