/* Tangled from chapters/17-published.nw: edit that, not this. */
#ifndef SIGHT_H
#define SIGHT_H
#include <stdbool.h>

#define SIGHT_VERSION "1.0.0"
#if defined __GNUC__
#define SIGHT_API __attribute__((visibility("default")))
#else
#define SIGHT_API
#endif
#ifdef __cplusplus
extern "C" {
#endif

/* Two encoders with their tokenizer: a published CLIP, EVA-CLIP or SigLIP, as a
   safetensors file or a folder, or a run of train-clip or train-siglip. NULL if it cannot
   be opened: see sight_error. Close it when no call that uses it is under way; all other
   functions may be called by any number of threads at once, with the same model. */
typedef struct SightClip SightClip;
SIGHT_API SightClip *sight_clip_open(const char *path);
SIGHT_API void sight_clip_close(SightClip *clip); /* NULL: nothing to do */

/* How many numbers a vector has; the side of a picture as the model sees it; how many
   bytes a pixel has, 3 (red, green, blue) or 1 (grey). */
SIGHT_API int sight_clip_dim(const SightClip *clip);
SIGHT_API int sight_clip_image_size(const SightClip *clip);
SIGHT_API int sight_clip_channels(const SightClip *clip);

/* The unit vector[dim] of a PNG or JPEG file, of pixels[height][width][channels] from the
   top left, and of texts in UTF-8: vectors[count][dim]. False if it failed: see
   sight_error; vectors are then undefined. */
SIGHT_API bool sight_clip_encode_file(const SightClip *clip, const char *path,
                                      float *vector);
SIGHT_API bool sight_clip_encode_pixels(const SightClip *clip,
                                        const unsigned char *pixels, int width,
                                        int height, float *vector);
SIGHT_API bool sight_clip_encode_texts(const SightClip *clip, char *const *texts,
                                       int count, float *vectors);

/* scores[image_count][text_count]: of a CLIP the probability that of these texts it is
   this one, which sum to one for each picture; of a SigLIP the probability that this text
   and this picture belong together, whatever the others. */
SIGHT_API bool sight_clip_scores(const SightClip *clip, const float *images,
                                 int image_count, const float *texts, int text_count,
                                 float *scores);

/* What the last failure in this thread was about, one sentence; "1.0.0". */
SIGHT_API const char *sight_error(void);
SIGHT_API const char *sight_version(void);

#ifdef __cplusplus
}
#endif
#endif
