/* Tangled from chapters/03-layers.nw: edit that, not this. */
#pragma once
#include "kernels/kernels.h"
#include "tensor/tape.h"

/* Operations on the tape. A tensor is taken as rows of its last size; all
   leading sizes are kept in the result unless it is said otherwise. */

// Layer declarations
/* y = x w^T + b for weights w[out][in...]; b may be NULL. */
Tensor *linear(Tape *tape, Tensor *x, Tensor *w, Tensor *b);

/* For a network that is only used: put the weight of a linear layer into the order in
   which the product of few rows is fastest. Nothing else can read it any more. */
void linear_keep_packed(Tensor *w);

/* Each row to mean 0 and variance 1 (biased), then times gain plus bias. */
Tensor *layernorm(Tape *tape, Tensor *x, Tensor *gain, Tensor *bias, double eps);

/* Each value by itself, in the form asked for; same shape. */
Tensor *gelu(Tape *tape, Tensor *x, GeluKind kind);

/* Each row to positive numbers that sum to one; same shape. */
Tensor *softmax(Tape *tape, Tensor *x);

/* With probability `rate` a value (dropout), or all values that share the
   first index (drop_path), becomes 0; the others are divided by 1 - rate.
   Returns x itself when the tape is not training or the rate is 0. Asserts
   0 <= rate < 1. */
Tensor *dropout(Tape *tape, Tensor *x, double rate);
Tensor *drop_path(Tape *tape, Tensor *x, double rate);

/* Rows of table[V][C] for ids[B][T], each 0..V-1: [B][T][C]. */
Tensor *embedding(Tape *tape, Tensor *table, const int *ids, int B, int T);

/* Of x[B][T][C] the tokens index[B][K], each 0..T-1: [B][K][C]. */
Tensor *gather_tokens(Tape *tape, Tensor *x, const int *index, int K);

/* The reverse: [B][T][C] whose token t of image b is x[b][from[b][t]] of
   x[B][K][C], or the row fill[C] where from[b][t] is -1. */
Tensor *scatter_tokens(Tape *tape, Tensor *x, Tensor *fill, const int *from, int T);

/* token[C] put before the tokens of each image: [B][T+1][C]. */
Tensor *prepend_token(Tape *tape, Tensor *token, Tensor *x);

/* Of x[...][C], taken as rows, the rows index[count]: [count][C]. */
Tensor *gather_rows(Tape *tape, Tensor *x, const int *index, int count);

/* Token t of each image: [B][C]. The mean of tokens first..T-1: [B][C]. */
Tensor *take_token(Tape *tape, Tensor *x, int t);
Tensor *mean_tokens(Tape *tape, Tensor *x, int first);

/* Each row divided by its Euclidean length plus eps. A row of zeros stays. */
Tensor *normalize(Tape *tape, Tensor *x, double eps);

/* silu(gate) * x, number by number; same shapes. Source: Shazeer 2020. */
Tensor *swiglu(Tape *tape, Tensor *gate, Tensor *x);

/* q[C], zeros for the keys, v[C]: [3C]. */
Tensor *key_free_bias(Tape *tape, Tensor *q, Tensor *v);

/* The tokens of a[B][S][C], then those of b[B][T][C]: [B][S+T][C]. */
Tensor *concat_tokens(Tape *tape, Tensor *a, Tensor *b);

/* The same numbers in the same order as a tensor of another shape. */
Tensor *reshape(Tape *tape, Tensor *x, Shape shape);
