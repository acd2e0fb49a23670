/* All state is under one pthread mutex. "changed" is emitted by a timeout source on the context of
 * the job's maker; at most one is pending. The source only has a weak reference, so an observer
 * that lets go of a job can forget it.
 *
 * The worker thread owns a reference while it runs. It never drops it itself: the source of the
 * last "changed" takes it over, so that a job (and the closures connected to it) is finalised on
 * the maker's context. */
#include "job.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "errors.h"
#include "job-clock.h"

enum { EMIT_INTERVAL_US = 1000000 / 30 };
enum { WORKER_NICENESS = 10 };

struct _CsJob {
  GObject         parent_instance;

  char           *title;
  CsJobFunc       func;
  void           *data;
  GDestroyNotify  free_data;
  GMainContext   *context;

  pthread_mutex_t mutex;
  pthread_cond_t  cond;           /* state changed, or cancelled */
  CsJobState      state;
  bool            cancelled;
  GError         *error;

  CsJobClock      clock;
  double          done, total;
  char           *unit, *phase;

  GSource        *pending;        /* will emit "changed"; NULL when none is on its way */
  gint64          emitted_at;     /* monotonic µs */
};

enum { CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (CsJob, cs_job, G_TYPE_OBJECT)

/* ---- "changed" ---- */

typedef struct {
  GWeakRef job;
  CsJob   *last; /* the worker's reference, when this is the last emission */
} Emission;

static void
emission_free (void *data)
{
  Emission *emission = data;

  g_clear_object (&emission->last);
  g_weak_ref_clear (&emission->job);
  g_free (emission);
}

static gboolean
emit_changed (void *data)
{
  Emission *emission = data;
  g_autoptr (CsJob) job = g_weak_ref_get (&emission->job);

  if (job == NULL)
    return G_SOURCE_REMOVE;
  pthread_mutex_lock (&job->mutex);
  if (emission->last == NULL)
    g_clear_pointer (&job->pending, g_source_unref);
  job->emitted_at = g_get_monotonic_time ();
  pthread_mutex_unlock (&job->mutex);
  g_signal_emit (job, signals[CHANGED], 0);
  return G_SOURCE_REMOVE;
}

static GSource *
emission_source (CsJob *job, CsJob *last, guint milliseconds)
{
  Emission *emission = g_new0 (Emission, 1);
  GSource *source = g_timeout_source_new (milliseconds);

  g_weak_ref_init (&emission->job, job);
  emission->last = last;
  g_source_set_callback (source, emit_changed, emission, emission_free);
  g_source_set_static_name (source, "crosscope job");
  return source;
}

/* Under the mutex. */
static void
schedule_changed (CsJob *job)
{
  gint64 wait;

  if (job->pending != NULL)
    return;
  wait = job->emitted_at > 0 ? job->emitted_at + EMIT_INTERVAL_US - g_get_monotonic_time () : 0;
  job->pending = emission_source (job, NULL, (guint) ((MAX (wait, 0) + 999) / 1000));
  g_source_attach (job->pending, job->context);
}

/* Takes the caller's reference to job over. */
static void
hand_over (CsJob *job)
{
  g_autoptr (GSource) source = emission_source (job, job, 0);
  g_autoptr (GMainContext) context = g_main_context_ref (job->context);

  g_source_attach (source, context);
}

/* ---- states ---- */

static bool
has_ended (CsJobState state)
{
  return state == CS_JOB_DONE || state == CS_JOB_FAILED || state == CS_JOB_CANCELLED;
}

/* Under the mutex. */
static void
set_state (CsJob *job, CsJobState state)
{
  job->state = state;
  if (state == CS_JOB_RUNNING)
    cs_job_clock_start (&job->clock);
  else
    cs_job_clock_stop (&job->clock);
  pthread_cond_broadcast (&job->cond);
  schedule_changed (job);
}

static GError *
cancelled_error (const CsJob *job)
{
  return g_error_new (CS_ERROR, CS_ERROR_CANCELLED, "“%s” was cancelled: what was complete is kept",
                      job->title);
}

/* Takes error over. */
static void
end (CsJob *job, bool good, GError *error)
{
  pthread_mutex_lock (&job->mutex);
  if (good)
    {
      g_clear_error (&error);
      set_state (job, CS_JOB_DONE);
    }
  else
    {
      if (error == NULL)
        error = g_error_new (CS_ERROR, CS_ERROR_USAGE,
                             "“%s” failed and gave no reason: run it again", job->title);
      job->error = error;
      set_state (job, g_error_matches (error, CS_ERROR, CS_ERROR_CANCELLED) ? CS_JOB_CANCELLED
                                                                           : CS_JOB_FAILED);
    }
  pthread_mutex_unlock (&job->mutex);
}

static void
call_function (CsJob *job)
{
  GError *error = NULL;
  bool good = job->func == NULL || job->func (job, job->data, &error);

  end (job, good, error);
}

/* On Linux niceness belongs to the thread; the threads that it starts inherit it. */
static void
lower_priority (void)
{
  id_t thread = (id_t) syscall (SYS_gettid);

  if (getpriority (PRIO_PROCESS, thread) < WORKER_NICENESS &&
      setpriority (PRIO_PROCESS, thread, WORKER_NICENESS) != 0)
    g_debug ("the job runs at normal priority");
}

static void *
run_on_thread (void *data)
{
  CsJob *job = data;

  pthread_setname_np (pthread_self (), "crosscope-job");
  lower_priority ();
  call_function (job);
  hand_over (job);
  return NULL;
}

static bool
leave_queue (CsJob *job)
{
  bool was_queued;

  pthread_mutex_lock (&job->mutex);
  was_queued = job->state == CS_JOB_QUEUED;
  if (was_queued)
    set_state (job, CS_JOB_RUNNING);
  pthread_mutex_unlock (&job->mutex);
  return was_queued;
}

void
cs_job_start (CsJob *job)
{
  pthread_t thread;

  g_return_if_fail (CS_IS_JOB (job));
  if (!leave_queue (job))
    return;
  if (pthread_create (&thread, NULL, run_on_thread, g_object_ref (job)) == 0)
    {
      pthread_detach (thread);
      return;
    }
  end (job, false,
       g_error_new (CS_ERROR, CS_ERROR_IO, "“%s” found no thread to run on: close other programs",
                    job->title));
  g_object_unref (job);
}

void
cs_job_pause (CsJob *job)
{
  g_return_if_fail (CS_IS_JOB (job));
  pthread_mutex_lock (&job->mutex);
  if (job->state == CS_JOB_RUNNING && !job->cancelled)
    set_state (job, CS_JOB_PAUSED);
  pthread_mutex_unlock (&job->mutex);
}

void
cs_job_resume (CsJob *job)
{
  g_return_if_fail (CS_IS_JOB (job));
  pthread_mutex_lock (&job->mutex);
  if (job->state == CS_JOB_PAUSED)
    set_state (job, CS_JOB_RUNNING);
  pthread_mutex_unlock (&job->mutex);
}

void
cs_job_cancel (CsJob *job)
{
  g_return_if_fail (CS_IS_JOB (job));
  pthread_mutex_lock (&job->mutex);
  if (!has_ended (job->state))
    {
      job->cancelled = true;
      if (job->state == CS_JOB_QUEUED)
        {
          job->error = cancelled_error (job);
          set_state (job, CS_JOB_CANCELLED);
        }
      else
        set_state (job, CS_JOB_RUNNING);
    }
  pthread_mutex_unlock (&job->mutex);
}

bool
cs_job_wait (CsJob *job, GError **error)
{
  bool good;

  g_return_val_if_fail (CS_IS_JOB (job), false);
  pthread_mutex_lock (&job->mutex);
  while (!has_ended (job->state))
    pthread_cond_wait (&job->cond, &job->mutex);
  good = job->state == CS_JOB_DONE;
  if (!good)
    g_propagate_error (error, g_error_copy (job->error));
  pthread_mutex_unlock (&job->mutex);
  return good;
}

bool
cs_job_run (CsJob *job, GError **error)
{
  g_return_val_if_fail (CS_IS_JOB (job), false);
  if (leave_queue (job))
    call_function (job);
  return cs_job_wait (job, error);
}

/* ---- for the function ---- */

bool
cs_job_checkpoint (CsJob *job, GError **error)
{
  bool cancelled;

  if (job == NULL)
    return true;
  pthread_mutex_lock (&job->mutex);
  while (job->state == CS_JOB_PAUSED && !job->cancelled)
    pthread_cond_wait (&job->cond, &job->mutex);
  cancelled = job->cancelled;
  pthread_mutex_unlock (&job->mutex);
  if (cancelled)
    g_propagate_error (error, cancelled_error (job));
  return !cancelled;
}

static void
replace_text (char **text, const char *other)
{
  if (g_strcmp0 (*text, other) == 0)
    return;
  g_free (*text);
  *text = g_strdup (other);
}

void
cs_job_progress (CsJob *job, double done, double total, const char *unit)
{
  if (job == NULL)
    return;
  pthread_mutex_lock (&job->mutex);
  if (job->state == CS_JOB_QUEUED) /* a sink: its clock starts with the first report */
    cs_job_clock_start (&job->clock);
  if (g_strcmp0 (unit, job->unit) != 0)
    cs_job_clock_restart_count (&job->clock);
  job->done = done;
  job->total = total;
  replace_text (&job->unit, unit);
  cs_job_clock_count (&job->clock, done);
  schedule_changed (job);
  pthread_mutex_unlock (&job->mutex);
}

void
cs_job_phase (CsJob *job, const char *phase)
{
  if (job == NULL)
    return;
  pthread_mutex_lock (&job->mutex);
  replace_text (&job->phase, phase);
  schedule_changed (job);
  pthread_mutex_unlock (&job->mutex);
}

void
cs_job_touch (CsJob *job)
{
  if (job == NULL)
    return;
  pthread_mutex_lock (&job->mutex);
  schedule_changed (job);
  pthread_mutex_unlock (&job->mutex);
}

/* ---- for views ---- */

static double
seconds_left (const CsJob *job, double rate)
{
  if (job->state == CS_JOB_DONE)
    return 0;
  if (has_ended (job->state) || rate <= 0 || job->total <= 0)
    return -1;
  return MAX (job->total - job->done, 0) / rate;
}

void
cs_job_snapshot (CsJob *job, CsJobSnapshot *snapshot)
{
  pthread_mutex_lock (&job->mutex);
  *snapshot = (CsJobSnapshot) {
    .state = job->state,
    .title = g_strdup (job->title),
    .phase = g_strdup (job->phase),
    .done = job->done,
    .total = job->total,
    .unit = g_strdup (job->unit),
    .rate = cs_job_clock_rate (&job->clock),
    .elapsed = cs_job_clock_seconds (&job->clock),
    .message = g_strdup (job->state == CS_JOB_FAILED ? job->error->message : NULL),
  };
  snapshot->eta = seconds_left (job, snapshot->rate);
  pthread_mutex_unlock (&job->mutex);
}

void
cs_job_snapshot_clear (CsJobSnapshot *snapshot)
{
  g_free (snapshot->title);
  g_free (snapshot->phase);
  g_free (snapshot->unit);
  g_free (snapshot->message);
  memset (snapshot, 0, sizeof *snapshot);
}

CsJobState
cs_job_state (CsJob *job)
{
  CsJobState state;

  pthread_mutex_lock (&job->mutex);
  state = job->state;
  pthread_mutex_unlock (&job->mutex);
  return state;
}

bool
cs_job_is_active (CsJob *job)
{
  return !has_ended (cs_job_state (job));
}

/* ---- the object ---- */

static void
cs_job_finalize (GObject *object)
{
  CsJob *job = CS_JOB (object);

  pthread_mutex_lock (&job->mutex); /* orders this after the last use on another thread */
  if (job->pending != NULL)
    g_source_destroy (job->pending);
  g_clear_pointer (&job->pending, g_source_unref);
  pthread_mutex_unlock (&job->mutex);

  if (job->free_data != NULL)
    job->free_data (job->data);
  g_clear_error (&job->error);
  g_free (job->title);
  g_free (job->unit);
  g_free (job->phase);
  g_main_context_unref (job->context);
  pthread_cond_destroy (&job->cond);
  pthread_mutex_destroy (&job->mutex);
  G_OBJECT_CLASS (cs_job_parent_class)->finalize (object);
}

static void
cs_job_class_init (CsJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = cs_job_finalize;

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                   NULL, NULL, G_TYPE_NONE, 0);
}

static void
cs_job_init (CsJob *job)
{
  pthread_mutex_init (&job->mutex, NULL);
  pthread_cond_init (&job->cond, NULL);
  job->context = g_main_context_ref_thread_default ();
}

CsJob *
cs_job_new (const char *title, CsJobFunc func, void *data, GDestroyNotify free_data)
{
  CsJob *job = g_object_new (CS_TYPE_JOB, NULL);

  job->title = g_strdup (title);
  job->func = func;
  job->data = data;
  job->free_data = free_data;
  return job;
}
