#pragma once
#include "unistr.h"
ucs4_t uc_tolower(ucs4_t c);
