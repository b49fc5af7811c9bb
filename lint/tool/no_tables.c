/* An empty pack for the table writer, which is linked before there are tables. */
#include "../pack.h"

#include "../banned.h"

const struct pack *pack_builtin(void)
{
    static const struct pack empty;
    return &empty;
}
