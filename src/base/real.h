/* Tangled from chapters/01-patches.nw: edit that, not this. */
#pragma once
/* The type of every value and gradient: float to train, double to check. */
#ifdef REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif

static inline int least(int a, int b) { return a < b ? a : b; }
static inline int greatest(int a, int b) { return a > b ? a : b; }

/* Where part i begins when n things are divided into `parts` parts, as even as can be. */
static inline int part_of(int n, int i, int parts) { return (int)((long)n * i / parts); }
