/* Lets calls that change files below one folder fail: preloaded into a process by tests.
 * cc -shared -fPIC -o faulty_disk.so faulty_disk.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[4096];
static atomic_int calls, first, last, number;

/* Calls first_..last_ below `folder_`, counted from 1, fail with `number_`. */
void faults_set(const char *folder_, int first_, int last_, int number_) {
    strncpy(folder, folder_, sizeof folder - 1);
    calls = 0, first = first_, last = last_, number = number_;
}

int faults_calls(void) { return calls; }

static int fails(const char *path) {
    if (!folder[0] || strncmp(path, folder, strlen(folder)) != 0) return 0;
    int call = ++calls;
    if (call < first || call > last) return 0;
    errno = number;
    return 1;
}

static int fd_fails(int fd) {
    char link[64], path[4096];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(path);
}

#define REAL(name, type, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    return fd_fails(fd) ? -1 : real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    return fd_fails(fd) ? -1 : real(fd, parts, count);
}

int fsync(int fd) {
    REAL("fsync", int, int);
    return fd_fails(fd) ? -1 : real(fd);
}

int mkdir(const char *path, mode_t mode) {
    REAL("mkdir", int, const char *, mode_t);
    return fails(path) ? -1 : real(path, mode);
}

int rename(const char *from, const char *to) {
    REAL("rename", int, const char *, const char *);
    return fails(to) ? -1 : real(from, to);
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    REAL("renameat2", int, int, const char *, int, const char *, unsigned);
    return fails(to) ? -1 : real(from_at, from, to_at, to, flags);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    REAL("linkat", int, int, const char *, int, const char *, int);
    return fails(to) ? -1 : real(from_at, from, to_at, to, flags);
}
