/* Tangled from chapters/12-eva02.nw: edit that, not this. */
#pragma once
#include "tensor/tape.h"

/* silu(gate) * x, number by number; same shapes. Source: Shazeer 2020. */
Tensor *swiglu(Tape *tape, Tensor *gate, Tensor *x);

/* q[C], zeros for the keys, v[C]: [3C]. */
Tensor *key_free_bias(Tape *tape, Tensor *q, Tensor *v);
