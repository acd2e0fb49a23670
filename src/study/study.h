/* The document a user opens: a folder with study.json, the activation store, runs and labels. Main thread only; the long
 * work is in the jobs that it starts. Every change is written to disk at once. */
#pragma once

#include <gio/gio.h>

#include "job.h"
#include "pair.h"
#include "run.h"
#include "store.h"

#define CS_STUDY_FORMAT_VERSION 1

#define CS_TYPE_STUDY (cs_study_get_type ())
G_DECLARE_FINAL_TYPE (CsStudy, cs_study, CS, STUDY, GObject)

/* Signals: "changed" (pair, layer, corpora or store), "labels-changed". Runs and jobs are list models with items-changed. */

/* Makes folder (which may exist if it holds no study yet) with an empty study.json. */
CsStudy *cs_study_create (const char *folder, const char *title, GError **error);
/* Refuses a study of a newer format version, naming both. */
CsStudy *cs_study_open (const char *folder, GError **error);

const char *cs_study_folder (CsStudy *study);
const char *cs_study_title (CsStudy *study);
bool        cs_study_set_title (CsStudy *study, const char *title, GError **error);

/* Model folders; NULL while not chosen. Setting one forgets the opened pair. */
const char *cs_study_model_folder (CsStudy *study, int model);
bool        cs_study_set_model_folder (CsStudy *study, int model, const char *folder, GError **error);
/* 0-based block; CS_LAYER_MIDDLE resolves when the pair is known. */
size_t      cs_study_layer (CsStudy *study);
bool        cs_study_set_layer (CsStudy *study, size_t layer, GError **error);
/* Paths; NULL-terminated, owned by the study. */
const char *const *cs_study_corpora (CsStudy *study);
bool        cs_study_set_corpora (CsStudy *study, const char *const *paths, GError **error);
size_t      cs_study_max_tokens (CsStudy *study);              /* 0 = all */
bool        cs_study_set_max_tokens (CsStudy *study, size_t max_tokens, GError **error);

/* What a chat template that asks for the date takes for now ("2026-07-26"); NULL: none is pinned. The first harvest pins the
 * day it begins on, so that one that goes on later finds the same conversations. */
const char *cs_study_date (CsStudy *study);
bool        cs_study_set_date (CsStudy *study, const char *date, GError **error);
/* Tokens that the base model reads as others (token-replacements.h), "128006=1432 …"; NULL: none. */
const char *cs_study_base_replacements (CsStudy *study);
bool        cs_study_set_base_replacements (CsStudy *study, const char *text, GError **error);
/* The chosen folders with the pinned date and the replaced tokens: everything that reads the study's texts opens the pair
 * from it, on whichever thread. A new reference. */
CsPairSource *cs_study_pair_source (CsStudy *study);
/* Opened on first use and kept; an error names what does not fit. */
CsPair     *cs_study_pair (CsStudy *study, GError **error);

char       *cs_study_store_path (CsStudy *study);              /* free with g_free() */
/* Opens the store for reading; NULL with error where there is none. The caller owns it. */
CsStore    *cs_study_open_store (CsStudy *study, GError **error);
/* False where there is no store, else complete tokens and whether its harvest ended. */
bool        cs_study_store_status (CsStudy *study, size_t *n_tokens, size_t *n_documents, bool *finished);

/* GListModel of CsRun, by name; owned by the study. */
GListModel *cs_study_runs (CsStudy *study);
CsRun      *cs_study_find_run (CsStudy *study, const char *name);
/* Lists a run that was made in STUDY/runs by other means (an import). */
bool        cs_study_adopt_run (CsStudy *study, const char *name, GError **error);
/* A free name such as "batchtopk-2". Free with g_free(). */
char       *cs_study_new_run_name (CsStudy *study, CsVariant variant);
/* Moves the run's folder to the study's "trash" folder; cs_study_restore_run() undoes it. */
bool        cs_study_remove_run (CsStudy *study, CsRun *run, GError **error);
bool        cs_study_restore_run (CsStudy *study, const char *name, GError **error);

/* --- Jobs. GListModel of CsJob: waiting, running, and those that ended in this process. Heavy jobs run one after another. --- */
GListModel *cs_study_jobs (CsStudy *study);
bool        cs_study_has_active_jobs (CsStudy *study);
/* Each returns the job (owned by the study), queued or already running, or NULL with error when it makes no sense. */
CsJob      *cs_study_harvest (CsStudy *study, GError **error);
CsJob      *cs_study_train (CsStudy *study, const char *run_name, const CsTrainConfig *config, GError **error);
CsJob      *cs_study_continue_run (CsStudy *study, CsRun *run, GError **error);
CsJob      *cs_study_analyze (CsStudy *study, CsRun *run, GError **error);
/* Queues a job of the caller's; light ones (a generation) start at once beside the heavy ones. */
void        cs_study_add_job (CsStudy *study, CsJob *job, bool heavy);
/* Forgets jobs that have ended. */
void        cs_study_clear_ended_jobs (CsStudy *study);
/* Cancels all and waits: what closing does. Everything done so far is kept. */
void        cs_study_stop_jobs (CsStudy *study);

/* --- Labels: the user's names, notes, bookmarks and lists for latents, and what a language model suggested, in labels.json --- */
/* A description by a language model, kept apart from the user's words. Scores are those of detection: NaN where not scored. */
typedef struct {
  char   *text;
  char   *model;              /* which one wrote it */
  double  balanced_accuracy;  /* of held-out texts: mean of the shares of firing and other texts told right */
  double  against_random, against_similar;   /* the same with one kind of other texts alone */
} CsSuggestion;

typedef struct {
  char  *name;
  char  *note;
  bool   bookmarked;
  char **lists;               /* names of lists that the latent is on, sorted; NULL for none */
  CsSuggestion *suggestion;   /* NULL for none */
} CsLabel;

/* What another program wrote into labels.json is read before each change, and kept. */

/* Owned by the study, valid until the next change; NULL where there is none. */
const CsLabel *cs_study_label (CsStudy *study, const char *run_name, size_t latent);
/* NULL or "" forgets the name or note; lists and suggestion stay; an all-empty label is removed. */
bool           cs_study_set_label (CsStudy *study, const char *run_name, size_t latent, const char *name,
                                   const char *note, bool bookmarked, GError **error);
/* Names are stripped, sorted and kept once; empty ones are left out. NULL: on no list. */
bool           cs_study_set_lists (CsStudy *study, const char *run_name, size_t latent, const char *const *lists,
                                   GError **error);
/* All lists that latents of the run are on, sorted; free with g_strfreev(). */
char         **cs_study_list_names (CsStudy *study, const char *run_name);
/* NULL forgets it. The user's name and note are never touched. */
bool           cs_study_set_suggestion (CsStudy *study, const char *run_name, size_t latent,
                                        const CsSuggestion *suggestion, GError **error);
