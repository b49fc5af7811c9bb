/* How one file of a run names another: an entry of `links:` in a framework's table.
 * Knows no file. */
#ifndef LINK_SPEC_H
#define LINK_SPEC_H

#include "str.h"

enum link_how {
    LINK_BASE,   /* the file's settings count where this one is silent */
    LINK_JOIN,   /* the file has a table of its own; its facts belong to the run */
    LINK_CONFIG, /* of a command: the file is what the program reads */
};

struct link_spec {
    struct str key; /* of the setting that names the file, as the key of a binding: "key" at
                       the root, "**.key" in any map, whose base the file then is */
    enum link_how how;
    struct str cut; /* a key that, true in a map, drops what the base has there; "" none */
    bool climb;     /* the file may be relative to a folder above */
};

#endif
