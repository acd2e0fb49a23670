/* Descriptions of latents by a language model: which server is asked (none until the user names one), about which latents, and
 * whether the answers are scored. What comes back is kept in the study as suggestions; the work is a job of the study. */
#pragma once

#include "job-window.h"
#include "latent-list.h"

#define CS_TYPE_DESCRIBE_WINDOW (cs_describe_window_get_type ())
G_DECLARE_FINAL_TYPE (CsDescribeWindow, cs_describe_window, CS, DESCRIBE_WINDOW, CsJobWindow)

/* Latents are the one selected in the list, or the first that it shows now. */
GtkWidget *cs_describe_window_new (CsStudy *study, CsRun *run, CsLatentList *list);
void cs_describe_window_present (GtkWidget *widget, CsStudy *study, CsRun *run, CsLatentList *list);
/* Address, model and key as if they were typed; how many of the shown latents (0: the selected one). */
void cs_describe_window_fill (CsDescribeWindow *window, const char *server, const char *model, const char *key, guint n,
                              bool score);
