/* A trial on conversations in a window of its own: the causality of a run, or the baselines of the
 * study's pair, which need no run. */
#pragma once

#include "job-window.h"

#define CS_TYPE_TRIAL_WINDOW (cs_trial_window_get_type ())
G_DECLARE_FINAL_TYPE (CsTrialWindow, cs_trial_window, CS, TRIAL_WINDOW, CsJobWindow)

/* run: NULL for the baselines. */
GtkWidget *cs_trial_window_new (CsStudy *study, CsRun *run);
/* Shows one above the window that `widget` is in. */
void cs_trial_window_present (GtkWidget *widget, CsStudy *study, CsRun *run);
