/* Tangled from chapters/06-training.nw: edit that, not this. */
#pragma once

/* The learning rate of step 1..steps: linear warm-up, then half a cosine from
   `peak` to `least`. */
double schedule_rate(int step, int steps, int warmup, double peak, double least);
