/* What the Activations page says about files: corpora, store, disk. Read on a thread of its own, for files can be large. */
#pragma once

#include <gio/gio.h>

#include "store.h"

typedef struct
{
  char *name;       /* the file's name */
  const char *kind; /* translated: "plain text", "JSON lines" … */
  guint64 bytes;
  double n_documents; /* NaN where not known */
  double n_tokens;    /* estimate from the first documents; NaN where not known */
  bool estimated;     /* n_documents is extrapolated from the beginning of a long file */
  bool missing;       /* no such file (yet) */
  char *problem;      /* why it cannot be read; NULL where it can */
} CsCorpusInfo;

typedef struct
{
  GPtrArray *corpora; /* CsCorpusInfo, in the order of the paths */
  size_t d_model;     /* of the chat model; 0 where not known */
  double disk_free;   /* bytes free where the store is, NaN where not known */
  bool has_store;
  char *store_problem; /* the store is there and cannot be opened */
  CsStoreInfo store;   /* where has_store */
  size_t n_tokens, n_documents;
  bool finished;
  guint64 store_bytes;
} CsSurvey;

void cs_survey_free (CsSurvey *survey);

/* paths: NULL-terminated; folders and date (what the chat template takes for now) may be NULL; store_path is read unless skip_store. The task's callback gets the survey
 * by cs_survey_finish(); everything is copied. */
void cs_survey_async (GObject *source, const char *const *paths, const char *base_folder,
                      const char *chat_folder, const char *date, const char *store_path, bool skip_store, GCancellable *cancellable,
                      GAsyncReadyCallback callback, void *data);
CsSurvey *cs_survey_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSurvey, cs_survey_free)
