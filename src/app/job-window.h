/* A window for one kind of work on a study: settings on top, a button that starts a job and one
 * that stops it, how far the job is, what it found, and in words what went wrong. A subclass adds
 * its settings and says how the job is made and how its results look. A window that is opened while
 * such a job is under way, or waits in the queue, shows that one. */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_JOB_WINDOW (cs_job_window_get_type ())
G_DECLARE_DERIVABLE_TYPE (CsJobWindow, cs_job_window, CS, JOB_WINDOW, AdwWindow)

struct _CsJobWindowClass
{
  AdwWindowClass parent_class;
  /* From the settings: a new reference, not started. */
  CsJob *(*make_job) (CsJobWindow *self, GError **error);
  /* What is there to be shown: NULL where nothing is yet, or with error where it is unreadable.
   * Asked for at first and each time that a job is done. */
  GtkWidget *(*make_results) (CsJobWindow *self, GError **error);
  bool heavy; /* its jobs wait for others to end */
};

/* To be called first. key: the same for two windows that would do the same work. */
void cs_job_window_set_up (CsJobWindow *self,
                           CsStudy *study,
                           const char *title,
                           const char *start,
                           const char *key);
/* Shows a group of settings below those that are there. */
void cs_job_window_add (CsJobWindow *self, GtkWidget *settings);
/* Whether the settings are complete. */
void cs_job_window_set_ready (CsJobWindow *self, bool ready);
/* After the last setting: looks for a job under way, and for results. */
void cs_job_window_show_state (CsJobWindow *self);

/* Makes the results anew: for work whose results come bit by bit. */
void cs_job_window_show_results (CsJobWindow *self);

CsStudy *cs_job_window_study (CsJobWindow *self); /* borrowed */
/* What the button does; the job, borrowed from the window, or NULL where the settings are refused,
 * which the user is told. */
CsJob *cs_job_window_start (CsJobWindow *self);
/* Shows the window above the one that `widget` is in. */
void cs_job_window_present (CsJobWindow *self, GtkWidget *widget);
