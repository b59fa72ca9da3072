/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"
#include "data/image.h"
#include "eval/predictions.h"
#include "models/vit.h"

/* Pictures [classes][8] of the first eight examples of each class. */
Image gallery_examples(const Dataset *data);

/* The first 64 filters of the patch projection, each stretched to its range. */
Image gallery_filters(const Vit *vit);

/* For each patch a map of the cosine between its position vector and those of
   all patches: white 1, black -1. An empty image if there are no positions. */
Image gallery_positions(const Vit *vit);

/* A row per class: its first picture, then for each block the attention that
   CLS (or, without CLS, the mean over tokens) pays to each patch, mean of the
   heads, white the most. */
Image gallery_attention(const Vit *vit, const Dataset *data);

/* Write all pictures (examples, filters, positions, attention, mistakes .png),
   confusion.tsv (true, predicted, count) and mistakes.tsv into a folder. */
bool gallery_write(const char *folder, const Vit *vit, const Dataset *data,
                   const Predictions *p);
