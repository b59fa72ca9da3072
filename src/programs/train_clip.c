/* Tangled from chapters/66-programs.nw: edit that, not this. */
#include "app/dual_encoder.h"

int main(int argc,
         char **argv) { return dual_encoder_main(DUAL_ENCODER_CLIP, argc, argv); }
