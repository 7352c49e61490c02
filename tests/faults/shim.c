/* A disk that fails and a clock that steps, for one process: preloaded (LD_PRELOAD), steered from
 * outside.
 *
 * Environment:
 *   DFKS_FAULTS_FOLDER   only files in this folder are touched (absolute, no links in it)
 *   DFKS_FAULTS_CONTROL  file of `int64_t`, mapped: the slots below
 *   DFKS_FAULTS_DURABLE  folder with what would be left after a power cut
 *
 * The durable folder has a copy of each file by its id, as it was when last synced: a sync copies
 * what was written since. A sync that fails loses it, as Linux does: the pages are still read, but
 * no later sync writes them. `names` tells which id has which name, as of the last sync of the
 * folder itself: a new file whose folder was not synced is gone after a power cut.
 *
 * What SQLite maps (`-shm`) is not durable, and need not be.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum slot {
  /* Set by the test. */
  WRITE_ERRNO, /* of write, pwrite, ftruncate, fallocate; 0: none */
  WRITE_ROOM,  /* bytes that may still be written, then ENOSPC; -1: no end */
  WRITE_SHORT, /* 1: a write of more than a byte writes half of it */
  READ_ERRNO,
  SYNC_ERRNO,
  SYNC_NS,    /* how long a sync takes */
  SYNC_HOLD,  /* 1: no sync returns */
  OPEN_ERRNO, /* of opening for writing */
  CLOCK_NS,   /* how far the wall clock is off */
  KINDS,      /* which files fail, by the bits below */
  /* Counted for the test. */
  WRITES,
  READS,
  SYNCS_BEGUN,
  SYNCS_DONE,
  FAILED,
  SLEPT_NS, /* how long the machine has slept: no monotonic clock has counted it; set by the test */
  SLOTS
};

enum kind { DATABASE = 1, LOG = 2, INDEX = 4, LOCK = 8, FOLDER = 16 };

#define MOST_FILES 256
#define MOST_DESCRIPTORS 65536

struct range {
  off_t from, to;
};

struct file {
  dev_t device;
  ino_t inode; /* 0: unlinked, so that another file may get its number */
  char id[64];
  enum kind kind;
  struct range *written; /* since the last sync */
  size_t count, room;
};

static volatile int64_t *control;
static char folder[4096], durable[4096];
static size_t folder_length;
static struct file files[MOST_FILES];
static size_t file_count;
static struct file *of[MOST_DESCRIPTORS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_open)(const char *, int, ...);
static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_unlink)(const char *);
static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_posix_fallocate)(int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_clock_gettime)(clockid_t, struct timespec *);

static void fail(const char *why) {
  dprintf(2, "faults shim: %s: %s\n", why, strerror(errno));
  abort();
}

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) fail(name);
  return found;
}

static void names_write(void);

/* Before any constructor that may open a file: whoever calls first. */
static void prepare(void) {
  static bool is_done;
  if (is_done) return;
  is_done = true;
  real_open = real("open64");
  real_openat = real("openat64");
  real_close = real("close");
  real_unlink = real("unlink");
  real_read = real("read");
  real_pread = real("pread64");
  real_write = real("write");
  real_pwrite = real("pwrite64");
  real_ftruncate = real("ftruncate64");
  real_fallocate = real("fallocate64");
  real_posix_fallocate = real("posix_fallocate64");
  real_fsync = real("fsync");
  real_fdatasync = real("fdatasync");
  real_clock_gettime = real("clock_gettime");
  const char *path = getenv("DFKS_FAULTS_CONTROL");
  const char *where = getenv("DFKS_FAULTS_FOLDER");
  const char *kept = getenv("DFKS_FAULTS_DURABLE");
  if (path == NULL || where == NULL || kept == NULL) return;
  int descriptor = real_open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) fail(path);
  void *mapped =
      mmap(NULL, SLOTS * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) fail("mmap");
  real_close(descriptor);
  folder_length = strlen(strncpy(folder, where, sizeof folder - 1));
  strncpy(durable, kept, sizeof durable - 1);
  control = mapped;
}

__attribute__((constructor)) static void begin(void) {
  prepare();
  if (control == NULL) return;
  char names[8192];
  snprintf(names, sizeof names, "%s/names", durable);
  /* The first life of this folder: what is there was always there. */
  if (access(names, F_OK) != 0) names_write();
}

/* Which files. */

static bool is_ours(const char *path) {
  return control != NULL && strncmp(path, folder, folder_length) == 0 &&
         (path[folder_length] == '/' || path[folder_length] == '\0');
}

