/* Tangled from chapters/12-siglip.nw: edit that, not this. */
#include "models/dual.h"

int main(int argc, char **argv) { return dual_main(DUAL_SIGLIP, argc, argv); }
