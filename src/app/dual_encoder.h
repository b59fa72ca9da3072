/* Tangled from chapters/66-programs.nw: edit that, not this. */
#pragma once

/* The whole of train-clip, or of train-siglip, which differ in the values that options
   have unless given. Returns the status to exit with, the user having been told. */
typedef enum { DUAL_ENCODER_CLIP, DUAL_ENCODER_SIGLIP } DualEncoderKind;
int dual_encoder_main(DualEncoderKind kind, int argc, char **argv);
