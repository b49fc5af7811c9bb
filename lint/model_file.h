/* A model that lies on this machine: the config.json in the folder that a run's model name
 * leads to. Reads one small regular file, follows no address. */
#ifndef MODEL_FILE_H
#define MODEL_FILE_H

#include "unit.h"

/* Gives each run of UNIT whose model's name the catalogue does not have the figures of the
 * config.json that the name, as a path from the file's folder or from the working folder,
 * leads to; leaves alone what leads nowhere or cannot be understood. */
void model_file_unit(const struct pack *pack, struct unit *unit);

/* The network that the config.json in SOURCE describes. NULL when its type is not known
 * and no network of the catalogue has its figures, when it is quantised, or has parts. */
const struct model *model_file_parse(struct arena *a, const struct pack *pack,
                                     struct source *source);

#endif
