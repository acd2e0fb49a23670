/* Running a job on the command line: the progress line and Ctrl-C. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

#define PLAIN_SECONDS 10
#define TICK_US (200 * 1000)

/* A signal may arrive on any thread (the linear-algebra library starts its own before main), so
 * that blocking it here would not keep it away: the handler only counts, the watching thread acts.
 */
static atomic_uint signals_seen;
static atomic_bool job_runs;

static void
on_signal (int number)
{
  unsigned count = atomic_fetch_add (&signals_seen, 1) + 1;

  if (!atomic_load (&job_runs) || count >= 3)
    _exit (CS_EXIT_INTERRUPTED);
}

void
cs_cli_catch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

  sigemptyset (&action.sa_mask);
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

typedef struct
{
  CsJob *job;
  atomic_bool ended;
} Watch;

static char *
progress_text (CsJob *job)
{
  CsJobSnapshot s;
  GString *text;

  cs_job_snapshot (job, &s);
  text = g_string_new (s.phase != NULL ? s.phase : s.title);
  if (s.total > 0)
    g_string_append_printf (text, ": %.0f of %.0f %s (%.0f %%)", s.done, s.total,
                            s.unit != NULL ? s.unit : "", 100 * s.done / s.total);
  if (s.rate > 0)
    g_string_append_printf (text, ", %.*f/s", s.rate < 10 ? 1 : 0, s.rate);
  if (s.eta >= 0)
    g_string_append_printf (text, ", %.0f s left", s.eta);
  cs_job_snapshot_clear (&s);
  return g_string_free (text, FALSE);
}

static long
terminal_columns (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

static void
print_progress (CsJob *job, bool live)
{
  g_autofree char *text = progress_text (job);

  if (live)
    {
      const long columns = terminal_columns () - 1;
      g_autofree char *shown =
          g_utf8_strlen (text, -1) > columns ? g_utf8_substring (text, 0, columns) : NULL;

      fprintf (stderr, "\r\033[K%s", shown != NULL ? shown : text);
    }
  else
    fprintf (stderr, "%s\n", text);
  fflush (stderr);
}

static void *
watch_thread (void *data)
{
  Watch *watch = data;
  const bool live = isatty (STDERR_FILENO);
  gint64 printed = g_get_monotonic_time ();
  bool cancelled = false, dirty = false;

  while (!atomic_load (&watch->ended))
    {
      g_usleep (TICK_US);
      if (!cancelled && atomic_load (&signals_seen) > 0)
        {
          fprintf (stderr, "%scrosscope-cli: stopping; everything so far is kept.\n",
                   live ? "\r\033[K" : "");
          cs_job_cancel (watch->job);
          cancelled = true;
        }
      if (!atomic_load (&watch->ended) &&
          (live || g_get_monotonic_time () - printed >= PLAIN_SECONDS * G_USEC_PER_SEC))
        {
          print_progress (watch->job, live);
          printed = g_get_monotonic_time ();
          dirty = live;
        }
    }
  if (dirty)
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
  bool ok;

  atomic_store (&job_runs, true);
  thread = g_thread_new ("watch", watch_thread, &watch);
  ok = cs_job_run (job, &error);
  atomic_store (&watch.ended, true);
  g_thread_join (thread);
  atomic_store (&job_runs, false);
  return ok ? CS_EXIT_DONE : cs_cli_fail (error);
}