static bool ends(const char *text, const char *end) {
  size_t length = strlen(text), tail = strlen(end);
  return length >= tail && strcmp(text + length - tail, end) == 0;
}

static enum kind kind_of(const char *path) {
  if (path[folder_length] == '\0') return FOLDER;
  if (ends(path, "-wal")) return LOG;
  if (ends(path, "-shm")) return INDEX;
  return ends(path, ".lock") ? LOCK : DATABASE;
}

static bool fails(enum kind kind, enum slot slot) {
  if (control[slot] == 0 || (control[KINDS] & kind) == 0) return false;
  __atomic_add_fetch(&control[FAILED], 1, __ATOMIC_SEQ_CST);
  errno = (int)control[slot];
  return true;
}

static void counted(enum slot slot) { __atomic_add_fetch(&control[slot], 1, __ATOMIC_SEQ_CST); }

static struct file *file_of(int descriptor) {
  return descriptor >= 0 && descriptor < MOST_DESCRIPTORS ? of[descriptor] : NULL;
}

/* What is durable. */

static void copy_path(const char *id, char *path, size_t size) {
  snprintf(path, size, "%s/%s", durable, id);
}

static void copy_range(int from, int to, off_t at, off_t end) {
  char bytes[65536];
  while (at < end) {
    size_t size = (size_t)(end - at) < sizeof bytes ? (size_t)(end - at) : sizeof bytes;
    ssize_t got = real_pread(from, bytes, size, at);
    if (got <= 0) return; /* It was cut off since. */
    if (real_pwrite(to, bytes, (size_t)got, at) != got) fail("durable copy");
    at += got;
  }
}

/* A descriptor that can be read, whatever way the file was opened. */
static int reopened(int descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  return real_open(path, O_RDONLY | O_CLOEXEC);
}

static void keep(struct file *file, int descriptor) {
  char path[8192];
  struct stat status;
  int from = reopened(descriptor);
  if (from < 0) fail("reopen");
  copy_path(file->id, path, sizeof path);
  int to = real_open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (to < 0) fail(path);
  for (size_t i = 0; i < file->count; i++)
    copy_range(from, to, file->written[i].from, file->written[i].to);
  file->count = 0;
  if (fstat(from, &status) != 0 || real_ftruncate(to, status.st_size) != 0) fail("durable size");
  real_close(from);
  real_close(to);
}

static void written(struct file *file, off_t from, off_t to) {
  pthread_mutex_lock(&lock);
  if (file->count > 0 && file->written[file->count - 1].to == from) {
    file->written[file->count - 1].to = to;
  } else {
    if (file->count == file->room) {
      file->room = file->room ? 2 * file->room : 64;
      file->written = realloc(file->written, file->room * sizeof *file->written);
      if (file->written == NULL) fail("realloc");
    }
    file->written[file->count++] = (struct range){from, to};
  }
  pthread_mutex_unlock(&lock);
}

/* The names in the folder are durable as they are now. */
static void names_write(void) {
  char path[8192], draft[8192];
  snprintf(path, sizeof path, "%s/names", durable);
  snprintf(draft, sizeof draft, "%s/names.draft", durable);
  FILE *list = fopen(draft, "w");
  DIR *entries = opendir(folder);
  if (list == NULL || entries == NULL) fail("names");
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
    if (entry->d_type == DT_REG)
      fprintf(list, "%llu %s\n", (unsigned long long)entry->d_ino, entry->d_name);
  closedir(entries);
  if (fclose(list) != 0 || rename(draft, path) != 0) fail("names");
}

/* A file loses its name, and its number: what is durable of it is still found by its old name. */
static void names_unlink(ino_t inode) {
  char path[8192], draft[8192], from[8192], to[8192], id[64], old[32], line[4096];
  snprintf(old, sizeof old, "%llu", (unsigned long long)inode);
  for (int n = 1;; n++) {
    snprintf(id, sizeof id, "%s.%d", old, n);
    copy_path(id, to, sizeof to);
    if (access(to, F_OK) != 0) break;
  }
  copy_path(old, from, sizeof from);
  if (rename(from, to) != 0) return; /* It was never opened. */
  for (size_t i = 0; i < file_count; i++)
    if (files[i].inode == inode) {
      files[i].inode = 0;
      strcpy(files[i].id, id);
    }
  snprintf(path, sizeof path, "%s/names", durable);
  snprintf(draft, sizeof draft, "%s/names.draft", durable);
  FILE *before = fopen(path, "r"), *after = fopen(draft, "w");
  if (before == NULL || after == NULL) fail("names");
  size_t length = strlen(old);
  while (fgets(line, sizeof line, before) != NULL) {
    bool is_it = strncmp(line, old, length) == 0 && line[length] == ' ';
    fprintf(after, "%s%s", is_it ? id : "", is_it ? line + length : line);
  }
  fclose(before);
  if (fclose(after) != 0 || rename(draft, path) != 0) fail("names");
}

