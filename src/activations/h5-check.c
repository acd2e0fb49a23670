#include "h5-check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errors.h"
#include "h5-check-status.h"

#define N_KNOWN 32
/* A file that has just changed can change again within one tick of the file system's clock. */
#define YOUNG_NANOSECONDS 50000000

typedef struct
{
  const void *owner;
  dev_t device;
  ino_t inode;
} Writing;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stat known[N_KNOWN]; /* files that were found good; the oldest is replaced */
static size_t n_known;
static Writing *writing; /* NULL or n_writing entries */
static size_t n_writing;

void
cs_h5_check_begin_writing (const void *owner, const char *path)
{
  struct stat info;

  if (stat (path, &info) != 0)
    return;
  pthread_mutex_lock (&lock);
  writing = g_renew (Writing, writing, n_writing + 1);
  writing[n_writing++] = (Writing){ owner, info.st_dev, info.st_ino };
  pthread_mutex_unlock (&lock);
}

void
cs_h5_check_end_writing (const void *owner)
{
  pthread_mutex_lock (&lock);
  for (size_t i = n_writing; i-- > 0;)
    if (writing[i].owner == owner)
      writing[i] = writing[--n_writing];
  if (n_writing == 0)
    g_clear_pointer (&writing, g_free);
  pthread_mutex_unlock (&lock);
}

static bool
same_time (struct timespec a, struct timespec b)
{
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same_file (const struct stat *a, const struct stat *b)
{
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
         same_time (a->st_mtim, b->st_mtim) && same_time (a->st_ctim, b->st_ctim);
}

/* Written to by this process, or found good before. */
static bool
is_known (const struct stat *info)
{
  bool found = false;

  pthread_mutex_lock (&lock);
  for (size_t i = 0; i < n_writing && !found; i++)
    found = writing[i].device == info->st_dev && writing[i].inode == info->st_ino;
  for (size_t i = 0; i < MIN (n_known, N_KNOWN) && !found; i++)
    found = same_file (&known[i], info);
  pthread_mutex_unlock (&lock);
  return found;
}

static void
remember (const struct stat *info)
{
  pthread_mutex_lock (&lock);
  known[n_known % N_KNOWN] = *info;
  n_known = n_known + 1 < 2 * N_KNOWN ? n_known + 1 : N_KNOWN;
  pthread_mutex_unlock (&lock);
}

/* Unchanged for long enough that the next change will show. */
static bool
is_settled (const struct stat *info)
{
  struct timespec now;

  clock_gettime (CLOCK_REALTIME, &now);
  return (now.tv_sec - info->st_ctim.tv_sec) * 1e9 + (double)(now.tv_nsec - info->st_ctim.tv_nsec) >
         YOUNG_NANOSECONDS;
}

static char *
existing (char *path)
{
  if (access (path, X_OK) == 0)
    return path;
  g_free (path);
  return NULL;
}

static char *
find_program (void)
{
  const char *named = g_getenv ("CROSSCOPE_H5_CHECK");
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);

  if (named != NULL)
    return existing (g_strdup (named));
  if (self != NULL && g_str_has_prefix (self, CS_BUILD_FOLDER "/"))
    return existing (g_strdup (CS_H5_CHECK_BUILT));
  return existing (g_strdup (CS_H5_CHECK_INSTALLED));
}

/* No file of this process goes along (an HDF5 file's lock would live on in the program), and no
 * signal that the terminal sends reaches it. */
static bool
prepare_spawn (posix_spawn_file_actions_t *files, posix_spawnattr_t *attributes)
{
  sigset_t none, defaults;

  sigemptyset (&none);
  sigemptyset (&defaults);
  sigaddset (&defaults, SIGALRM);
  sigaddset (&defaults, SIGXCPU);
  sigaddset (&defaults, SIGPIPE);
  return posix_spawn_file_actions_addopen (files, 0, "/dev/null", O_RDWR, 0) == 0 &&
         posix_spawn_file_actions_adddup2 (files, 0, 1) == 0 &&
         posix_spawn_file_actions_adddup2 (files, 0, 2) == 0 &&
         posix_spawn_file_actions_addclosefrom_np (files, 3) == 0 &&
         posix_spawnattr_setpgroup (attributes, 0) == 0 &&
         posix_spawnattr_setsigmask (attributes, &none) == 0 &&
         posix_spawnattr_setsigdefault (attributes, &defaults) == 0 &&
         posix_spawnattr_setflags (attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                   POSIX_SPAWN_SETSIGDEF) == 0;
}

