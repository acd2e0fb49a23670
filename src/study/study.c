/* study.json and the properties of a study; runs are in study-runs.c, jobs in study-jobs.c, labels in study-labels.c. */
#include "study.h"

#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

#include "crosscope-config.h"
#include "errors.h"
#include "harvest.h"
#include "json.h"
#include "study-private.h"
#include "token-replacements.h"

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

/* Paths inside the study are kept relative to it, so that a study can be moved as a whole. */
static char *
path_for_file (CsStudy *self, const char *path)
{
  g_autofree char *prefix = g_strconcat (self->folder, G_DIR_SEPARATOR_S, NULL);

  return g_strdup (g_str_has_prefix (path, prefix) ? path + strlen (prefix) : path);
}

static char *
path_from_file (CsStudy *self, const char *path)
{
  return g_path_is_absolute (path) ? g_strdup (path) : g_build_filename (self->folder, path, NULL);
}

/* JSON knows UTF-8 only; a path of other bytes would silently be lost. */
static bool
check_utf8 (const char *text, const char *file, GError **error)
{
  g_autofree char *shown = NULL;

  if (text == NULL || g_utf8_validate (text, -1, NULL))
    return true;
  shown = g_utf8_make_valid (text, -1);
  g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED, "%s cannot be kept in %s, as it is not valid UTF-8: rename it.", shown,
               file);
  return false;
}

static bool
check_texts (CsStudy *self, const char *file, GError **error)
{
  for (char **c = self->corpora; *c != NULL; c++)
    if (!check_utf8 (*c, file, error))
      return false;
  return check_utf8 (self->title, file, error) && check_utf8 (self->model_folder[0], file, error) &&
         check_utf8 (self->model_folder[1], file, error);
}

static bool
study_save (CsStudy *self, GError **error)
{
  g_autoptr (json_t) root = json_object ();
  g_autofree char *path = g_build_filename (self->folder, "study.json", NULL);
  json_t *corpora = json_array ();
  const char *keys[2] = { "base", "chat" };

  if (!check_texts (self, path, error))
    {
      json_decref (corpora);
      return false;
    }
  json_object_set_new (root, "format_version", json_integer (CS_STUDY_FORMAT_VERSION));
  json_object_set_new (root, "crosscope_version", json_string (CS_VERSION));
  json_object_set_new (root, "title", json_string (self->title));
  for (int m = 0; m < 2; m++)
    {
      g_autofree char *folder = self->model_folder[m] ? path_for_file (self, self->model_folder[m]) : NULL;
      json_object_set_new (root, keys[m], folder ? json_string (folder) : json_null ());
    }
  json_object_set_new (root, "layer", self->layer == CS_LAYER_MIDDLE ? json_null () : json_integer ((json_int_t) self->layer));
  for (char **c = self->corpora; *c != NULL; c++)
    {
      g_autofree char *corpus = path_for_file (self, *c);
      json_array_append_new (corpora, json_string (corpus));
    }
  json_object_set_new (root, "corpora", corpora);
  json_object_set_new (root, "max_tokens", json_integer ((json_int_t) self->max_tokens));
  if (self->date != NULL)
    json_object_set_new (root, "date", json_string (self->date));
  if (self->base_replacements != NULL)
    json_object_set_new (root, "replace_base", json_string (self->base_replacements));
  return cs_json_save (root, path, error);
}

