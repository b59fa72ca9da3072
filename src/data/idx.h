/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"

/* Read a pair of IDX files, pictures (magic 0x803) and labels (0x801), plain or
   gzip. Labels must be below 10. False with a message that names the file,
   what was expected and what was found; *data is then empty. */
bool idx_load(Dataset *data, const char *images, const char *labels);

/* MNIST's training or test pair in a folder, under its official names, with
   or without ".gz". */
bool mnist_load(Dataset *data, const char *folder, bool train);
