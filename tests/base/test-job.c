/* Jobs: states, progress, pause, cancel, errors, and where "changed" is emitted. */
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

#include "errors.h"
#include "job.h"
#include "job-clock.h"
#include "team.h"

enum { PATIENCE = 10000 }; /* milliseconds that a test waits for what has to happen soon */

/* What the functions below share with the tests; only atomics cross the threads. */
typedef struct {
  atomic_int steps;
  atomic_bool stop;      /* asks the function to return */
  atomic_int niceness, team_niceness;
  atomic_int n_freed;
} Task;

static void
task_freed (void *data)
{
  atomic_fetch_add (&((Task *) data)->n_freed, 1);
}

static bool
step_until_stopped (CsJob *job, void *data, GError **error)
{
  Task *task = data;

  cs_job_phase (job, "Counting");
  while (!atomic_load (&task->stop))
    {
      if (!cs_job_checkpoint (job, error))
        return false;
      cs_job_progress (job, atomic_fetch_add (&task->steps, 1) + 1, 1e6, "steps");
      g_usleep (200);
    }
  return true;
}

static bool
fail_with_sentence (CsJob *job, void *data, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC, "the loss left the finite numbers");
  return false;
}

static bool
fail_silently (CsJob *job, void *data, GError **error)
{
  return false;
}

static void
note_niceness (size_t begin, size_t end, unsigned worker, void *data)
{
  if (worker == 1)
    atomic_store (&((Task *) data)->team_niceness, getpriority (PRIO_PROCESS, 0));
}

static bool
look_at_priority (CsJob *job, void *data, GError **error)
{
  Task *task = data;
  g_autoptr (CsTeam) team = cs_team_new (2);

  atomic_store (&task->niceness, getpriority (PRIO_PROCESS, 0));
  cs_team_run (team, 2, note_niceness, task);
  return true;
}

static void
wait_for_steps (Task *task, int n)
{
  int target = atomic_load (&task->steps) + n;

  for (int i = 0; i < PATIENCE && atomic_load (&task->steps) < target; i++)
    g_usleep (1000);
  g_assert_cmpint (atomic_load (&task->steps), >=, target);
}

/* Runs the main context until the job's thread has handed its reference back. */
static void
iterate_until_freed (Task *task)
{
  for (int i = 0; i < PATIENCE && atomic_load (&task->n_freed) == 0; i++)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
  g_assert_cmpint (atomic_load (&task->n_freed), ==, 1);
}

static void
test_null (void)
{
  GError *error = NULL;

  g_assert_true (cs_job_checkpoint (NULL, &error));
  g_assert_no_error (error);
  cs_job_progress (NULL, 1, 2, "steps");
  cs_job_phase (NULL, "x");
  cs_job_touch (NULL);
}

static void
test_done (void)
{
  Task task = { 0 };
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);
  GError *error = NULL;
  CsJobSnapshot snapshot;

  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_QUEUED);
  g_assert_true (cs_job_is_active (job));
  cs_job_start (job);
  cs_job_start (job); /* a second time does nothing */
  wait_for_steps (&task, 50);
  cs_job_snapshot (job, &snapshot);
  g_assert_cmpint (snapshot.state, ==, CS_JOB_RUNNING);
  g_assert_cmpstr (snapshot.title, ==, "Count");
  g_assert_cmpstr (snapshot.phase, ==, "Counting");
  g_assert_cmpstr (snapshot.unit, ==, "steps");
  g_assert_null (snapshot.message);
  g_assert_cmpfloat (snapshot.total, ==, 1e6);
  g_assert_cmpfloat (snapshot.done, >=, 49);
  g_assert_cmpfloat (snapshot.elapsed, >, 0);
  cs_job_snapshot_clear (&snapshot);

  atomic_store (&task.stop, true);
  g_assert_true (cs_job_wait (job, &error));
  g_assert_no_error (error);
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_DONE);
  g_assert_false (cs_job_is_active (job));
  cs_job_cancel (job); /* too late */
  cs_job_pause (job);
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_DONE);
  g_assert_cmpint (atomic_load (&task.n_freed), ==, 0);
  g_object_unref (job);
  iterate_until_freed (&task);
}

static void
test_rate (void)
{
  Task task = { 0 };
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);
  CsJobSnapshot snapshot;
  gint64 begin = g_get_monotonic_time ();
  double steps, seconds;

  cs_job_start (job);
  g_usleep (600000);
  cs_job_snapshot (job, &snapshot);
  seconds = 1e-6 * (double) (g_get_monotonic_time () - begin);
  steps = snapshot.done;
  g_assert_cmpfloat (snapshot.rate, >, 0.3 * steps / seconds);
  g_assert_cmpfloat (snapshot.rate, <, 3 * steps / seconds);
  g_assert_cmpfloat_with_epsilon (snapshot.eta, (1e6 - steps) / snapshot.rate, 1);
  cs_job_snapshot_clear (&snapshot);
  cs_job_cancel (job);
  cs_job_wait (job, NULL);
  cs_job_snapshot (job, &snapshot);
  g_assert_cmpfloat (snapshot.eta, <, 0);
  cs_job_snapshot_clear (&snapshot);
  g_object_unref (job);
  iterate_until_freed (&task);
}

