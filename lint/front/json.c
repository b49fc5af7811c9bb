#include "front.h"

const struct front front_json = {LANGUAGE_JSON, 0, 0, 0, 0};