static void opened(int descriptor, const char *path) {
  struct stat status;
  if (descriptor >= MOST_DESCRIPTORS || fstat(descriptor, &status) != 0) fail("fstat");
  pthread_mutex_lock(&lock);
  struct file *file = NULL;
  for (size_t i = 0; i < file_count && file == NULL; i++)
    if (files[i].inode == status.st_ino && files[i].device == status.st_dev) file = &files[i];
  if (file == NULL) {
    if (file_count == MOST_FILES) fail("too many files");
    file = &files[file_count++];
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->kind = kind_of(path);
    snprintf(file->id, sizeof file->id, "%llu", (unsigned long long)status.st_ino);
    char copy[8192];
    copy_path(file->id, copy, sizeof copy);
    if (S_ISREG(status.st_mode) && access(copy, F_OK) != 0) {
      /* Seen for the first time: all of it is durable; of a new one there is nothing. */
      file->room = 64;
      file->written = malloc(file->room * sizeof *file->written);
      file->written[0] = (struct range){0, status.st_size};
      file->count = 1;
      keep(file, descriptor);
    }
  }
  of[descriptor] = file;
  pthread_mutex_unlock(&lock);
}

/* What is interposed. */

static int open_it(int at, const char *path, int flags, mode_t mode) {
  prepare();
  bool ours = is_ours(path);
  if (ours && (flags & (O_WRONLY | O_RDWR | O_CREAT)) && fails(kind_of(path), OPEN_ERRNO)) return -1;
  int descriptor = real_openat(at, path, flags, mode);
  if (ours && descriptor >= 0) opened(descriptor, path);
  return descriptor;
}

#define OPEN(name)                                                \
  int name(const char *path, int flags, ...) {                    \
    va_list rest;                                                 \
    va_start(rest, flags);                                        \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                 \
    return open_it(AT_FDCWD, path, flags, mode);                  \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                              \
  int name(int at, const char *path, int flags, ...) {            \
    va_list rest;                                                 \
    va_start(rest, flags);                                        \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                 \
    return open_it(at, path, flags, mode);                        \
  }
OPENAT(openat)
OPENAT(openat64)

int close(int descriptor) {
  prepare();
  if (file_of(descriptor) != NULL) of[descriptor] = NULL;
  return real_close(descriptor);
}

int unlink(const char *path) {
  prepare();
  struct stat status;
  if (is_ours(path) && stat(path, &status) == 0) {
    if (fails(kind_of(path), OPEN_ERRNO)) return -1;
    pthread_mutex_lock(&lock);
    names_unlink(status.st_ino);
    pthread_mutex_unlock(&lock);
  }
  return real_unlink(path);
}

static bool fails_to_read(int descriptor) {
  prepare();
  struct file *file = file_of(descriptor);
  if (file == NULL) return false;
  counted(READS);
  return fails(file->kind, READ_ERRNO);
}

ssize_t read(int descriptor, void *bytes, size_t size) {
  return fails_to_read(descriptor) ? -1 : real_read(descriptor, bytes, size);
}

ssize_t pread(int descriptor, void *bytes, size_t size, off_t at) {
  return fails_to_read(descriptor) ? -1 : real_pread(descriptor, bytes, size, at);
}

ssize_t pread64(int descriptor, void *bytes, size_t size, off_t at) {
  return fails_to_read(descriptor) ? -1 : real_pread(descriptor, bytes, size, at);
}

/* How much of a write is done; -1: it fails. */
static ssize_t room_for(struct file *file, size_t size) {
  counted(WRITES);
  if (fails(file->kind, WRITE_ERRNO)) return -1;
  if ((control[KINDS] & file->kind) == 0) return (ssize_t)size;
  if (control[WRITE_SHORT] && size > 1) size /= 2;
  if (control[WRITE_ROOM] < 0) return (ssize_t)size;
  if (control[WRITE_ROOM] == 0) {
    counted(FAILED);
    errno = ENOSPC;
    return -1;
  }
  if ((int64_t)size > control[WRITE_ROOM]) size = (size_t)control[WRITE_ROOM];
  control[WRITE_ROOM] -= (int64_t)size;
  return (ssize_t)size;
}

static ssize_t pwrite_it(int descriptor, const void *bytes, size_t size, off_t at) {
  prepare();
  struct file *file = file_of(descriptor);
  if (file == NULL) return real_pwrite(descriptor, bytes, size, at);
  ssize_t room = room_for(file, size);
  if (room < 0) return -1;
  ssize_t done = real_pwrite(descriptor, bytes, (size_t)room, at);
  if (done > 0) written(file, at, at + done);
  return done;
}

ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at) {
  return pwrite_it(descriptor, bytes, size, at);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off_t at) {
  return pwrite_it(descriptor, bytes, size, at);
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
  prepare();
  struct file *file = file_of(descriptor);
  if (file == NULL) return real_write(descriptor, bytes, size);
  ssize_t room = room_for(file, size);
  if (room < 0) return -1;
  ssize_t done = real_write(descriptor, bytes, (size_t)room);
  off_t end = lseek(descriptor, 0, SEEK_CUR);
  if (done > 0) written(file, end - done, end);
  return done;
}