static void
test_failures (void)
{
  GError *error = NULL;
  CsJob *job = cs_job_new ("Train", fail_with_sentence, NULL, NULL);
  CsJobSnapshot snapshot;

  cs_job_start (job);
  g_assert_false (cs_job_wait (job, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_NUMERIC);
  g_clear_error (&error);
  cs_job_snapshot (job, &snapshot);
  g_assert_cmpint (snapshot.state, ==, CS_JOB_FAILED);
  g_assert_cmpstr (snapshot.message, ==, "the loss left the finite numbers");
  cs_job_snapshot_clear (&snapshot);
  g_assert_false (cs_job_wait (job, NULL));
  g_object_unref (job);

  job = cs_job_new ("Train", fail_silently, NULL, NULL);
  g_assert_false (cs_job_run (job, &error));
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_FAILED);
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_finalize_object (job);
}

static void
test_pause (void)
{
  Task task = { 0 };
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);
  CsJobSnapshot before, after;
  int steps;

  cs_job_pause (job); /* not running yet */
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_QUEUED);
  cs_job_start (job);
  wait_for_steps (&task, 10);
  cs_job_pause (job);
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_PAUSED);
  steps = atomic_load (&task.steps);
  cs_job_snapshot (job, &before);
  g_usleep (100000);
  cs_job_snapshot (job, &after);
  g_assert_cmpint (atomic_load (&task.steps), <=, steps + 1); /* the one it was at */
  g_assert_cmpfloat (after.elapsed, ==, before.elapsed);
  cs_job_snapshot_clear (&before);
  cs_job_snapshot_clear (&after);

  cs_job_resume (job);
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_RUNNING);
  wait_for_steps (&task, 10);
  atomic_store (&task.stop, true);
  g_assert_true (cs_job_wait (job, NULL));
  g_object_unref (job);
  iterate_until_freed (&task);
}

static void
check_cancel (bool start, bool pause)
{
  Task task = { 0 };
  GError *error = NULL;
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);

  if (start)
    {
      cs_job_start (job);
      wait_for_steps (&task, 3);
    }
  if (pause)
    {
      cs_job_pause (job);
      g_usleep (20000);
    }
  cs_job_cancel (job);
  g_assert_false (cs_job_wait (job, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_CANCELLED);
  cs_job_start (job); /* has ended: stays so */
  g_assert_false (cs_job_checkpoint (job, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  g_clear_error (&error);
  g_object_unref (job);
  iterate_until_freed (&task);
}

static void
test_cancel (void)
{
  check_cancel (true, false);
  check_cancel (true, true);
  check_cancel (false, false);
}

/* ---- "changed" ---- */

typedef struct {
  GThread   *thread;
  unsigned   n;
  CsJobState last;
} Observer;

static void
changed_cb (CsJob *job, void *data)
{
  Observer *observer = data;

  g_assert_true (g_thread_self () == observer->thread);
  observer->n++;
  observer->last = cs_job_state (job);
}

static gboolean
set_flag (void *data)
{
  *(bool *) data = true;
  return G_SOURCE_REMOVE;
}

static void
iterate_for (guint milliseconds)
{
  bool over = false;

  g_timeout_add (milliseconds, set_flag, &over);
  while (!over)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_changed (void)
{
  Task task = { 0 };
  Observer observer = { .thread = g_thread_self () };
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);

  g_signal_connect (job, "changed", G_CALLBACK (changed_cb), &observer);
  cs_job_start (job);
  g_assert_cmpuint (observer.n, ==, 0); /* never from within a call */
  iterate_for (500);
  g_assert_cmpuint (observer.n, >=, 5);
  g_assert_cmpuint (observer.n, <=, 17); /* 30 a second, and one for the end of the interval */
  g_assert_cmpint (observer.last, ==, CS_JOB_RUNNING);
  atomic_store (&task.stop, true);
  cs_job_wait (job, NULL);
  iterate_for (100);
  g_assert_cmpint (observer.last, ==, CS_JOB_DONE);

  observer.n = 0;
  iterate_for (100);
  g_assert_cmpuint (observer.n, ==, 0); /* nothing happens any more */
  cs_job_touch (job);
  cs_job_touch (job);
  iterate_for (100);
  g_assert_cmpuint (observer.n, ==, 1);
  g_assert_finalize_object (job);
  g_assert_cmpint (atomic_load (&task.n_freed), ==, 1);
}

/* The observer's context is the one that was thread-default when the job was made. */
static void
test_context (void)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  Observer observer = { .thread = g_thread_self () };
  Task task = { 0 };
  CsJob *job;

  g_main_context_push_thread_default (context);
  job = cs_job_new ("Count", step_until_stopped, &task, NULL);
  g_main_context_pop_thread_default (context);
  g_signal_connect (job, "changed", G_CALLBACK (changed_cb), &observer);
  atomic_store (&task.stop, true);
  cs_job_start (job);
  cs_job_wait (job, NULL);
  iterate_for (50);
  g_assert_cmpuint (observer.n, ==, 0);
  for (int i = 0; i < PATIENCE && observer.last != CS_JOB_DONE; i++)
    if (!g_main_context_iteration (context, FALSE))
      g_usleep (1000);
  g_assert_cmpint (observer.last, ==, CS_JOB_DONE);
  g_object_unref (job);
  while (g_main_context_iteration (context, FALSE))
    ;
}

/* Everybody but its own thread lets go of a running job. */
static void
test_abandoned (void)
{
  Task task = { 0 };
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);

  cs_job_start (job);
  wait_for_steps (&task, 5);
  cs_job_touch (job);
  g_object_unref (job);
  atomic_store (&task.stop, true);
  iterate_until_freed (&task);
}

