#include "cli.h"

#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errors.h"

static void
print_usage (const CsVerb *verb, FILE *out)
{
  fprintf (out, "Usage: crosscope-cli %s %s\n", verb->name, verb->usage);
}

int
cs_cli_usage (const CsVerb *verb, const char *sentence)
{
  fprintf (stderr, "crosscope-cli: %s\n", sentence);
  print_usage (verb, stderr);
  return CS_EXIT_USAGE;
}

int
cs_cli_fail (const GError *error)
{
  fprintf (stderr, "crosscope-cli: %s\n", error->message);
  return g_error_matches (error, CS_ERROR, CS_ERROR_CANCELLED) ? CS_EXIT_INTERRUPTED : CS_EXIT_FAILED;
}

bool
cs_cli_parse (int *argc, char ***argv, const CsVerb *verb, const GOptionEntry *entries, int min, int max, int *status)
{
  g_autoptr (GOptionContext) context = g_option_context_new (verb->usage);
  g_autoptr (GError) error = NULL;

  for (int i = 1; i < *argc && strcmp ((*argv)[i], "--") != 0; i++)
    if (strcmp ((*argv)[i], "--help") == 0 || strcmp ((*argv)[i], "-h") == 0)
      {
        print_usage (verb, stdout);
        printf ("%s\n", verb->summary);
        *status = CS_EXIT_DONE;
        return false;
      }
  g_option_context_set_help_enabled (context, FALSE);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      *status = cs_cli_usage (verb, error->message);
      return false;
    }
  if (*argc > 1 && strcmp ((*argv)[1], "--") == 0)
    {
      memmove (*argv + 1, *argv + 2, (size_t) (*argc - 1) * sizeof **argv);
      (*argc)--;
    }
  if (*argc - 1 < min || (max >= 0 && *argc - 1 > max))
    {
      *status = cs_cli_usage (verb, *argc - 1 < min ? "An argument is missing." : "There are more arguments than this verb takes.");
      return false;
    }
  return true;
}

/* --- Jobs --- */

typedef struct {
  CsJob *job;
  atomic_bool ended;
  sigset_t signals;
} Watch;

static void
print_progress (CsJob *job, bool live)
{
  CsJobSnapshot s;

  cs_job_snapshot (job, &s);
  if (live)
    fprintf (stderr, "\r\033[K");
  fprintf (stderr, "%s", s.phase != NULL ? s.phase : s.title);
  if (s.total > 0)
    fprintf (stderr, ": %.0f of %.0f %s (%.0f %%)", s.done, s.total, s.unit != NULL ? s.unit : "", 100 * s.done / s.total);
  if (s.rate > 0)
    fprintf (stderr, ", %.0f/s", s.rate);
  if (s.eta >= 0)
    fprintf (stderr, ", %.0f s left", s.eta);
  fprintf (stderr, live ? "" : "\n");
  fflush (stderr);
  cs_job_snapshot_clear (&s);
}

static void
interrupted (Watch *watch, unsigned count)
{
  if (count == 1)
    {
      fprintf (stderr, "\ncrosscope-cli: stopping; everything so far is kept.\n");
      cs_job_cancel (watch->job);
    }
  else if (count >= 3)
    _exit (CS_EXIT_INTERRUPTED);
}

/* Waits for signals and prints progress in between. */
static void *
watch_thread (void *data)
{
  Watch *watch = data;
  const bool live = isatty (STDERR_FILENO);
  const struct timespec tick = { .tv_nsec = 200 * 1000 * 1000 };
  unsigned count = 0, ticks = 0;
  bool printed = false;

  while (!atomic_load (&watch->ended))
    {
      if (sigtimedwait (&watch->signals, NULL, &tick) > 0)
        interrupted (watch, ++count);
      else if (live ? ++ticks % 2 == 0 : ++ticks % 50 == 0)
        {
          print_progress (watch->job, live);
          printed = true;
        }
    }
  if (live && printed)
    fprintf (stderr, "\r\033[K");
  return NULL;
}

int
cs_cli_job (const char *title, CsJobFunc func, void *data)
{
  g_autoptr (CsJob) job = cs_job_new (title, func, data, NULL);
  g_autoptr (GError) error = NULL;
  Watch watch = { .job = job };
  GThread *thread;
  sigset_t old;
  bool ok;

  sigemptyset (&watch.signals);
  sigaddset (&watch.signals, SIGINT);
  sigaddset (&watch.signals, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &watch.signals, &old); /* every thread of the job inherits this */
  thread = g_thread_new ("watch", watch_thread, &watch);
  ok = cs_job_run (job, &error);
  atomic_store (&watch.ended, true);
  g_thread_join (thread);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  return ok ? CS_EXIT_DONE : cs_cli_fail (error);
}

void
cs_cli_print_json (json_t *value)
{
  char *dumped = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION (9));

  printf ("%s\n", dumped != NULL ? dumped : "null");
  fflush (stdout);
  free (dumped);
  json_decref (value);
}

json_t *
cs_cli_real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}
