/* The only place that writes a user's file. The new text goes to a temporary in the same
 * directory, is flushed, gets the mode and owner of the original, and takes its name by
 * rename; whoever looks sees the old file or the new one, whole. Everything is done
 * relative to an open directory, so that a path that changes meanwhile cannot lead the
 * write elsewhere. */
#include "fix.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "banned.h"

enum { TEMPORARY_NAME = 64, ATTEMPTS = 100, ATTRIBUTE_BYTES = 64 * 1024 };

/* What a signal handler must remove; a name relative to the open directory. */
struct temporary {
    volatile sig_atomic_t active;
    int directory;
    char name[TEMPORARY_NAME];
};

static struct temporary current[FIX_MOST_FILES];

struct write {
    struct temporary *made;
    struct str path;
    int directory, original, temporary; /* -1: not open */
    const char *base;                   /* file name within the directory */
    struct stat stat;                   /* of the original */
    struct err *err;
};

static bool fail(const struct write *j, const char *why)
{
    return err_set(j->err, "%.*s: not rewritten: %s", STR_ARG(j->path), why);
}

void fix_write_cleanup(void)
{
    int saved = errno;
    for (size_t i = 0; i < FIX_MOST_FILES; i++) {
        if (current[i].active)
            unlinkat(current[i].directory, current[i].name, 0);
        current[i].active = 0;
    }
    errno = saved;
}

/* --- the original --------------------------------------------------------- */

