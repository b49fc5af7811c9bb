/* One fixed buffer: an error message must not need memory to be told. */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>

#include "banned.h"

bool err_set(struct err *err, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
    }
    return false;
}
