/* Tangled from chapters/13-language.nw: edit that, not this. */
// Probabilities of tokens
#include "models/generate.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/losses.h"

typedef struct Candidate {
  int token;
  double probability;
} Candidate;

static int by_probability(const void *a, const void *b) {
  const Candidate *x = a, *y = b;
  if (x->probability != y->probability) return x->probability < y->probability ? 1 : -1;
  return x->token - y->token;
}

/* Softmax of logits / temperature, in double. */
static void probabilities(Candidate *c, const real *logits, int V, double temperature) {
  const double largest = (double)logits[largest_of_row(logits, V)];
  double sum = 0;
  for (int i = 0; i < V; i++) {
    c[i] = (Candidate){i, exp(((double)logits[i] - largest) / temperature)};
    sum += c[i].probability;
  }
  for (int i = 0; i < V; i++) c[i].probability /= sum;
}

/* Draw one of the likeliest that have top_p together. */
static int draw(Candidate *c, int V, double top_p, double u) {
  double sum = 0, below = 0;
  int kept = 0;
  qsort(c, (size_t)V, sizeof *c, by_probability);
  while (kept < V && sum < top_p) sum += c[kept++].probability;
  for (int i = 0; i < kept - 1; i++)
    if ((below += c[i].probability) > u * sum) return c[i].token;
  return c[kept - 1].token;
}

const Sampling sampling_greedy = {.temperature = 0, .top_p = 1};

int choose_token(const real *logits, int V, const Sampling *s, int place,
                 double *probability) {
  Candidate *c = allocate((size_t)V, sizeof *c);
  int token = largest_of_row(logits, V);
  if (s->temperature > 0) {
    probabilities(c, logits, V, s->temperature);
    token = draw(c, V, s->top_p, random_uniform(s->key, (uint64_t)place));
  }
  probabilities(c, logits, V, 1);
  *probability = c[token].probability;
  free(c);
  return token;
}

/* Mean over blocks and heads of the weights [B][H][1][all] that the newest token of
   image b gives to the M image tokens. */
static void look_at_image(real *look, Tensor *const *weights, int depth, int b, int M) {
  memset(look, 0, (size_t)M * sizeof *look);
  for (int i = 0; i < depth; i++) {
    const int H = weights[i]->shape.size[1], all = weights[i]->shape.size[3];
    for (int h = 0; h < H; h++)
      for (int m = 0; m < M; m++)
        look[m] += weights[i]->value[((size_t)b * H + h) * all + m] / (real)(depth * H);
  }
}

/* A batch that is being answered. */
typedef struct Session {
  const Vlm *vlm;
  VlmCache cache;
  Tensor **weights; /* [depth], or NULL */
  int B, M, *newest; /* [B]: the token of each image that is read next */
} Session;

static void begin_answers(Tape *tape, const Session *s, int room, bool look,
                          Answer *answers) {
  for (int b = 0; b < s->B; b++) {
    s->newest[b] = s->vlm->config.language.vocabulary - 2; /* start */
    answers[b] = (Answer){
        .ids = tape_memory(tape, (size_t)room * sizeof(int)),
        .probability = tape_memory(tape, ((size_t)room + 1) * sizeof(double))};
    if (look)
      answers[b].look = tape_memory(tape, ((size_t)room + 1) * s->M * sizeof(real));
  }
}

// Answer one token
/* Read the newest token of each image, and choose the one after it. */
static void answer_one_token(Tape *tape, Session *s, int place, const Sampling *sampling,
                             Answer *answers) {
  const int V = s->vlm->config.language.vocabulary;
  Tensor *x = vlm_read(tape, s->vlm, NULL, s->newest, s->B, 1,
                       (VlmCall){.cache = &s->cache, .weights = s->weights});
  Tensor *logits = vlm_logits(tape, s->vlm, x);
  for (int b = 0; b < s->B; b++) {
    Answer *a = &answers[b];
    Sampling own = *sampling;
    if (a->ended) continue;
    own.key = random_subkey(sampling->key, (uint64_t)b);
    const int token = choose_token(logits->value + (size_t)b * V, V, &own, place,
                                   &a->probability[place]);
    if (a->look)
      look_at_image(a->look + (size_t)place * s->M, s->weights,
                    s->vlm->config.language.depth, b, s->M);
    if (token == V - 1) a->ended = true;
    else a->ids[a->count++] = s->newest[b] = token;
  }
}

static bool all_ended(const Answer *answers, int B) {
  bool ended = true;
  for (int b = 0; b < B; b++) ended &= answers[b].ended;
  return ended;
}

void vlm_answer(Tape *tape, const Vlm *vlm, Tensor *image, int B, const int *question,
                int Q, const Sampling *sampling, bool look, Answer *answers) {
  const TextConfig *c = &vlm->config.language;
  Session s = {.vlm = vlm, .cache = vlm_cache(tape, vlm, B), .B = B,
               .M = image ? image->shape.size[1] : 0,
               .newest = tape_memory(tape, (size_t)B * sizeof(int))};
  const int room = c->context - s.M - Q; /* the start takes one of them */
  int *questions = tape_memory(tape, (size_t)(B * Q + 1) * sizeof *questions);
  int *lengths = tape_memory(tape, (size_t)B * sizeof *lengths);
  assert(room > 0 && !tape->recording);
  for (int b = 0; b < B; b++) {
    lengths[b] = Q;
    for (int t = 0; t < Q; t++) questions[b * Q + t] = question[t];
  }
  if (s.M + Q > 0)
    vlm_read(tape, vlm, image, questions, B, Q,
             (VlmCall){.question = lengths, .cache = &s.cache});
  if (look) s.weights = tape_memory(tape, (size_t)c->depth * sizeof *s.weights);
  begin_answers(tape, &s, room, look, answers);
  for (int place = 0; place < room && !all_ended(answers, B); place++)
    answer_one_token(tape, &s, place, sampling, answers);
}
