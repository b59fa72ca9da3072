/* Tangled from chapters/62-data.nw: edit that, not this. */
#pragma once
#include "data/dataset.h"

typedef enum { PICTURES_SHAPES, PICTURES_MNIST, PICTURES_CIFAR10,
               PICTURES_SCENES, PICTURES_EMOJI } PictureSet;
#define PICTURES_CHOICES "shapes|mnist|cifar10" /* for an option */
#define PICTURES_CAPTIONED "|scenes|emoji"      /* those with captions besides */
extern const char *const pictures_names[];
Augment pictures_augment(PictureSet set); /* what suits it */

/* Open the training pictures, at most `limit` of them (0: all), and the test
   pictures: those in FOLDER/NAME, or drawn by the seed. The test pictures are
   normalized with the training pictures' mean and standard deviation. False with a
   message on bad files, or pictures that are not squares of one size. */
bool pictures_open(PictureSet set, const char *folder, int limit, uint64_t seed,
                   Dataset *train, Dataset *test);
