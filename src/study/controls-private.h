/* What the files about controls share. */
#pragma once

#include "controls.h"

struct CsControlPlan
{
  char *study_folder, *run_folder, *of_folder;
  char *model_folder[2]; /* of the study */
  char *study_store;
  char *date, *base_replacements; /* of the study; NULL for none */
  char **corpora, **tune_corpora; /* of the study; of the options, or NULL */
  size_t max_tokens, tune_tokens;
  bool keep_store;
  CsTrainConfig config;
  CsAnalyzeOptions analyze;
  CsControl *control; /* as it will be written */
};

/* STUDY/NAME. */
char *cs_control_path (const CsControlPlan *plan, const char *name);

/* dst: the store at src with the base's rows in both halves. One that is there and complete is
 * kept. */
bool cs_control_null_store (CsJob *job, const char *src, const char *dst, GError **error);
/* Tunes a copy of the base into STUDY/controls/tuned/model, unless it is there, and fills the
 * control's losses and distances. */
bool cs_control_tune (CsJob *job, const CsControlPlan *plan, CsControl *control, GError **error);
/* Makes a folder and its parents. */
bool cs_control_make_folder (const char *folder, GError **error);
