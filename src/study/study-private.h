#pragma once

#include <jansson.h>

#include "study.h"

struct _CsStudy {
  GObject parent;
  char *folder;
  char *title;
  char *model_folder[2];
  size_t layer;
  char **corpora;
  size_t max_tokens;
  char *date, *base_replacements;
  CsPair *pair;
  GListStore *runs;
  GListStore *jobs;
  GQueue waiting;           /* CsJob, borrowed from jobs: heavy ones that have not begun */
  CsJob *heavy;             /* the heavy one at work, borrowed from jobs */
  bool stopping;
  json_t *labels;           /* {run: {latent: {"name", "note", "bookmarked"}}} */
  GHashTable *label_cache;  /* "run/latent" → CsLabel */
};

void cs_study_emit_changed (CsStudy *study);
void cs_study_emit_labels_changed (CsStudy *study);
void cs_study_load_runs (CsStudy *study);
void cs_study_add_run (CsStudy *study, CsRun *run);   /* where its name belongs in the list */
bool cs_study_load_labels (CsStudy *study, GError **error);
void cs_study_free_labels (CsStudy *study);
char *cs_study_run_folder (CsStudy *study, const char *run_name);
/* study.json. A study that is read has its folder and nothing else. */
bool cs_study_save (CsStudy *study, GError **error);
bool cs_study_read (CsStudy *study, GError **error);
/* file: what errors name. */
bool cs_study_check_date (const char *date, const char *file, GError **error);
/* In the one spelling of cs_token_replacements_text(). */
bool cs_study_take_replacements (CsStudy *study, const char *text, GError **error);
