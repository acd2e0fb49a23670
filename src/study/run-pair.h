/* Which two models, at which layer, the latents of a run are of: the study's own, or those that a
 * control compares (controls.h). Main thread. */
#pragma once

#include "study.h"

/* run: NULL for the study's own pair. *layer may be CS_LAYER_MIDDLE. A new reference. Errors: no
 * models are chosen; a control that cannot be read, or that compares the base model with itself, so
 * that there is no chat model for its latents to move. */
CsPairSource *cs_study_run_pair (CsStudy *study, CsRun *run, size_t *layer, GError **error);
