/* A form in which a run is set up and started: presets, every hyper-parameter, and the plan before it begins. */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_NEW_RUN_PANEL (cs_new_run_panel_get_type ())
G_DECLARE_FINAL_TYPE (CsNewRunPanel, cs_new_run_panel, CS, NEW_RUN_PANEL, AdwBin)

/* Signal "closed" (const char *name): the form is done with; name is the run that it started, or NULL. */

typedef enum
{
  CS_PRESET_DEMO,
  CS_PRESET_PAPER_BATCHTOPK,
  CS_PRESET_PAPER_L1,
} CsRunPreset;

/* Fills the form with the demo's values, or with those of a run that is to be repeated with changes (NULL for none). */
void cs_new_run_panel_open (CsNewRunPanel *self, CsStudy *study, const CsTrainConfig *config);
/* Forgets the study. */
void cs_new_run_panel_close (CsNewRunPanel *self);
void cs_new_run_panel_set_preset (CsNewRunPanel *self, CsRunPreset preset);
/* What the form says now. */
const CsTrainConfig *cs_new_run_panel_config (CsNewRunPanel *self);
/* Puts values into the form. */
void cs_new_run_panel_set_config (CsNewRunPanel *self, const CsTrainConfig *config);
/* Starts the run; the form closes if that worked, else says why not. */
void cs_new_run_panel_start (CsNewRunPanel *self);
