/* The refusal audit of a run in a window of its own: prompts, phrases, and what came out. */
#pragma once

#include "job-window.h"

#define CS_TYPE_AUDIT_WINDOW (cs_audit_window_get_type ())
G_DECLARE_FINAL_TYPE (CsAuditWindow, cs_audit_window, CS, AUDIT_WINDOW, CsJobWindow)

GtkWidget *cs_audit_window_new (CsStudy *study, CsRun *run);
/* Shows one above the window that `widget` is in. */
void cs_audit_window_present (GtkWidget *widget, CsStudy *study, CsRun *run);
