/* The window: Welcome, or a study with its pages in a sidebar and its jobs below them. */
#pragma once

#include <adwaita.h>

#include "page.h"
#include "study.h"

#define CS_TYPE_WINDOW (cs_window_get_type ())
G_DECLARE_FINAL_TYPE (CsWindow, cs_window, CS, WINDOW, AdwApplicationWindow)

CsWindow *cs_window_new (AdwApplication *application);
CsStudy  *cs_window_study (CsWindow *window);
/* Shows a study (NULL: Welcome). Jobs of the one before are stopped; what they did is kept. */
void      cs_window_set_study (CsWindow *window, CsStudy *study);
typedef void (*CsWindowFunc) (CsWindow *window, void *data);
/* Calls `then` at once where no job runs; else asks whether to stop the jobs and calls it only if so. free_data (or NULL)
 * frees data in either case. */
void      cs_window_stop_jobs_then (CsWindow *window, CsWindowFunc then, void *data, GDestroyNotify free_data);
/* "pair", "activations", "training", "latents", "steering". */
void      cs_window_show_page (CsWindow *window, const char *name);
CsPage   *cs_window_page (CsWindow *window, const char *name);
