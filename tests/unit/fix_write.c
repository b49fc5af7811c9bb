/* Replacing a file. Every call into the system goes through a gate here, so that the
 * n-th can fail or the process end at it: whatever happens, the file is the old one or
 * the new one, and no temporary stays. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum gate_mode { GATE_OPEN, GATE_FAIL, GATE_EXIT, GATE_SHORT };

static struct gate {
    enum gate_mode mode;
    int calls, at, error;
} gate;

static int refused(void)
{
    gate.calls++;
    if (gate.calls != gate.at)
        return 0;
    if (gate.mode == GATE_EXIT)
        _exit(77);
    if (gate.mode != GATE_FAIL)
        return 0;
    errno = gate.error;
    return 1;
}

static ssize_t gated_write(int fd, const void *at, size_t size)
{
    if (refused())
        return -1;
    return write(fd, at, gate.mode == GATE_SHORT && size > 3 ? 3 : size);
}

/* close() frees the descriptor even when it reports an error. */
static int gated_close(int fd)
{
    int bad = refused();
    return close(fd) == 0 && !bad ? 0 : -1;
}

#define open(...) (refused() ? -1 : open(__VA_ARGS__))
#define openat(...) (refused() ? -1 : openat(__VA_ARGS__))
#define fstat(...) (refused() ? -1 : fstat(__VA_ARGS__))
#define fstatat(...) (refused() ? -1 : fstatat(__VA_ARGS__))
#define faccessat(...) (refused() ? -1 : faccessat(__VA_ARGS__))
#define read(...) (refused() ? -1 : read(__VA_ARGS__))
#define write(...) gated_write(__VA_ARGS__)
#define fsync(...) (refused() ? -1 : fsync(__VA_ARGS__))
#define fchown(...) (refused() ? -1 : fchown(__VA_ARGS__))
#define fchmod(...) (refused() ? -1 : fchmod(__VA_ARGS__))
#define flistxattr(...) (refused() ? -1 : flistxattr(__VA_ARGS__))
#define fgetxattr(...) (refused() ? -1 : fgetxattr(__VA_ARGS__))
#define fsetxattr(...) (refused() ? -1 : fsetxattr(__VA_ARGS__))
#define renameat(...) (refused() ? -1 : renameat(__VA_ARGS__))
#define close(fd) gated_close(fd)
#include "../../lint/fix_write.c"
#undef open
#undef openat
#undef fstat
#undef fstatat
#undef faccessat
#undef read
#undef write
#undef fsync
#undef fchown
#undef fchmod
#undef flistxattr
#undef fgetxattr
#undef fsetxattr
#undef renameat
#undef close

#include <setjmp.h>

#include <cmocka.h>

static char folder[64], file[128];
static const char OLD[] = "batch_size: 256\n", NEW[] = "batch_size: 128\naccumulate: 2\n";

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static const char *content(const char *path)
{
    static char text[4096];
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return NULL;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static int temporaries(void)
{
    int count = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        count += strncmp(e->d_name, ".gpulint-", 9) == 0;
    closedir(d);
    return count;
}

static bool rewrite(const char *old, const char *new, struct err *err)
{
    gate.calls = 0;
    return fix_write(str_from(file), str_from(old), str_from(new), err);
}

static int set_up(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/gpulint-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof file, "%s/train.yaml", folder);
    gate.mode = GATE_OPEN;
    put(file, OLD);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    return rmdir(folder);
}

static void expect_refusal(const char *path, const char *expected, const char *reason)
{
    struct err err = {""};
    assert_false(fix_write(str_from(path), str_from(expected), str_from(NEW), &err));
    assert_non_null(strstr(err.message, reason));
    assert_non_null(strstr(err.message, path));
    assert_int_equal(temporaries(), 0);
}

static void replaces_and_keeps_the_mode(void **state)
{
    (void)state;
    struct err err = {""};
    chmod(file, 0640);
    assert_true(rewrite(OLD, NEW, &err));
    assert_string_equal(content(file), NEW);
    struct stat st;
    stat(file, &st);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(temporaries(), 0);
    assert_true(rewrite(NEW, "", &err));
    assert_string_equal(content(file), "");
}

