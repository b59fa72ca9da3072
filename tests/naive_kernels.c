/* Tangled from chapters/72-proof-three.nw: edit that, not this. */
#define OTHER(name) naive_##name
// Another name for each kernel
#define linear_forward OTHER(linear_forward)
#define linear_backward_input OTHER(linear_backward_input)
#define linear_backward_weight OTHER(linear_backward_weight)
#define layernorm_forward OTHER(layernorm_forward)
#define layernorm_backward OTHER(layernorm_backward)
#define gelu_forward OTHER(gelu_forward)
#define gelu_backward OTHER(gelu_backward)
#define softmax_forward OTHER(softmax_forward)
#define softmax_backward OTHER(softmax_backward)
#define cross_entropy_forward OTHER(cross_entropy_forward)
#define cross_entropy_backward OTHER(cross_entropy_backward)
#define softmax_sums OTHER(softmax_sums)
#define softmax_by_columns OTHER(softmax_by_columns)
#define attention_forward OTHER(attention_forward)
#define attention_backward OTHER(attention_backward)
#define attention_cached OTHER(attention_cached)
#define adamw_step OTHER(adamw_step)
#define linear_panel_rows OTHER(linear_panel_rows)
#define linear_panel OTHER(linear_panel)
#define linear_forward_panels OTHER(linear_forward_panels)
#define linear_forward_bf16 OTHER(linear_forward_bf16)
#define linear_backward_input_bf16 OTHER(linear_backward_input_bf16)
#define linear_backward_weight_bf16 OTHER(linear_backward_weight_bf16)
#define attention_forward_bf16 OTHER(attention_forward_bf16)
#define attention_backward_bf16 OTHER(attention_backward_bf16)
#include "both_kernels.h"
#include "kernels/naive.c"

const Kernels naive_kernels =
    // All kernels
    {linear_forward,         linear_backward_input,  linear_backward_weight,
     layernorm_forward,      layernorm_backward,     gelu_forward,
     gelu_backward,          softmax_forward,        softmax_backward,
     cross_entropy_forward,  cross_entropy_backward, softmax_sums,
     softmax_by_columns,     attention_forward,
     attention_backward,     attention_cached,       adamw_step,
     linear_panel_rows,      linear_panel,           linear_forward_panels,
     linear_forward_bf16,    linear_backward_input_bf16,
     linear_backward_weight_bf16, attention_forward_bf16, attention_backward_bf16};
