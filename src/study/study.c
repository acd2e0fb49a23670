/* The properties of a study; study.json is in study-file.c, runs in study-runs.c, jobs in study-jobs.c, labels in study-labels.c. */
#include "study.h"

#include <errno.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "harvest.h"
#include "study-private.h"

G_DEFINE_FINAL_TYPE (CsStudy, cs_study, G_TYPE_OBJECT)

enum { SIGNAL_CHANGED, SIGNAL_LABELS_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void
cs_study_finalize (GObject *object)
{
  CsStudy *self = CS_STUDY (object);

  g_queue_clear (&self->waiting);
  cs_study_free_labels (self);
  g_clear_pointer (&self->pair, cs_pair_free);
  g_clear_object (&self->runs);
  g_clear_object (&self->jobs);
  g_clear_pointer (&self->corpora, g_strfreev);
  for (int m = 0; m < 2; m++)
    g_free (self->model_folder[m]);
  g_free (self->date);
  g_free (self->base_replacements);
  g_free (self->title);
  g_free (self->folder);
  G_OBJECT_CLASS (cs_study_parent_class)->finalize (object);
}

static void
cs_study_class_init (CsStudyClass *klass)
{
  GType type = G_TYPE_FROM_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = cs_study_finalize;
  signals[SIGNAL_CHANGED] =
    g_signal_new ("changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  signals[SIGNAL_LABELS_CHANGED] =
    g_signal_new ("labels-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
cs_study_init (CsStudy *self)
{
  self->layer = CS_LAYER_MIDDLE;
  self->corpora = g_new0 (char *, 1);
  self->runs = g_list_store_new (CS_TYPE_RUN);
  self->jobs = g_list_store_new (CS_TYPE_JOB);
  g_queue_init (&self->waiting);
}

void
cs_study_emit_changed (CsStudy *study)
{
  g_signal_emit (study, signals[SIGNAL_CHANGED], 0);
}

void
cs_study_emit_labels_changed (CsStudy *study)
{
  g_signal_emit (study, signals[SIGNAL_LABELS_CHANGED], 0);
}

static bool
save_and_tell (CsStudy *self, GError **error)
{
  bool ok = cs_study_save (self, error);

  cs_study_emit_changed (self);
  return ok;
}

CsStudy *
cs_study_create (const char *folder, const char *title, GError **error)
{
  g_autoptr (CsStudy) self = g_object_new (CS_TYPE_STUDY, NULL);
  g_autofree char *runs = NULL, *file = NULL;

  self->folder = g_canonicalize_filename (folder, NULL);
  self->title = g_strdup (title);
  runs = g_build_filename (self->folder, "runs", NULL);
  file = g_build_filename (self->folder, "study.json", NULL);
  if (g_file_test (file, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%s already holds a study; open it, or choose another folder.", self->folder);
      return NULL;
    }
  if (g_mkdir_with_parents (runs, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The study folder %s cannot be made: %s.", self->folder,
                   g_strerror (errno));
      return NULL;
    }
  if (!cs_study_save (self, error) || !cs_study_load_labels (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

CsStudy *
cs_study_open (const char *folder, GError **error)
{
  g_autoptr (CsStudy) self = g_object_new (CS_TYPE_STUDY, NULL);

  self->folder = g_canonicalize_filename (folder, NULL);
  if (!cs_study_read (self, error) || !cs_study_load_labels (self, error))
    return NULL;
  cs_study_load_runs (self);
  return g_steal_pointer (&self);
}

const char *
cs_study_folder (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return study->folder;
}

const char *
cs_study_title (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return study->title;
}

bool
cs_study_set_title (CsStudy *study, const char *title, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  g_free (study->title);
  study->title = g_strdup (title);
  return save_and_tell (study, error);
}

const char *
cs_study_model_folder (CsStudy *study, int model)
{
  g_return_val_if_fail (CS_IS_STUDY (study) && (model == 0 || model == 1), NULL);
  return study->model_folder[model];
}

bool
cs_study_set_model_folder (CsStudy *study, int model, const char *folder, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study) && (model == 0 || model == 1), false);
  g_free (study->model_folder[model]);
  study->model_folder[model] = folder ? g_canonicalize_filename (folder, NULL) : NULL;
  g_clear_pointer (&study->pair, cs_pair_free);
  return save_and_tell (study, error);
}

size_t
cs_study_layer (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), 0);
  if (study->layer == CS_LAYER_MIDDLE && study->pair != NULL)
    return cs_layer_middle (cs_model_config (study->pair->model[0])->n_layers);
  return study->layer;
}

bool
cs_study_set_layer (CsStudy *study, size_t layer, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  if (study->layer == layer)
    return true;
  study->layer = layer;
  return save_and_tell (study, error);
}

const char *const *
cs_study_corpora (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return (const char *const *) study->corpora;
}

bool
cs_study_set_corpora (CsStudy *study, const char *const *paths, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  for (const char *const *path = paths; *path != NULL; path++)
    {
      g_autofree char *whole = g_canonicalize_filename (*path, NULL);
      g_strv_builder_add (builder, whole);
    }
  char **copy = g_strv_builder_end (builder);
  g_strfreev (study->corpora);
  study->corpora = copy;
  return save_and_tell (study, error);
}

size_t
cs_study_max_tokens (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), 0);
  return study->max_tokens;
}

bool
cs_study_set_max_tokens (CsStudy *study, size_t max_tokens, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  study->max_tokens = max_tokens;
  return save_and_tell (study, error);
}

const char *
cs_study_date (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return study->date;
}

bool
cs_study_set_date (CsStudy *study, const char *date, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  if (!cs_study_check_date (date, study->folder, error))
    return false;
  if (g_strcmp0 (date, study->date) == 0)
    return true;
  g_free (study->date);
  study->date = g_strdup (date);
  g_clear_pointer (&study->pair, cs_pair_free);
  return save_and_tell (study, error);
}

const char *
cs_study_base_replacements (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return study->base_replacements;
}

bool
cs_study_set_base_replacements (CsStudy *study, const char *text, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  if (!cs_study_take_replacements (study, text, error))
    return false;
  g_clear_pointer (&study->pair, cs_pair_free);
  return save_and_tell (study, error);
}

CsPairSource *
cs_study_pair_source (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return cs_pair_source_new (study->model_folder[0], study->model_folder[1],
                             &(CsPairReading) { study->date, study->base_replacements });
}

CsPair *
cs_study_pair (CsStudy *study, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  if (study->pair == NULL)
    {
      g_autoptr (CsPairSource) source = cs_study_pair_source (study);

      study->pair = cs_pair_source_open (source, error);
    }
  return study->pair;
}

char *
cs_study_store_path (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return g_build_filename (study->folder, "activations.h5", NULL);
}

CsStore *
cs_study_open_store (CsStudy *study, GError **error)
{
  g_autofree char *path = cs_study_store_path (study);

  return cs_store_open (path, false, error);
}

bool
cs_study_store_status (CsStudy *study, size_t *n_tokens, size_t *n_documents, bool *finished)
{
  g_autofree char *path = cs_study_store_path (study);
  g_autoptr (CsStore) store = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return false;
  store = cs_store_open (path, false, NULL);
  if (store == NULL)
    return false;
  *n_tokens = cs_store_n_tokens (store);
  *n_documents = cs_store_n_documents (store);
  *finished = cs_store_is_finished (store);
  return true;
}
