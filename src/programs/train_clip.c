/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "app/dual_encoder.h"

int main(int argc, char **argv) { return dual_main(DUAL_CLIP, argc, argv); }
