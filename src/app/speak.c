/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/speak.h"

#include <assert.h>
#include <string.h>

#include "app/contact_sheet.h"
#include "base/memory.h"

char *speak_words(const Tokenizer *tokenizer, const int *ids, int count) {
  size_t length;
  char *text = tokenizer_decode(tokenizer, ids, count, &length);
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] < ' ' || text[i] == 127) text[i] = '?';
  return text;
}

int speak_question(const Tokenizer *tokenizer, const char *question) {
  int *ids, n = tokenizer_split(tokenizer, question, strlen(question), &ids);
  free(ids);
  return n;
}

int speak_room(const Vlm *vlm) { return vlm_room(vlm) - 2; } /* start, and one word */

/* seen[M][N]: which patches an image token is made of, each row with a sum of one. */
static Tensor *patches_of_tokens(Tape *tape, const Vlm *vlm, const Tensor *weights) {
  const ConnectorConfig *c = &vlm->config.connector;
  const int M = connector_tokens(c), side = c->side, N = side * side;
  Tensor *seen = tape_tensor(tape, "seen", SHAPE(M, N));
  memset(seen->value, 0, tensor_size(seen) * sizeof(real));
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) {
      real *part = &seen->value[m * N + n];
      if (c->kind == CONNECTOR_POOLED) *part = 1 / (real)N;
      else if (c->kind == CONNECTOR_SHUFFLE)
        *part = n / side / 2 * (side / 2) + n % side / 2 == m ? (real)0.25 : 0;
      else if (c->kind == CONNECTOR_QUERIES)
        for (int h = 0; h < c->heads; h++)
          *part += weights->value[(m * c->heads + h) * N + n] / (real)c->heads;
      else *part = m == n;
    }
  return seen;
}

Spoken speak(Tape *tape, const Vlm *vlm, const Tokenizer *tokenizer, Tensor *image,
             const char *question, const Sampling *sampling, bool look) {
  Spoken s = {.probability = 1};
  Tensor *weights;
  int *ids, Q = tokenizer_split(tokenizer, question, strlen(question), &ids);
  assert(Q <= speak_room(vlm));
  Tensor *tokens = vlm_look(tape, vlm, image, &weights);
  vlm_answer(tape, vlm, tokens, 1, ids, Q, sampling, look && tokens, &s.answer);
  if (look && tokens) s.seen = patches_of_tokens(tape, vlm, weights);
  for (int i = 0; i < s.answer.count + s.answer.ended; i++)
    s.probability *= s.answer.probability[i];
  s.text = speak_words(tokenizer, s.answer.ids, s.answer.count);
  free(ids);
  return s;
}

/* How much attention each patch got, through the image tokens, the most being 1. */
static void attention_of_patches(real *map, const Spoken *s, int place) {
  const int M = s->seen->shape.size[0], N = s->seen->shape.size[1];
  real most = 0;
  for (int n = 0; n < N; n++) {
    map[n] = 0;
    for (int m = 0; m < M; m++)
      map[n] += s->answer.look[place * M + m] * s->seen->value[m * N + n];
    most = map[n] > most ? map[n] : most;
  }
  for (int n = 0; n < N && most > 0; n++) map[n] /= most;
}

enum { TILE = 96 };

Image speak_look(const Vlm *vlm, const Spoken *s, const Image *picture) {
  const int side = vlm->config.connector.side, P = vlm->config.image.patch_size;
  const int tiles = s->answer.count + 1 + s->answer.ended;
  Image sheet = sheet_new(1, tiles, greatest(TILE / picture->width, 1) * picture->width,
                          picture->channels);
  real *map = allocate((size_t)(side * side), sizeof *map);
  for (int i = 0; i < tiles; i++) {
    Image tile = image_new(picture->width, picture->height, picture->channels, 0);
    if (i) attention_of_patches(map, s, i - 1);
    for (int y = 0; y < tile.height; y++)
      for (int x = 0; x < tile.width * tile.channels; x++) {
        const int at = y * tile.width * tile.channels + x;
        const real share = i ? map[y / P * side + x / tile.channels / P] : 1;
        tile.pixels[at] = (uint8_t)(picture->pixels[at] * (1 + 4 * share) / 5);
      }
    sheet_put(&sheet, tile, 0, i, sheet.height - 2 * SHEET_GAP);
  }
  free(map);
  return sheet;
}
