/* One generation counter starts all workers and one counter of unfinished workers ends the run.
 * Both sides spin for some tens of microseconds, which covers the gaps between the products of a
 * training step, and sleep on a condition variable after that.
 *
 * No wake-up is lost: whoever goes to sleep first announces it and then looks at the counter again,
 * the other side changes the counter first and then looks at the announcement, all in the one order
 * of sequentially consistent atomics; and a sleeper holds the mutex between its look and its sleep.
 */
#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <glib.h>

enum { MAX_THREADS = 256 };
enum { SPIN_NANOSECONDS = 40000, SPINS_PER_CLOCK = 32 };

typedef struct {
  CsTeam   *team;
  pthread_t thread;
  unsigned  index;
} Worker;

struct CsTeam {
  unsigned    size;
  bool        spins;
  Worker     *workers;        /* size − 1 of them */

  /* The task: written before `generation` moves, read after. */
  size_t      n_items;
  CsTeamFunc  func;
  void       *data;

  atomic_uint generation;
  atomic_uint n_unfinished;   /* workers that have not done their range of this generation */
  atomic_uint n_sleeping;     /* workers on (or about to be on) `wake` */
  atomic_bool caller_sleeping;
  atomic_bool stopping;

  pthread_mutex_t mutex;
  pthread_cond_t  wake, done;
};

static inline void
relax (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("yield");
#endif
}

static uint64_t
now_ns (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (uint64_t) time.tv_sec * UINT64_C (1000000000) + (uint64_t) time.tv_nsec;
}

/* Returns whether *value became different from `from` within the time for spinning. */
static bool
spin_until_changed (const CsTeam *team, atomic_uint *value, unsigned from)
{
  if (!team->spins)
    return atomic_load (value) != from;

  for (uint64_t end = now_ns () + SPIN_NANOSECONDS; now_ns () < end;)
    for (int i = 0; i < SPINS_PER_CLOCK; i++)
      {
        if (atomic_load_explicit (value, memory_order_acquire) != from)
          return true;
        relax ();
      }
  return false;
}

static void
run_range (CsTeam *team, unsigned worker)
{
  size_t share = team->n_items / team->size;
  size_t longer = team->n_items % team->size; /* the first `longer` ranges have one item more */
  size_t begin = share * worker + MIN (worker, longer);
  size_t end = begin + share + (worker < longer ? 1 : 0);

  if (begin < end)
    team->func (begin, end, worker, team->data);
}

static void
wait_for_generation (CsTeam *team, unsigned seen)
{
  if (spin_until_changed (team, &team->generation, seen))
    return;

  pthread_mutex_lock (&team->mutex);
  atomic_fetch_add (&team->n_sleeping, 1);
  while (atomic_load (&team->generation) == seen)
    pthread_cond_wait (&team->wake, &team->mutex);
  atomic_fetch_sub (&team->n_sleeping, 1);
  pthread_mutex_unlock (&team->mutex);
}

static void
finish_range (CsTeam *team)
{
  if (atomic_fetch_sub (&team->n_unfinished, 1) != 1 || !atomic_load (&team->caller_sleeping))
    return;

  pthread_mutex_lock (&team->mutex);
  pthread_cond_signal (&team->done);
  pthread_mutex_unlock (&team->mutex);
}

static void *
work (void *data)
{
  Worker *worker = data;
  CsTeam *team = worker->team;

  for (unsigned seen = 0;; seen++)
    {
      wait_for_generation (team, seen);
      if (atomic_load (&team->stopping))
        return NULL;
      run_range (team, worker->index);
      finish_range (team);
    }
}

static void
start_generation (CsTeam *team)
{
  atomic_fetch_add (&team->generation, 1);
  if (atomic_load (&team->n_sleeping) == 0)
    return;

  pthread_mutex_lock (&team->mutex);
  pthread_cond_broadcast (&team->wake);
  pthread_mutex_unlock (&team->mutex);
}

static void
wait_for_workers (CsTeam *team)
{
  unsigned left;

  while ((left = atomic_load (&team->n_unfinished)) != 0)
    if (!spin_until_changed (team, &team->n_unfinished, left))
      break;
  if (left == 0)
    return;

  pthread_mutex_lock (&team->mutex);
  atomic_store (&team->caller_sleeping, true);
  while (atomic_load (&team->n_unfinished) != 0)
    pthread_cond_wait (&team->done, &team->mutex);
  atomic_store (&team->caller_sleeping, false);
  pthread_mutex_unlock (&team->mutex);
}

static unsigned
n_usable_processors (void)
{
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) == 0)
    return (unsigned) MAX (CPU_COUNT (&set), 1);
  return g_get_num_processors ();
}

/* Signals stay with the thread that made the team: a Ctrl-C is never handled on a worker. A system
 * that refuses a thread gives a smaller team. */
static void
start_workers (CsTeam *team, unsigned n_threads)
{
  sigset_t all, old;

  sigfillset (&all);
  pthread_sigmask (SIG_SETMASK, &all, &old);
  team->workers = g_new0 (Worker, n_threads);
  team->size = n_threads;
  for (unsigned i = 1; i < n_threads; i++)
    {
      Worker *worker = &team->workers[i - 1];

      worker->team = team;
      worker->index = i;
      if (pthread_create (&worker->thread, NULL, work, worker) != 0)
        {
          team->size = i;
          break;
        }
      pthread_setname_np (worker->thread, "crosscope-team");
    }
  pthread_sigmask (SIG_SETMASK, &old, NULL);
}

CsTeam *
cs_team_new (unsigned n_threads)
{
  CsTeam *team = g_new0 (CsTeam, 1);
  unsigned n_processors = n_usable_processors ();

  team->spins = n_processors > 1;
  atomic_init (&team->generation, 0);
  atomic_init (&team->n_unfinished, 0);
  atomic_init (&team->n_sleeping, 0);
  atomic_init (&team->caller_sleeping, false);
  atomic_init (&team->stopping, false);
  pthread_mutex_init (&team->mutex, NULL);
  pthread_cond_init (&team->wake, NULL);
  pthread_cond_init (&team->done, NULL);
  start_workers (team, MIN (n_threads > 0 ? n_threads : n_processors, MAX_THREADS));
  return team;
}

void
cs_team_free (CsTeam *team)
{
  if (team == NULL)
    return;

  atomic_store (&team->stopping, true);
  start_generation (team);
  for (unsigned i = 1; i < team->size; i++)
    pthread_join (team->workers[i - 1].thread, NULL);
  pthread_cond_destroy (&team->done);
  pthread_cond_destroy (&team->wake);
  pthread_mutex_destroy (&team->mutex);
  g_free (team->workers);
  g_free (team);
}

unsigned
cs_team_size (const CsTeam *team)
{
  return team != NULL ? team->size : 1;
}

void
cs_team_run (CsTeam *team, size_t n_items, CsTeamFunc func, void *data)
{
  if (n_items == 0)
    return;
  if (team == NULL || team->size == 1 || n_items == 1)
    {
      func (0, n_items, 0, data);
      return;
    }

  team->n_items = n_items;
  team->func = func;
  team->data = data;
  atomic_store_explicit (&team->n_unfinished, team->size - 1, memory_order_relaxed);
  start_generation (team);
  run_range (team, 0);
  wait_for_workers (team);
}
