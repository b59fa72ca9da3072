/* Tangled from chapters/65-tasks.nw: edit that, not this. */
#pragma once
#include "base/real.h"

/* The two directions in which vectors x[n][E] vary most (principal components),
   found by power iteration: plane[n][2] becomes their coordinates, each of mean 0;
   fraction[2] the share of all variance along each. */
void pca_plane(const real *x, int n, int E, double *plane, double *fraction);
