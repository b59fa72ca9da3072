#pragma once
#include <stdbool.h>

#include "unistr.h"
typedef int uc_general_category_t;
enum { UC_CATEGORY_L, UC_CATEGORY_N };
bool uc_is_general_category(ucs4_t c, uc_general_category_t category);
bool uc_is_property_white_space(ucs4_t c);
