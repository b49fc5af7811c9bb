#include "front.h"

const struct front front_yaml = {LANGUAGE_YAML, 0, 0, 0, 0};
