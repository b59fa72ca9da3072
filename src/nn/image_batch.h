/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "tensor/tape.h"

/* Pictures index[0..count-1] as a tensor [count][C][H][W] (see dataset_batch), and
   their labels unless that is NULL. */
Tensor *image_batch(Tape *tape, const Dataset *data, const int *index, int count,
                    Augment augment, RandomKey key, int *labels);

enum { SCAN_MOST = 200 };

/* The first `limit` pictures of a data set, `at_once` of them at a time:
     ImageScan scan = image_scan(data, limit, at_once);
     while (image_scan_next(&scan, tape)) ...
   Each step resets the tape and puts the next pictures on it, not augmented. */
typedef struct ImageScan {
  const Dataset *data;
  int limit, at_once;
  int first, count;      /* now: pictures first .. first + count - 1 */
  int index[SCAN_MOST], labels[SCAN_MOST]; /* of these; labels of 0 if there are none */
  Tensor *images;        /* [count][C][H][W] */
} ImageScan;

ImageScan image_scan(const Dataset *data, int limit, int at_once);
bool image_scan_next(ImageScan *scan, Tape *tape);
