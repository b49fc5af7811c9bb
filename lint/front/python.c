#include "front.h"

const struct front front_python = {LANGUAGE_PYTHON, 0, 0, 0, 0};