static bool fails_to_allocate(int descriptor) {
  prepare();
  struct file *file = file_of(descriptor);
  if (file == NULL) return false;
  if (fails(file->kind, WRITE_ERRNO)) return true;
  if (control[WRITE_ROOM] != 0 || (control[KINDS] & file->kind) == 0) return false;
  counted(FAILED);
  errno = ENOSPC;
  return true;
}

int ftruncate(int descriptor, off_t size) {
  prepare();
  struct file *file = file_of(descriptor); /* A full disk does not keep a file from shrinking. */
  if (file != NULL && fails(file->kind, WRITE_ERRNO)) return -1;
  return real_ftruncate(descriptor, size);
}

int ftruncate64(int descriptor, off_t size) { return ftruncate(descriptor, size); }

int fallocate(int descriptor, int mode, off_t at, off_t size) {
  return fails_to_allocate(descriptor) ? -1 : real_fallocate(descriptor, mode, at, size);
}

int fallocate64(int descriptor, int mode, off_t at, off_t size) {
  return fallocate(descriptor, mode, at, size);
}

int posix_fallocate(int descriptor, off_t at, off_t size) {
  return fails_to_allocate(descriptor) ? errno : real_posix_fallocate(descriptor, at, size);
}

int posix_fallocate64(int descriptor, off_t at, off_t size) {
  return posix_fallocate(descriptor, at, size);
}

static void wait_ns(int64_t ns) {
  struct timespec time = {ns / 1000000000, ns % 1000000000};
  nanosleep(&time, NULL);
}

/* `really` is not called: the machine that runs the tests has a disk, too, and no need to wait. */
static int sync_it(int descriptor, int (*really)(int)) {
  prepare();
  struct file *file = file_of(descriptor);
  if (file == NULL) return really(descriptor);
  bool is_slow = (control[KINDS] & file->kind) != 0;
  counted(SYNCS_BEGUN);
  while (is_slow && control[SYNC_HOLD]) wait_ns(1000000);
  if (is_slow && control[SYNC_NS]) wait_ns(control[SYNC_NS]);
  bool failed = fails(file->kind, SYNC_ERRNO);
  int error = errno;
  pthread_mutex_lock(&lock);
  if (failed)
    file->count = 0; /* Linux marks the pages clean. */
  else if (file->kind == FOLDER)
    names_write();
  else
    keep(file, descriptor);
  pthread_mutex_unlock(&lock);
  counted(SYNCS_DONE);
  errno = error;
  return failed ? -1 : 0;
}

int fsync(int descriptor) {
  prepare();
  return sync_it(descriptor, real_fsync);
}

int fdatasync(int descriptor) {
  prepare();
  return sync_it(descriptor, real_fdatasync);
}

/* The clock. */

int clock_gettime(clockid_t clock, struct timespec *time) {
  prepare();
  int result = real_clock_gettime(clock, time);
  int64_t off = 0;
  if (control != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    off = control[CLOCK_NS] + control[SLEPT_NS];
  } else if (control != NULL && clock == CLOCK_BOOTTIME) {
    off = control[SLEPT_NS];
  }
  if (result == 0) {
    off += time->tv_nsec;
    time->tv_sec += off / 1000000000;
    time->tv_nsec = off % 1000000000;
    if (time->tv_nsec < 0) {
      time->tv_nsec += 1000000000;
      time->tv_sec--;
    }
  }
  return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where != NULL) *where = now.tv_sec;
  return now.tv_sec;
}