/* The program takes no lock, so that a file in use is no damaged one, and loads no plug-ins. */
static int
spawn (char *program, char *path, pid_t *child)
{
  char *arguments[] = { program, path, NULL };
  g_auto (GStrv) environment = g_get_environ ();
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int failure = ENOMEM;

  environment = g_environ_setenv (environment, "HDF5_USE_FILE_LOCKING", "FALSE", true);
  environment = g_environ_setenv (environment, "HDF5_PLUGIN_PRELOAD", "::", true);
  if (posix_spawn_file_actions_init (&files) != 0)
    return ENOMEM;
  if (posix_spawnattr_init (&attributes) == 0)
    {
      if (prepare_spawn (&files, &attributes))
        failure = posix_spawn (child, program, &files, &attributes, arguments, environment);
      posix_spawnattr_destroy (&attributes);
    }
  posix_spawn_file_actions_destroy (&files);
  return failure;
}

static bool
run_program (char *program, const char *path, int *status, GError **error)
{
  g_autofree char *argument = g_strdup (path);
  pid_t child;
  int failure = spawn (program, argument, &child);

  while (failure == 0 && waitpid (child, status, 0) < 0)
    if (errno != EINTR)
      failure = errno;
  if (failure != 0)
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s cannot be checked before it is opened: %s cannot be run: %s; free some memory "
                 "and try again.",
                 path, program, g_strerror (failure));
  return failure == 0;
}

/* HDF5 locks a file that it writes to. */
static bool
is_locked (const char *path)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  bool locked = fd >= 0 && flock (fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

  if (fd >= 0)
    close (fd);
  return locked;
}

static const char *
what_is_wrong (int status)
{
  if (WIFSIGNALED (status) && (WTERMSIG (status) == SIGALRM || WTERMSIG (status) == SIGXCPU))
    return "reading its structures does not come to an end";
  if (WIFEXITED (status) && WEXITSTATUS (status) == H5_CHECK_DAMAGED)
    return "some of what it holds cannot be read";
  if (WIFEXITED (status) && WEXITSTATUS (status) == H5_CHECK_UNSUPPORTED)
    return "it holds links, storage or sizes that such a file never has";
  return "its structures make no sense";
}

static bool
judge (const char *path, int status, GError **error)
{
  if (WIFEXITED (status) && WEXITSTATUS (status) == H5_CHECK_FINE)
    return true;
  if (is_locked (path))
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s is being used by another program; try again when it is done.", path);
  else if (WIFEXITED (status) && WEXITSTATUS (status) == H5_CHECK_NOT_HDF5)
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                 "%s cannot be opened: it is no HDF5 file, or truncated; restore a copy or make it "
                 "again.",
                 path);
  else
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                 "%s is damaged inside: %s; restore a copy or make it again.", path,
                 what_is_wrong (status));
  return false;
}

bool
cs_h5_check (const char *path, GError **error)
{
  g_autofree char *program = NULL;
  struct stat info;
  bool settled;
  int status;

  if (stat (path, &info) != 0 || !S_ISREG (info.st_mode) || access (path, R_OK) != 0 ||
      is_known (&info))
    return true;
  program = find_program ();
  if (program == NULL)
    {
      g_debug ("%s is opened unchecked: there is no crosscope-h5-check.", path);
      return true;
    }
  settled = is_settled (&info);
  if (!run_program (program, path, &status, error) || !judge (path, status, error))
    return false;
  if (settled)
    remember (&info);
  return true;
}
