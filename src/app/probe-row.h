/* Rows with a button that measures something for a few seconds on a thread and then say what was
 * found: the plan of a harvest or a run, and a first look at a pair. */
#pragma once

#include <adwaita.h>

#include "study.h"

/* The study is asked for when the button is pressed; it may be NULL then. */
typedef CsStudy *(*CsProbeStudy) (void *owner);
typedef const CsTrainConfig *(*CsProbeConfig) (void *owner);

/* Whether the models know the chat template, and how far apart they are on a few prompts; offers
 * to let the base model read other tokens in place of those that it does not know. */
GtkWidget *cs_pair_taste_row_new (CsProbeStudy study, void *owner);
/* Time, disk and memory of the study's harvest. */
GtkWidget *cs_harvest_plan_row_new (CsProbeStudy study, void *owner);
/* Of a run with these settings. */
GtkWidget *cs_training_plan_row_new (CsProbeStudy study, CsProbeConfig config, void *owner);
/* Forgets what was measured: it is about something else now. */
void       cs_probe_row_reset (GtkWidget *row);
