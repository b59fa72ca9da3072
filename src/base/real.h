/* Tangled from chapters/01-patches.nw: edit that, not this. */
#ifndef REAL_H
#define REAL_H
/* The type of every value and gradient: float to train, double to check. */
#ifdef REAL_DOUBLE
typedef double real;
#else
typedef float real;
#endif
#endif