static void same_text_leaves_the_inode(void **state)
{
    (void)state;
    struct stat before, after;
    stat(file, &before);
    assert_true(rewrite(OLD, OLD, NULL));
    stat(file, &after);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void works_in_the_current_directory(void **state)
{
    (void)state;
    char was[512];
    assert_non_null(getcwd(was, sizeof was));
    assert_int_equal(chdir(folder), 0);
    struct err err = {""};
    assert_true(fix_write(STR("train.yaml"), str_from(OLD), str_from(NEW), &err));
    assert_int_equal(chdir(was), 0);
    assert_string_equal(content(file), NEW);
}

static void refuses_what_changed(void **state)
{
    (void)state;
    expect_refusal(file, "batch_size: 257\n", "changed meanwhile");
    expect_refusal(file, "batch_size: 256\nmore", "changed meanwhile");
    expect_refusal(file, "batch", "changed meanwhile");
    assert_string_equal(content(file), OLD);
}

static void refuses_links_and_special_files(void **state)
{
    (void)state;
    char other[128];
    snprintf(other, sizeof other, "%s/link.yaml", folder);
    assert_int_equal(symlink("train.yaml", other), 0);
    expect_refusal(other, OLD, "a symbolic link");
    unlink(other);
    assert_int_equal(link(file, other), 0);
    expect_refusal(file, OLD, "hard links");
    unlink(other);
    assert_int_equal(mkfifo(other, 0600), 0);
    expect_refusal(other, OLD, "not a regular file");
    expect_refusal(folder, OLD, "not a regular file");
    unlink(other);
    expect_refusal(other, OLD, "No such file");
    assert_string_equal(content(file), OLD);
}

static void refuses_read_only(void **state)
{
    (void)state;
    chmod(file, 0444);
    expect_refusal(file, OLD, "read-only");
    chmod(file, 0644);
    if (geteuid() != 0) {
        chmod(folder, 0555);
        expect_refusal(file, OLD, "read-only");
        chmod(folder, 0755);
    }
    assert_string_equal(content(file), OLD);
}

/* Each call fails in turn; only what comes after the rename may fail unseen. */
static void every_failing_call_leaves_the_original(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EIO, EACCES, EDQUOT};
    struct err err;
    assert_true(rewrite(OLD, NEW, &err));
    int calls = gate.calls, failures = 0;
    assert_in_range(calls, 10, 200);
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
        for (int n = 1; n <= calls; n++) {
            put(file, OLD);
            gate.mode = GATE_FAIL;
            gate.at = n;
            gate.error = errors[e];
            bool ok = rewrite(OLD, NEW, &err);
            gate.mode = GATE_OPEN;
            assert_string_equal(content(file), ok ? NEW : OLD);
            assert_int_equal(temporaries(), 0);
            failures += !ok;
        }
    }
    assert_in_range(failures, 40, 1000);
}

/* Each call fails in turn while two files are written: both are old, or both new. */
static void two_files_or_none(void **state)
{
    (void)state;
    char other[160];
    struct err err;
    snprintf(other, sizeof other, "%s/other.yaml", folder);
    struct fix_text both[] = {{str_from(file), str_from(OLD), str_from(NEW)},
                              {str_from(other), str_from("a: 1\n"), str_from("a: 2\n")}};
    put(other, "a: 1\n");
    gate.calls = 0;
    assert_true(fix_write_all(both, 2, &err));
    assert_string_equal(content(other), "a: 2\n");
    int calls = gate.calls, failures = 0;
    for (int n = 1; n <= calls; n++) {
        put(file, OLD);
        put(other, "a: 1\n");
        gate = (struct gate){GATE_FAIL, 0, n, EIO};
        bool ok = fix_write_all(both, 2, &err);
        gate.mode = GATE_OPEN;
        assert_string_equal(content(file), ok ? NEW : OLD);
        assert_string_equal(content(other), ok ? "a: 2\n" : "a: 1\n");
        assert_int_equal(temporaries(), 0);
        failures += !ok;
    }
    assert_in_range(failures, 20, 1000);
}

static void attributes_are_carried(void **state)
{
    (void)state;
    char value[16];
    if (setxattr(file, "user.note", "kept", 4, 0) != 0)
        skip();
    /* user::rw-, user:1:r--, group::r--, mask::r--, other::--- */
    static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255,
                                        2, 0, 4, 0, 1, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
                                        16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};
    char list[64], before[64];
    bool listed = setxattr(file, "system.posix_acl_access", acl, sizeof acl, 0) == 0;
    ssize_t size = listed ? getxattr(file, "system.posix_acl_access", before, sizeof before) : 0;
    assert_true(rewrite(OLD, NEW, NULL));
    assert_int_equal(getxattr(file, "user.note", value, sizeof value), 4);
    assert_memory_equal(value, "kept", 4);
    if (listed) {
        assert_int_equal(getxattr(file, "system.posix_acl_access", list, sizeof list), size);
        assert_memory_equal(list, before, (size_t)size);
    }
}

