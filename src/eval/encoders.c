/* Tangled from chapters/68-library.nw: edit that, not this. */
#include "eval/encoders.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "data/pieces.h"
#include "tensor/layers.h"

// Find a published model's tokenizer
enum { CLIP_NAMES = 3 };

/* A file beside the model, or where data/fetch has put it: true if it is there. */
static bool find_merges(const char *model, char path[PATH_MAX]) {
  static const char *const names[CLIP_NAMES] = {
      "merges.txt", "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt"};
  for (int i = 0; i < CLIP_NAMES; i++)
    if (path_beside(path, model, names[i]) && access(path, F_OK) == 0) return true;
  snprintf(path, PATH_MAX, "data/clip/bpe_simple_vocab_16e6.txt");
  return access(path, F_OK) == 0;
}

static Tokenizer *find_tokenizer(const char *model, const TextConfig *c,
                                 const char *instead) {
  char path[PATH_MAX];
  const bool pieces = c->style == TEXT_SIGLIP;
  if (instead) {
    snprintf(path, sizeof path, "%s", instead);
  } else if (pieces) {
    if (!path_beside(path, model, "spiece.model")) return NULL;
  } else if (!find_merges(model, path))
    return fail("%s: expected CLIP's tokenizer beside it, merges.txt or "
                "bpe_simple_vocab_16e6.txt.gz, found neither: put one there (make data "
                "has fetched it to data/clip)", model), NULL;
  Tokenizer *t = pieces ? pieces_load(path)
                        : tokenizer_load(path, c->vocabulary - TOKENIZER_SYMBOLS - 2);
  const int tokens = t ? tokenizer_size(t) : 0; /* a table may have rows to spare */
  if (!t || tokens == c->vocabulary || (pieces && tokens < c->vocabulary)) return t;
  fail("%s: expected %s%d tokens, as the model has, found %d", path,
       pieces ? "at most " : "", c->vocabulary, tokens);
  tokenizer_free(t);
  return NULL;
}

// Open any model
static bool open_run(Encoders *e, const char *folder, bool two, EncodersWish wish) {
  e->family = "a run";
  if (wish.image_size || wish.tokenizer)
    return fail("--%s: expected none for a run, which has its own, found one",
                wish.image_size ? "image-size" : "tokenizer");
  if (two) {
    if (!clip_open(&e->run_clip, folder)) return false;
    e->clip = &e->run_clip.clip, e->vit = &e->clip->visual;
    e->tokenizer = e->run_clip.tokenizer;
    return true;
  }
  if (!vit_open_whole(&e->run, folder)) return false;
  e->vit = &e->run.vit;
  return true;
}

static bool open_published(Encoders *e, const char *path, EncodersWish wish) {
  Published *m = &e->model;
  if (!published_open(m, path, wish.image_size)) return false;
  e->published = true, e->family = m->family;
  e->clip = m->kind == PUBLISHED_CLIP ? &m->clip : NULL;
  e->vit = published_vit(m);
  if (!published_whole(m)) return false;
  if (e->clip && wish.texts)
    e->tokenizer = find_tokenizer(m->path, &e->clip->config.text, wish.tokenizer);
  return !(e->clip && wish.texts) || e->tokenizer;
}

/* All that linear layers multiply by: of names with .weight what is no vector and no
   table of tokens. */
static void pack_weights(const Params *params) {
  for (int i = 0; i < params->count; i++) {
    Tensor *t = params->list[i].tensor;
    const char *end = strrchr(t->name, '.');
    if (t->shape.rank < 2 || !end || strcmp(end, ".weight") != 0 ||
        strstr(t->name, "token_embedding")) continue;
    t->requires_grad = false;
    linear_keep_packed(t);
  }
}

bool encoders_open(Encoders *e, const char *path, EncodersWish wish) {
  bool two = false;
  *e = (Encoders){0};
  bool good = run_is(path, &two) ? open_run(e, path, two, wish)
                                 : open_published(e, path, wish);
  if (good && wish.texts && !e->clip)
    good = fail("%s: expected a model of two encoders, of pictures and of texts, found "
                "%s", path, e->family);
  if (good && wish.classes && !e->vit->config.classes)
    good = fail("%s: expected a model with a head that names classes, found none in %s",
                path, e->family);
  if (!good) {
    encoders_close(e);
    return false;
  }
  if (!wish.values) pack_weights(encoders_params(e));
  e->channels = e->vit->config.channels, e->side = e->vit->config.image_size;
  e->size = e->clip ? e->clip->config.embed : e->vit->config.width;
  return true;
}

void encoders_close(Encoders *e) {
  if (e->published && e->tokenizer) tokenizer_free(e->tokenizer);
  if (e->model.params) published_close(&e->model);
  if (e->run.params) vit_close(&e->run);
  if (e->run_clip.params) clip_close(&e->run_clip);
  *e = (Encoders){0};
}

// Prepare and encode a picture
const real *encoders_mean(const Encoders *e) {
  return e->published ? e->model.preparation.mean
         : e->clip ? e->run_clip.mean : e->run.mean;
}

const real *encoders_std(const Encoders *e) {
  return e->published ? e->model.preparation.std
         : e->clip ? e->run_clip.std : e->run.std;
}

const Params *encoders_params(const Encoders *e) {
  return e->published ? e->model.params : e->clip ? e->run_clip.params : e->run.params;
}

void encoders_pixels(const Encoders *e, const Image *image, real *planes) {
  assert(image->channels == e->channels);
  if (e->published) {
    prepare_image(&e->model.preparation, image, planes);
    return;
  }
  Image square = encoder_pixels(&e->vit->config, encoders_mean(e), encoders_std(e), image,
                                planes);
  image_free(&square);
}

bool encoders_read(const Encoders *e, const char *path, real *planes) {
  Image image;
  if (!(e->published && e->channels == 3 ? image_load_opaque(&image, path)
                                         : image_load(&image, path, e->channels)))
    return false;
  encoders_pixels(e, &image, planes);
  image_free(&image);
  return true;
}

/* In a block there are at most so many numbers for each token: the input, its norms, q, k
   and v, what is attended to, and the hidden layer twice or, if gated, three times. */
Tape *encoders_tape(const Encoders *e, int count) {
  const VitConfig *c = &e->vit->config;
  const size_t block = 10 * (size_t)c->width + 3 * (size_t)c->mlp;
  const size_t token = block + (size_t)c->depth * c->width;
  Tape *tape = tape_no_grad();
  arena_reserve(tape->arena, (size_t)count * e->vit->tokens * token * sizeof(real));
  return tape;
}

Tensor *encoders_image(Tape *tape, const Encoders *e, const real *planes, int count) {
  const Shape shape = SHAPE(count, e->channels, e->side, e->side);
  Tensor *x = tape_input(tape, "pictures", shape, planes);
  return e->clip ? clip_encode_image(tape, e->clip, x) : vit_features(tape, e->vit, x);
}
