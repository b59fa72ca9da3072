/* Tangled from chapters/60-house.nw: edit that, not this. */
#pragma once
static inline int least(int a, int b) { return a < b ? a : b; }
