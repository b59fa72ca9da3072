/* Tangled from chapters/09-clip.nw: edit that, not this. */
#include "models/dual.h"

int main(int argc, char **argv) { return dual_main(DUAL_CLIP, argc, argv); }
