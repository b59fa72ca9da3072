/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#pragma once
#include "kernels/kernels.h"

/* The two implementations side by side, whichever of them is linked. */
typedef struct Kernels {
// One pointer for each kernel
  void (*linear_forward)(real *, const real *, const real *, const real *, int, int, int);
  void (*linear_backward_input)(real *, const real *, const real *, int, int, int, bool);
  void (*linear_backward_weight)(real *, real *, const real *, const real *, int, int,
                                 int);
  void (*layernorm_forward)(real *, real *, real *, const real *, const real *,
                            const real *, real, int, int);
  void (*layernorm_backward)(real *, real *, real *, const real *, const real *,
                             const real *, const real *, const real *, int, int, bool);
  void (*gelu_forward)(real *, const real *, GeluKind, size_t);
  void (*gelu_backward)(real *, const real *, const real *, GeluKind, size_t, bool);
  void (*softmax_forward)(real *, const real *, int, int);
  void (*softmax_backward)(real *, const real *, const real *, int, int);
  void (*cross_entropy_forward)(real *, real *, const real *, const int *, real, int,
                                int);
  void (*cross_entropy_backward)(real *, const real *, const int *, real, real, int, int);
  void (*softmax_sums)(real *, real *, const real *, int, int);
  void (*softmax_by_columns)(real *, const real *, const real *, const real *, int, int);
  void (*attention_forward)(real *, real *, real *, const real *, int, int, int, int,
                            Mask);
  void (*attention_backward)(real *, const real *, const real *, const real *,
                             const real *, int, int, int, int, Mask, bool);
  void (*attention_cached)(real *, real *, const real *, const real *, int, int, int,
                           int, int);
  void (*adamw_step)(real *, real *, real *, const real *, AdamWStep, size_t);
  int (*linear_panel_rows)(void);
  void (*linear_panel)(real *, const real *, int);
  void (*linear_forward_panels)(real *, const real *, const real *, const real *, int,
                                int, int);
  void (*linear_forward_bf16)(real *, const real *, const real *, const real *, int, int,
                              int);
  void (*linear_backward_input_bf16)(real *, const real *, const real *, int, int, int,
                                     bool);
  void (*linear_backward_weight_bf16)(real *, real *, const real *, const real *, int,
                                      int, int);
  void (*attention_forward_bf16)(real *, real *, const real *, int, int, int, int, Mask);
  void (*attention_backward_bf16)(real *, const real *, const real *, const real *,
                                  const real *, int, int, int, int, Mask, bool);
} Kernels;

extern const Kernels naive_kernels, fast_kernels;

/* The masks to be tried with T tokens of one image or two: none, causal, two prefixes. */
enum { MASKS = 4 };
static inline Mask mask_of(int kind, int T) {
  static int prefix[2];
  prefix[0] = kind == 3 ? T - 1 : T / 2, prefix[1] = kind == 3 ? T + 1 : T / 3;
  return (Mask){kind > 0, kind > 1 ? prefix : NULL};
}
