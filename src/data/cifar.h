/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"

/* CIFAR-10's training or test part in a folder: binary batches
   (data_batch_1.bin ... test_batch.bin) if they are there, else PNG sheets
   with train_lables.json or test_lables.json. Message and false on bad files. */
bool cifar10_load(Dataset *data, const char *folder, bool train);

/* Add the records of one binary batch, or the pictures of one sheet (labels
   come from the JSON file), to the data. */
bool cifar10_add_batch(Dataset *data, const char *path);
bool cifar10_add_sheet(Dataset *data, const char *path);
bool cifar10_read_labels(Dataset *data, const char *path);

/* Write the pictures from first to last - 1 as a binary batch; false with a message if
   that fails. */
bool cifar10_save_batch(const Dataset *data, int first, int last, const char *path);