/* One that never ran, with an emission on its way. */
static void
test_dropped (void)
{
  Task task = { 0 };
  Observer observer = { .thread = g_thread_self () };
  CsJob *job = cs_job_new ("Count", step_until_stopped, &task, task_freed);

  g_signal_connect (job, "changed", G_CALLBACK (changed_cb), &observer);
  cs_job_touch (job);
  g_assert_finalize_object (job);
  g_assert_cmpint (atomic_load (&task.n_freed), ==, 1);
  iterate_for (50);
  g_assert_cmpuint (observer.n, ==, 0);
}

static void
test_sink (void)
{
  CsJob *job = cs_job_new ("Sink", NULL, NULL, NULL);
  CsJobSnapshot snapshot;

  g_assert_true (cs_job_checkpoint (job, NULL));
  cs_job_progress (job, 1, 0, "tokens");
  g_usleep (100000);
  cs_job_progress (job, 101, 0, "tokens");
  cs_job_snapshot (job, &snapshot);
  g_assert_cmpfloat (snapshot.rate, >, 10);
  g_assert_cmpfloat (snapshot.rate, <, 1100);
  g_assert_cmpfloat (snapshot.eta, <, 0); /* no total */
  g_assert_cmpfloat (snapshot.elapsed, >, 0.09);
  cs_job_snapshot_clear (&snapshot);
  g_assert_true (cs_job_run (job, NULL));
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_DONE);
  g_assert_finalize_object (job);
}

static void
test_priority (void)
{
  Task task = { 0 };
  CsJob *job = cs_job_new ("Look", look_at_priority, &task, task_freed);
  int own = getpriority (PRIO_PROCESS, 0);

  cs_job_start (job);
  g_assert_true (cs_job_wait (job, NULL));
  g_assert_cmpint (atomic_load (&task.niceness), ==, MAX (own, 10));
  g_assert_cmpint (atomic_load (&task.team_niceness), ==, MAX (own, 10));
  g_assert_cmpint (getpriority (PRIO_PROCESS, 0), ==, own);
  g_object_unref (job);
  iterate_until_freed (&task);
}

static void
test_clock (void)
{
  CsJobClock clock = { 0 };

  g_assert_cmpfloat (cs_job_clock_rate (&clock), ==, 0);
  cs_job_clock_start (&clock);
  for (int i = 0; i < 3 * CS_JOB_CLOCK_SAMPLES; i++)
    {
      /* A made-up past: 100 a second for the first half, then 10 a second. */
      clock.ran_before += 500000;
      cs_job_clock_count (&clock, clock.count + (i < 30 ? 50 : 5));
    }
  g_assert_cmpfloat_with_epsilon (cs_job_clock_rate (&clock), 10, 0.5);
  cs_job_clock_count (&clock, 0); /* a new count */
  g_assert_cmpfloat (cs_job_clock_rate (&clock), ==, 0);
  cs_job_clock_stop (&clock);
  cs_job_clock_stop (&clock);
  g_assert_cmpfloat (cs_job_clock_seconds (&clock), >=, 30);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/job/null", test_null);
  g_test_add_func ("/base/job/clock", test_clock);
  g_test_add_func ("/base/job/done", test_done);
  g_test_add_func ("/base/job/rate", test_rate);
  g_test_add_func ("/base/job/failures", test_failures);
  g_test_add_func ("/base/job/pause", test_pause);
  g_test_add_func ("/base/job/cancel", test_cancel);
  g_test_add_func ("/base/job/changed", test_changed);
  g_test_add_func ("/base/job/context", test_context);
  g_test_add_func ("/base/job/abandoned", test_abandoned);
  g_test_add_func ("/base/job/dropped", test_dropped);
  g_test_add_func ("/base/job/sink", test_sink);
  g_test_add_func ("/base/job/priority", test_priority);
  return g_test_run ();
}
