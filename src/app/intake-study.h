/* The study that something opened without one goes into. */
#pragma once

#include "window.h"

/* Whether a run of the study was imported from path. study may be NULL. */
bool cs_intake_holds (CsStudy *study, const char *path);
/* Opens a study for path in the window, which shows none: the one that it was opened in before (crosscoders), else a new one in
 * the user's data folder. */
bool cs_intake_open_study (CsWindow *window, const char *path, bool crosscoder, GError **error);
