/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once

/* The most this machine does with so many threads: multiply-adds in registers,
   each counted as two operations, per second; bytes per second of
   a[i] = b[i] + 3 c[i] over arrays of `bytes` together, 12 an element. */
double peak_flops(int threads);
double peak_bandwidth(int threads, double bytes);