static bool open_directory(struct arena *a, struct write *j)
{
    const char *path = arena_str(a, j->path).at;
    const char *slash = strrchr(path, '/');
    j->base = slash ? slash + 1 : path;
    struct str folder = STR(".");
    if (slash)
        folder = slash == path
                     ? STR("/")
                     : arena_str(a, str_slice(j->path, 0, (size_t)(slash - path)));
    j->directory = open(folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return j->directory >= 0 ? true : fail(j, strerror(errno));
}

static bool open_original(struct write *j)
{
    if (fstatat(j->directory, j->base, &j->stat, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(j, strerror(errno));
    if (S_ISLNK(j->stat.st_mode))
        return fail(j, "a symbolic link");
    if (!S_ISREG(j->stat.st_mode))
        return fail(j, "not a regular file");
    j->original =
        openat(j->directory, j->base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (j->original < 0)
        return fail(j, errno == ELOOP ? "a symbolic link" : strerror(errno));
    struct stat now;
    if (fstat(j->original, &now) != 0)
        return fail(j, strerror(errno));
    if (now.st_dev != j->stat.st_dev || now.st_ino != j->stat.st_ino)
        return fail(j, "changed meanwhile");
    if (now.st_nlink > 1)
        return fail(j, "it has several hard links");
    if (!(now.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)) ||
        faccessat(j->directory, j->base, W_OK, AT_EACCESS) != 0)
        return fail(j, "the file is read-only");
    return true;
}

static bool holds_expected(struct write *j, struct str expected)
{
    char block[16 * 1024];
    for (size_t at = 0;;) {
        ssize_t n = read(j->original, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(j, strerror(errno));
        if (n == 0)
            return at == expected.len ? true : fail(j, "changed meanwhile");
        if ((size_t)n > expected.len - at ||
            memcmp(block, expected.at + at, (size_t)n) != 0)
            return fail(j, "changed meanwhile");
        at += (size_t)n;
    }
}

/* Is the original still the file that was read? */
static bool unchanged(struct write *j)
{
    struct stat now;
    if (fstatat(j->directory, j->base, &now, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(j, strerror(errno));
    if (now.st_dev != j->stat.st_dev || now.st_ino != j->stat.st_ino ||
        now.st_size != j->stat.st_size || now.st_mtim.tv_sec != j->stat.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != j->stat.st_mtim.tv_nsec)
        return fail(j, "changed meanwhile");
    return true;
}

/* --- the temporary -------------------------------------------------------- */

/* The process in ".gpulint-PID-N.tmp"; 0 when NAME is no temporary of ours. */
static long owner_of(const char *name)
{
    long pid = 0;
    int end = 0;
    if (sscanf(name, ".gpulint-%9ld-%*9[0-9].tmp%n", &pid, &end) != 1 || !end || name[end])
        return 0;
    return pid > 0 ? pid : 0;
}

/* One of those being written right now? */
static bool is_in_use(const char *name)
{
    for (size_t i = 0; i < FIX_MOST_FILES; i++)
        if (current[i].active && strcmp(current[i].name, name) == 0)
            return true;
    return false;
}

static bool is_left_over(int directory, const char *name)
{
    long pid = owner_of(name);
    if (is_in_use(name) || !pid || (pid != (long)getpid() && (kill((pid_t)pid, 0) == 0 || errno != ESRCH)))
        return false;
    struct stat st;
    return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_uid == geteuid();
}

/* Removes what a killed process of ours left here. */
static void sweep(int directory)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (is_left_over(directory, e->d_name))
            unlinkat(directory, e->d_name, 0);
    closedir(d);
}

static bool create_temporary(struct write *j)
{
    struct temporary *t = j->made;
    t->directory = j->directory;
    for (int n = 0; n < ATTEMPTS; n++) {
        snprintf(t->name, sizeof t->name, ".gpulint-%ld-%d.tmp", (long)getpid(), n);
        t->active = !is_in_use(t->name);
        if (!t->active)
            continue;
        j->temporary =
            openat(j->directory, t->name,
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
        if (j->temporary >= 0)
            return true;
        t->active = 0;
        if (errno != EEXIST)
            break;
    }
    if (errno == EACCES || errno == EROFS || errno == EPERM)
        return fail(j, "its directory is read-only");
    return fail(j, strerror(errno));
}

static bool write_all(struct write *j, struct str text)
{
    while (text.len) {
        ssize_t n = write(j->temporary, text.at, text.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail(j, n ? strerror(errno) : "nothing could be written");
        text = str_slice(text, (size_t)n, text.len);
    }
    return true;
}

/* Owner before mode: a change of owner clears the set-id bits. */
static bool take_ownership(struct write *j)
{
    struct stat made;
    if (fstat(j->temporary, &made) != 0)
        return fail(j, strerror(errno));
    bool owner = made.st_uid != j->stat.st_uid, group = made.st_gid != j->stat.st_gid;
    if ((owner || group) && fchown(j->temporary, owner ? j->stat.st_uid : (uid_t)-1,
                                   group ? j->stat.st_gid : (gid_t)-1) != 0)
        return fail(j, "its owner could not be kept");
    if (fchmod(j->temporary, j->stat.st_mode & 07777) != 0)
        return fail(j, strerror(errno));
    return true;
}

/* Access control lists and the attributes of whoever keeps any. */
static bool carry_attributes(struct write *j)
{
    static const char lost[] = "its extended attributes could not be kept";
    char names[4096], value[ATTRIBUTE_BYTES], now[ATTRIBUTE_BYTES];
    ssize_t all = flistxattr(j->original, names, sizeof names);
    if (all < 0)
        return errno == ENOTSUP || errno == ENOSYS ? true : fail(j, lost);
    for (const char *name = names; name < names + all; name += strlen(name) + 1) {
        ssize_t size = fgetxattr(j->original, name, value, sizeof value);
        if (size < 0)
            return fail(j, lost);
        /* A label that the system gives by itself may not be ours to set. */
        if (fgetxattr(j->temporary, name, now, sizeof now) == size &&
            memcmp(value, now, (size_t)size) == 0)
            continue;
        if (fsetxattr(j->temporary, name, value, (size_t)size, 0) != 0)
            return fail(j, lost);
    }
    return true;
}

static bool flush_and_close(struct write *j)
{
    if (fsync(j->temporary) != 0 && errno != EINVAL)
        return fail(j, strerror(errno));
    int fd = j->temporary;
    j->temporary = -1;
    return close(fd) == 0 || errno == EINTR ? true : fail(j, strerror(errno));
}

static bool put_in_place(struct write *j)
{
    if (renameat(j->directory, j->made->name, j->directory, j->base) != 0)
        return fail(j, strerror(errno));
    j->made->active = 0;
    /* The file is whole either way; a directory that cannot be flushed is no failure. */
    (void)fsync(j->directory);
    return true;
}

static void close_all(struct write *j)
{
    int fds[] = {j->temporary, j->original, j->directory};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static bool make_ready(struct arena *a, struct write *j, const struct fix_text *f)
{
    if (!open_directory(a, j) || !open_original(j) || !holds_expected(j, f->expected))
        return false;
    sweep(j->directory);
    return create_temporary(j) && write_all(j, f->text) && take_ownership(j) &&
           carry_attributes(j) && flush_and_close(j);
}

/* Files that have their new text already get the old one again. */
static void put_back(const struct fix_text *files, size_t count, struct err *err)
{
    struct err again;
    for (size_t i = 0; i < count; i++)
        if (!fix_write(files[i].path, files[i].text, files[i].expected, &again))
            err_set(err, "%.*s: rewritten alone, and not undone: %s", STR_ARG(files[i].path),
                    again.message);
}

bool fix_write_all(const struct fix_text *files, size_t count, struct err *err)
{
    struct arena scratch = {0};
    struct write all[FIX_MOST_FILES];
    size_t done = 0;
    bool ok = true;
    assert(count <= FIX_MOST_FILES);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct write){.made = &current[i], .path = files[i].path, .directory = -1,
                                .original = -1, .temporary = -1, .err = err};
    for (size_t i = 0; ok && i < count; i++)
        ok = make_ready(&scratch, &all[i], &files[i]);
    for (size_t i = 0; ok && i < count; i++)
        ok = unchanged(&all[i]);
    for (; ok && done < count; done += ok)
        ok = put_in_place(&all[done]);
    fix_write_cleanup();
    for (size_t i = 0; i < count; i++)
        close_all(&all[i]);
    if (!ok)
        put_back(files, done, err);
    arena_free(&scratch);
    return ok;
}

bool fix_write(struct str path, struct str expected, struct str text, struct err *err)
{
    struct fix_text one = {path, expected, text};
    return str_eq(expected, text) || fix_write_all(&one, 1, err);
}
