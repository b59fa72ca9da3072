/* Tangled from chapters/17-published.nw: edit that, not this. */
#include <sight.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: which MODEL IMAGE CAPTION...\n"), 2;
  SightClip *clip = sight_clip_open(argv[1]);
  if (!clip) return fprintf(stderr, "%s\n", sight_error()), 1;
  const int n = argc - 3, E = sight_clip_dim(clip);
  float *image = (float *)malloc(sizeof(float) * E);
  float *text = (float *)malloc(sizeof(float) * n * E);
  float *score = (float *)malloc(sizeof(float) * n);
  const bool good = sight_clip_encode_file(clip, argv[2], image) &&
                    sight_clip_encode_texts(clip, argv + 3, n, text) &&
                    sight_clip_scores(clip, image, 1, text, n, score);
  for (int i = 0; good && i < n; i++) printf("%.4f\t%s\n", score[i], argv[3 + i]);
  if (!good) fprintf(stderr, "%s\n", sight_error());
  free(image), free(text), free(score);
  sight_clip_close(clip);
  return !good;
}