static void an_end_at_any_call_leaves_a_whole_file(void **state)
{
    (void)state;
    struct err err;
    assert_true(rewrite(OLD, NEW, &err));
    int calls = gate.calls, left = 0;
    for (int n = 1; n <= calls; n++) {
        put(file, OLD);
        pid_t child = fork();
        if (child == 0) {
            gate.mode = GATE_EXIT;
            gate.at = n;
            rewrite(OLD, NEW, NULL);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        const char *now = content(file);
        assert_true(strcmp(now, OLD) == 0 || strcmp(now, NEW) == 0);
        left += temporaries();
        put(file, OLD);
        assert_true(rewrite(OLD, NEW, &err)); /* and sweeps what was left */
        assert_int_equal(temporaries(), 0);
    }
    assert_in_range(left, 1, calls);
}

static void short_writes_are_continued(void **state)
{
    (void)state;
    gate.mode = GATE_SHORT;
    assert_true(rewrite(OLD, NEW, NULL));
    assert_string_equal(content(file), NEW);
}

static void a_signal_handler_can_clean_up(void **state)
{
    (void)state;
    struct write w = {
        .made = &current[0],
        .path = str_from(file), .directory = -1, .original = -1, .temporary = -1};
    struct arena scratch = {0};
    assert_true(open_directory(&scratch, &w));
    assert_true(open_original(&w));
    assert_true(create_temporary(&w));
    assert_int_equal(temporaries(), 1);
    fix_write_cleanup();
    assert_int_equal(temporaries(), 0);
    fix_write_cleanup();
    close_all(&w);
    arena_free(&scratch);
}

static void foreign_files_are_not_swept(void **state)
{
    (void)state;
    static const char *const names[] = {".gpulint-1-0.tmp.bak", ".gpulint--0.tmp",
                                        ".gpulint-1-0.tmp", ".gpulint-x-1.tmp"};
    char path[256];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        put(path, "mine");
    }
    assert_true(rewrite(OLD, NEW, NULL)); /* process 1 is alive */
    assert_int_equal(temporaries(), 4);
}

/* Killed at random instants: old or new, never a mixture; the next write tidies up. */
static void killed_at_any_time_the_file_is_whole(void **state)
{
    (void)state;
    const char *wanted = getenv("GPULINT_KILLS");
    int rounds = wanted ? (int)strtol(wanted, NULL, 10) : 100;
    srand(7);
    for (int i = 0; i < rounds; i++) {
        put(file, OLD);
        pid_t child = fork();
        if (child == 0) {
            for (;;) {
                rewrite(OLD, NEW, NULL);
                rewrite(NEW, OLD, NULL);
            }
        }
        nanosleep(&(struct timespec){0, rand() % 3000000L}, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        const char *now = content(file);
        assert_true(strcmp(now, OLD) == 0 || strcmp(now, NEW) == 0);
        put(file, OLD);
        assert_true(rewrite(OLD, NEW, NULL));
        assert_int_equal(temporaries(), 0);
    }
}

/* The kernel itself says no, half way through the text. */
static void a_file_size_limit_leaves_the_original(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, 10});
        _exit(rewrite(OLD, NEW, NULL) ? 1 : 0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(content(file), OLD);
    assert_int_equal(temporaries(), 0);
}

static void a_full_disk_leaves_the_original(void **state)
{
    (void)state;
    if (mount("tmpfs", folder, "tmpfs", 0, "size=16k") != 0) {
        print_message("skipped: cannot mount a small file system: %s\n", strerror(errno));
        skip();
    }
    static char big[64 * 1024];
    memset(big, '#', sizeof big - 1);
    put(file, OLD);
    struct err err = {""};
    bool ok = rewrite(OLD, big, &err);
    int left = temporaries();
    bool same = strcmp(content(file), OLD) == 0;
    umount(folder);
    assert_false(ok);
    assert_non_null(strstr(err.message, "No space left"));
    assert_true(same);
    assert_int_equal(left, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(replaces_and_keeps_the_mode),
        CASE(same_text_leaves_the_inode),
        CASE(works_in_the_current_directory),
        CASE(refuses_what_changed),
        CASE(refuses_links_and_special_files),
        CASE(refuses_read_only),
        CASE(two_files_or_none),
        CASE(attributes_are_carried),
        CASE(every_failing_call_leaves_the_original),
        CASE(an_end_at_any_call_leaves_a_whole_file),
        CASE(short_writes_are_continued),
        CASE(a_signal_handler_can_clean_up),
        CASE(foreign_files_are_not_swept),
        CASE(a_file_size_limit_leaves_the_original),
        CASE(a_full_disk_leaves_the_original),
        CASE(killed_at_any_time_the_file_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
