/* Tangled from chapters/12-siglip.nw: edit that, not this. */
#include "app/dual_encoder.h"

int main(int argc,
         char **argv) { return dual_encoder_main(DUAL_ENCODER_SIGLIP, argc, argv); }