static bool
save_and_tell (CsStudy *self, GError **error)
{
  bool ok = study_save (self, error);

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
  if (!study_save (self, error) || !cs_study_load_labels (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

static bool
check_version (json_t *root, const char *path, GError **error)
{
  size_t version = 0;

  if (!cs_json_get_size (root, path, "format_version", 1, G_MAXINT32, 0, &version, error))
    return false;
  if (version == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s has no format_version: it is not a study file.", path);
      return false;
    }
  if (version > CS_STUDY_FORMAT_VERSION)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s has study format %zu, but this version of Crosscope (%s) reads up to format %d: open it with a newer Crosscope.",
                   path, version, CS_VERSION, CS_STUDY_FORMAT_VERSION);
      return false;
    }
  return true;
}

static bool
check_date (const char *date, const char *path, GError **error)
{
  unsigned y, m, d;
  int end = 0;

  if (date == NULL || (strlen (date) == 10 && sscanf (date, "%4u-%2u-%2u%n", &y, &m, &d, &end) == 3 && end == 10 &&
                       g_date_valid_dmy ((GDateDay) d, (GDateMonth) m, (GDateYear) y)))
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s: the date “%.40s” is not one such as 2026-07-26.", path, date);
  return false;
}

/* In the one spelling of cs_token_replacements_text(). */
static bool
set_replacements (CsStudy *self, const char *text, GError **error)
{
  g_autoptr (GArray) list = cs_token_replacements_parse (text, error);

  if (list == NULL)
    return false;
  g_free (self->base_replacements);
  self->base_replacements = cs_token_replacements_text (list);
  return true;
}

/* How texts are read. */
static bool
read_reading (CsStudy *self, json_t *root, const char *path, GError **error)
{
  const char *date, *replacements;

  if (!cs_json_get_string (root, path, "date", NULL, &date, error) || !check_date (date, path, error) ||
      !cs_json_get_string (root, path, "replace_base", NULL, &replacements, error))
    return false;
  self->date = g_strdup (date);
  if (set_replacements (self, replacements, error))
    return true;
  g_prefix_error (error, "%s: ", path);
  return false;
}

static bool
read_corpora (CsStudy *self, json_t *root, const char *path, GError **error)
{
  json_t *corpora = json_object_get (root, "corpora");
  g_autoptr (GStrvBuilder) list = g_strv_builder_new ();
  bool ok = corpora == NULL || json_is_array (corpora);
  size_t i;
  json_t *item;

  json_array_foreach (corpora, i, item)
    {
      g_autofree char *file = json_is_string (item) ? path_from_file (self, json_string_value (item)) : NULL;

      ok = ok && file != NULL;
      if (file != NULL)
        g_strv_builder_add (list, file);
    }
  if (!ok)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "\"corpora\" of %s is not a list of paths: correct it.", path);
      return false;
    }
  g_strfreev (self->corpora);
  self->corpora = g_strv_builder_end (list);
  return read_reading (self, root, path, error) &&
         cs_json_get_size (root, path, "max_tokens", 0, G_MAXINT64, 0, &self->max_tokens, error);
}

static bool
read_file (CsStudy *self, GError **error)
{
  g_autofree char *path = g_build_filename (self->folder, "study.json", NULL);
  g_autoptr (json_t) root = cs_json_load (path, 16 << 20, error);
  const char *keys[2] = { "base", "chat" }, *title, *folder;

  if (root == NULL)
    return false;
  if (!json_is_object (root))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s is not a JSON object: it is not a study file.", path);
      return false;
    }
  if (!check_version (root, path, error) ||
      !cs_json_get_string (root, path, "title", "Study", &title, error) ||
      !cs_json_get_size (root, path, "layer", 0, 4096, CS_LAYER_MIDDLE, &self->layer, error))
    return false;
  self->title = g_strdup (title);
  for (int m = 0; m < 2; m++)
    {
      if (!cs_json_get_string (root, path, keys[m], NULL, &folder, error))
        return false;
      self->model_folder[m] = folder ? path_from_file (self, folder) : NULL;
    }
  return read_corpora (self, root, path, error);
}

CsStudy *
cs_study_open (const char *folder, GError **error)
{
  g_autoptr (CsStudy) self = g_object_new (CS_TYPE_STUDY, NULL);

  self->folder = g_canonicalize_filename (folder, NULL);
  if (!read_file (self, error) || !cs_study_load_labels (self, error))
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
  if (!check_date (date, study->folder, error))
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
  if (!set_replacements (study, text, error))
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
