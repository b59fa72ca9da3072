/* Tangled from chapters/71-proof-two.nw: edit that, not this. */
#include "data/dataset.h"

#include "testing.h"

enum { H = 6, W = 6, C = 3, SIZE = H * W * C };

static void fill(uint8_t *picture, uint64_t seed) {
  for (uint64_t i = 0; i < SIZE; i++)
    picture[i] = (uint8_t)random_below(random_key(seed, "dots"), i, 256);
}

/* The pixel of `from` at column u, row v, or the fill. */
static int dot(const uint8_t *from, int u, int v, int c, int fill) {
  bool inside = u >= 0 && u < W && v >= 0 && v < H;
  return inside ? from[(v * W + u) * C + c] : fill;
}

START_TEST(shifts_and_mirrors_are_exact) {
  uint8_t from[SIZE], to[SIZE];
  fill(from, 1);
  for (int i = 0; i < 50; i++) {
    Warp warp = {i / 2 % 5 - 2, i / 10 - 2, i % 2, 0, 1};
    warp_picture(to, from, H, W, C, warp, 77);
    for (int k = 0; k < SIZE; k++) {
      int x = k / C % W, y = k / C / W, u = (warp.flip ? W - 1 - x : x) - warp.right;
      ck_assert_int_eq(to[k], dot(from, u, y - warp.down, k % C, 77));
    }
  }
}
END_TEST

// Turns and sizes
START_TEST(quarter_turns_are_exact) {
  uint8_t from[SIZE], to[SIZE];
  fill(from, 2);
  for (int turns = -1; turns <= 2; turns++) {
    warp_picture(to, from, H, W, C, (Warp){.rotation = 90 * turns, .scale = 1}, 0);
    for (int k = 0; k < SIZE; k++) {
      int u = k / C % W, v = k / C / W;
      for (int i = 0; i < (turns + 4) % 4; i++) { /* one turn back each time */
        int kept = u;
        u = v, v = W - 1 - kept;
      }
      ck_assert_int_eq(to[k], dot(from, u, v, k % C, 0));
    }
  }
}
END_TEST

/* A pixel one right of the middle goes to the lower right, as far away as before. */
START_TEST(an_eighth_of_a_turn_by_hand) {
  uint8_t from[25] = {0}, to[25];
  from[2 * 5 + 3] = 200;
  warp_picture(to, from, 5, 5, 1, (Warp){.rotation = 45, .scale = 1}, 0);
  ck_assert_int_eq(to[3 * 5 + 3], (int)(200 * (2 - sqrt(2)) + 0.5));
  ck_assert_int_eq(to[1 * 5 + 3], 0);
  warp_picture(to, from, 5, 5, 1, (Warp){.rotation = 45, .scale = 1, .flip = true}, 0);
  ck_assert_int_eq(to[3 * 5 + 1], (int)(200 * (2 - sqrt(2)) + 0.5));
}
END_TEST

/* Middle square of 2 x 2: doubled 4 x 4 with soft edges; of 4 x 4: halved 2 x 2. */
START_TEST(sizes_by_hand) {
  uint8_t from[64] = {0}, to[64];
  for (int i = 0; i < 4; i++) from[(3 + i / 2) * 8 + 3 + i % 2] = 160;
  warp_picture(to, from, 8, 8, 1, (Warp){.scale = 2}, 0);
  const int row[] = {0, 40, 120, 160, 160, 120, 40, 0};
  for (int i = 0; i < 8; i++) ck_assert_int_eq(to[3 * 8 + i], row[i]);
  ck_assert_int_eq(to[2 * 8 + 2], 90); /* 160 * (3/4)^2 */
  for (int i = 0; i < 16; i++) from[(2 + i / 4) * 8 + 2 + i % 4] = 160;
  warp_picture(to, from, 8, 8, 1, (Warp){.scale = 0.5}, 30);
  for (int i = 0; i < 64; i++) {
    bool inner = (i / 8 == 3 || i / 8 == 4) && (i % 8 == 3 || i % 8 == 4);
    bool outer = i / 8 < 2 || i / 8 > 5 || i % 8 < 2 || i % 8 > 5;
    ck_assert_int_eq(to[i], inner ? 160 : outer ? 30 : 0);
  }
}
END_TEST

// Colours
START_TEST(colours_by_hand) {
  uint8_t pixels[12] = {200, 100, 0, 10, 20, 30, 255, 255, 255, 0, 0, 0}, kept[12];
  memcpy(kept, pixels, 12);
  colour_jitter(pixels, 4, 3, 1, 1, 1);
  ck_assert_mem_eq(pixels, kept, 12);
  colour_jitter(pixels, 4, 3, 1.2, 1, 0.5);
  const uint8_t want[] = {180, 120, 60, 18, 24, 30, 255, 255, 255, 0, 0, 0};
  ck_assert_mem_eq(pixels, want, 12);
  uint8_t grey[2] = {100, 200};
  colour_jitter(grey, 2, 1, 1, 0.5, 3); /* one channel has nothing to saturate */
  ck_assert(grey[0] == 125 && grey[1] == 175);
  colour_jitter(grey, 2, 1, 1, 9, 1);
  ck_assert(grey[0] == 0 && grey[1] == 255);
}
END_TEST

// Augmented batches
enum { COUNT = 300 };

