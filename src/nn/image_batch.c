/* Tangled from chapters/62-data.nw: edit that, not this. */
#include "nn/image_batch.h"

#include <assert.h>

#include "base/real.h"

Tensor *image_batch(Tape *tape, const Dataset *data, const int *index, int count,
                    Augment augment, RandomKey key, int *labels) {
  Tensor *images = tape_tensor(tape, "images", SHAPE(count, data->channels,
                                                     data->height, data->width));
  dataset_batch(data, index, count, augment, key, images->value, labels);
  return images;
}

ImageScan image_scan(const Dataset *data, int limit, int at_once) {
  assert(at_once > 0 && at_once <= SCAN_MOST);
  return (ImageScan){.data = data, .limit = least(limit, data->count),
                     .at_once = at_once};
}

bool image_scan_next(ImageScan *s, Tape *tape) {
  s->first += s->count;
  s->count = least(s->at_once, s->limit - s->first);
  if (s->count <= 0) return false;
  for (int i = 0; i < s->count; i++) s->index[i] = s->first + i;
  tape_reset(tape, (RandomKey){0});
  s->images = image_batch(tape, s->data, s->index, s->count, (Augment){0},
                          (RandomKey){0}, s->data->labels ? s->labels : NULL);
  return true;
}
