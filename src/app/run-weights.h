/* One crosscoder of a run for all that look at it: the weights can take gigabytes. */
#pragma once

#include "crosscoder.h"

/* Loads the run's crosscoder, or gives the one that is in use already where its file has not changed. Any thread; may take
 * seconds. Give it back with cs_run_weights_release(); it must not be changed. */
const CsCrosscoder *cs_run_weights_get (const char *run_folder, GError **error);
/* NULL is nothing. */
void                cs_run_weights_release (const CsCrosscoder *crosscoder);
