/* The study that a run is of, and where the run's activations lie. */
#pragma once

#include "study.h"

/* STUDY/runs/NAME is of a study; NULL without an error where run is of none. run_name (may be NULL)
 * is set in both cases; free with g_free(). */
CsStudy *cs_cli_study_of_run (const char *run, char **run_name, GError **error);
/* The store that is named, else the study's (study may be NULL), else that of the run's
 * configuration (as it was typed, or beside the run); NULL where there is none. Free with g_free().
 */
char *cs_cli_store_of_run (const char *run, CsStudy *study, const char *named);
