/* Trouble with the world (an unreadable file, a broken pack): a function that
 * can meet it returns bool and takes a struct err last, untouched on success.
 * The message is complete as printed, without the program's name or newline.
 * Trouble with the user's file is a finding instead; our own is an assert. */
#ifndef ERR_H
#define ERR_H

#include "str.h"

struct err {
    char message[1024];
};

/* Fills ERR and returns false, so that callers can `return err_set(...)`.
 * ERR may be NULL. */
bool err_set(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