static void batch(real *images, Augment augment, int first, uint64_t seed) {
  static uint8_t pixels[COUNT][SIZE];
  int index[COUNT];
  Dataset data = {.count = COUNT, .channels = C, .height = H, .width = W,
                  .pixels = pixels[0], .std = {1, 1, 1}};
  for (int i = 0; i < COUNT; i++) {
    index[i] = (first + i) % COUNT;
    fill(pixels[i], (uint64_t)i / 2);
  }
  dataset_batch(&data, index, COUNT, augment, random_key(seed, "batch"), images, NULL);
}

START_TEST(both_ways_agree) {
  static real a[COUNT * SIZE], b[COUNT * SIZE], c[COUNT * SIZE];
  batch(a, (Augment){.shift = 2, .flip = true, .fill = 9}, 0, 1);
  batch(b, (Augment){.shift = 2, .flip = true, .fill = 9, .rotation = 1e-6}, 0, 1);
  ck_assert_mem_eq(a, b, sizeof a);
  batch(b, (Augment){.shift = 2, .flip = true, .fill = 9, .scale = 1}, 0, 1);
  ck_assert_mem_eq(a, b, sizeof a);
  batch(b, (Augment){.fill = 9}, 0, 1); /* nothing is done at all */
  batch(c, (Augment){.rotation = 1e-6, .scale = 1 + 1e-9}, 0, 2);
  ck_assert_mem_eq(b, c, sizeof b);
}
END_TEST

START_TEST(ground_moves_in) {
  uint8_t from[SIZE] = {0}, to[SIZE];
  warp_picture(to, from, H, W, C, (Warp){.scale = 0.5}, 255);
  ck_assert(to[0] == 255 && to[SIZE - 1] == 255 && to[(2 * W + 2) * C] == 0);
  warp_picture(to, from, H, W, C, (Warp){.rotation = 45, .scale = 1}, 255);
  ck_assert(to[0] > 150 && to[(2 * W + 2) * C] == 0 && to[2 * C] == 0);
}
END_TEST

// Moves are drawn
START_TEST(pictures_are_moved_for_themselves) {
  static real a[COUNT * SIZE], b[COUNT * SIZE];
  Augment augment = {.rotation = 20, .scale = 1.2, .colour = 0.3};
  batch(a, augment, 0, 1);
  batch(b, augment, 7, 1);
  for (int i = 7; i < COUNT; i++)
    ck_assert_mem_eq(a + i * SIZE, b + (i - 7) * SIZE, SIZE * sizeof(real));
  ck_assert_mem_ne(a, a + SIZE, SIZE * sizeof(real));
  batch(b, augment, 0, 2);
  ck_assert_mem_ne(a, b, SIZE * sizeof(real));
}
END_TEST

static double mean_after(Augment augment, double *spread) {
  static real a[COUNT * SIZE];
  double mean = 0, squares = 0;
  batch(a, augment, 0, 5);
  for (int i = 0; i < COUNT; i++) {
    double own = 0;
    for (int k = 0; k < SIZE; k++) own += (double)a[i * SIZE + k] / SIZE;
    mean += own / COUNT, squares += own * own / COUNT;
  }
  *spread = sqrt(squares - mean * mean);
  return mean;
}

START_TEST(all_sorts_of_moves_occur) {
  double plain, moved;
  double mean = mean_after((Augment){0}, &plain);
  ck_assert_double_eq_tol(mean_after((Augment){.colour = 0.3}, &moved), mean, 0.02);
  ck_assert(moved > 2 * plain); /* some brighter, some darker */
  ck_assert_double_eq_tol(mean_after((Augment){.rotation = 30, .fill = 128}, &moved),
                          mean, 0.01);
  ck_assert_double_eq_tol(mean_after((Augment){.scale = 1.5, .fill = 128}, &moved),
                          mean, 0.01);
  double larger = mean_after((Augment){.scale = 4}, &moved); /* black moves in */
  ck_assert(larger > 0.5 * mean && larger < 0.85 * mean);
}
END_TEST

START_TEST(turns_go_both_ways) {
  enum { SIDE = 9, TIMES = 400 };
  static uint8_t pixels[TIMES][SIDE * SIDE];
  static real planes[TIMES][SIDE * SIDE];
  int index[TIMES], up = 0, far = 0;
  Dataset data = {.count = TIMES, .channels = 1, .height = SIDE, .width = SIDE,
                  .pixels = pixels[0], .std = {1}};
  for (int i = 0; i < TIMES; i++) pixels[i][4 * SIDE + 8] = 255, index[i] = i;
  dataset_batch(&data, index, TIMES, (Augment){.rotation = 40}, random_key(1, "turn"),
                planes[0], NULL);
  for (int i = 0; i < TIMES; i++) {
    double mass = 0, sum = 0;
    for (int k = 0; k < SIDE * SIDE; k++)
      mass += (double)planes[i][k], sum += (double)planes[i][k] * (k / SIDE - 4);
    up += sum < 0;
    far += fabs(sum / mass) > 4 * 0.5; /* beyond 30 degrees: a quarter of them */
    ck_assert(fabs(sum / mass) < 4 * 0.643 + 0.4); /* sin 40, half a pixel of blur */
  }
  ck_assert_int_lt(abs(up - 200), 50);
  ck_assert_int_lt(abs(far - 100), 44);
}
END_TEST

TEST_MAIN("warp", shifts_and_mirrors_are_exact, quarter_turns_are_exact,
          an_eighth_of_a_turn_by_hand, sizes_by_hand, colours_by_hand, both_ways_agree,
          ground_moves_in, pictures_are_moved_for_themselves, all_sorts_of_moves_occur,
          turns_go_both_ways)
