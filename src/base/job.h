/* A long task: harvesting, training, analysing, generating. The window's job list and the command's progress
 * line are two views of the same object.
 *
 * A job's function runs on a thread of its own (at a lower priority, so that the window stays fluid). It reports
 * with cs_job_progress() and asks cs_job_checkpoint() often: that call blocks while the job is paused and says when
 * it was cancelled. Observers live on the main context that was the thread default when the job was made: "changed"
 * is emitted there at most 30 times a second, and once more when the job has ended.
 *
 * A function takes a CsJob that may be NULL: then nothing is reported and nothing can be cancelled. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

typedef enum {
  CS_JOB_QUEUED,
  CS_JOB_RUNNING,
  CS_JOB_PAUSED,
  CS_JOB_DONE,
  CS_JOB_FAILED,
  CS_JOB_CANCELLED,
} CsJobState;

#define CS_TYPE_JOB (cs_job_get_type ())
G_DECLARE_FINAL_TYPE (CsJob, cs_job, CS, JOB, GObject)

/* Runs on the job's thread. Returns true, or false with error set (CS_ERROR_CANCELLED when cs_job_checkpoint said so). */
typedef bool (*CsJobFunc) (CsJob *job, void *data, GError **error);

/* A job with no function can still be passed down as a progress sink. title is shown to the user. */
CsJob *cs_job_new (const char *title, CsJobFunc func, void *data, GDestroyNotify free_data);

/* Any thread. */
void cs_job_start (CsJob *job);    /* from QUEUED */
void cs_job_pause (CsJob *job);
void cs_job_resume (CsJob *job);
void cs_job_cancel (CsJob *job);   /* ends a queued or paused job too */
/* Blocks the calling thread until the job has ended; returns false and a copy of its error where it failed. */
bool cs_job_wait (CsJob *job, GError **error);
/* Runs the function on the calling thread instead of a new one: what the command does. */
bool cs_job_run (CsJob *job, GError **error);

/* For the function. */
/* Blocks while paused; false (with CS_ERROR_CANCELLED) once cancelled. True for a NULL job. */
bool cs_job_checkpoint (CsJob *job, GError **error);
/* done of total in `unit` ("tokens", "steps"); total 0 = not known. Rate and ETA are worked out from it. */
void cs_job_progress (CsJob *job, double done, double total, const char *unit);
/* What it is doing now, e.g. "Training BatchTopK". */
void cs_job_phase (CsJob *job, const char *phase);
/* Emits "changed" soon although nothing that the job itself knows has changed (new metrics, new text). */
void cs_job_touch (CsJob *job);

/* A consistent copy of what a view shows; free with cs_job_snapshot_clear(). Any thread. */
typedef struct {
  CsJobState state;
  char      *title;
  char      *phase;
  double     done, total;
  char      *unit;
  double     rate;         /* units a second over the last seconds, 0 when not known */
  double     eta;          /* seconds left, negative when not known */
  double     elapsed;      /* seconds running, pauses not counted */
  char      *message;      /* the error's sentence where the job failed, else NULL */
} CsJobSnapshot;

void cs_job_snapshot (CsJob *job, CsJobSnapshot *snapshot);
void cs_job_snapshot_clear (CsJobSnapshot *snapshot);
CsJobState cs_job_state (CsJob *job);
bool cs_job_is_active (CsJob *job);  /* queued, running or paused */
