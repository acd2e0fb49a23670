/* labels.json: {run: {latent: {"name", "note", "bookmarked"}}}. */
#include "errors.h"
#include "json.h"
#include "study-private.h"

static char *
labels_path (CsStudy *study)
{
  return g_build_filename (study->folder, "labels.json", NULL);
}

static void
label_free (void *data)
{
  CsLabel *label = data;

  g_free (label->name);
  g_free (label->note);
  g_free (label);
}

bool
cs_study_load_labels (CsStudy *study, GError **error)
{
  g_autofree char *path = labels_path (study);

  study->label_cache = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, label_free);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    {
      study->labels = json_object ();
      return true;
    }
  study->labels = cs_json_load (path, 0, error);
  if (study->labels != NULL && !json_is_object (study->labels))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s is not a JSON object of runs: move it away to open the study without labels.", path);
      return false;
    }
  return study->labels != NULL;
}

void
cs_study_free_labels (CsStudy *study)
{
  g_clear_pointer (&study->labels, json_decref);
  g_clear_pointer (&study->label_cache, g_hash_table_unref);
}

static char *
string_or_null (json_t *object, const char *key)
{
  const char *text = json_string_value (json_object_get (object, key));

  return text != NULL && *text != '\0' ? g_strdup (text) : NULL;
}

const CsLabel *
cs_study_label (CsStudy *study, const char *run_name, size_t latent)
{
  char id[24];
  g_autofree char *key = NULL;
  json_t *object;
  CsLabel *label;

  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  g_snprintf (id, sizeof id, "%zu", latent);
  object = json_object_get (json_object_get (study->labels, run_name), id);
  if (object == NULL)
    return NULL;
  key = g_strdup_printf ("%s/%s", run_name, id);
  label = g_hash_table_lookup (study->label_cache, key);
  if (label == NULL)
    {
      label = g_new0 (CsLabel, 1);
      label->name = string_or_null (object, "name");
      label->note = string_or_null (object, "note");
      label->bookmarked = json_is_true (json_object_get (object, "bookmarked"));
      g_hash_table_insert (study->label_cache, g_steal_pointer (&key), label);
    }
  return label;
}

bool
cs_study_set_label (CsStudy *study, const char *run_name, size_t latent, const char *name, const char *note,
                    bool bookmarked, GError **error)
{
  char id[24];
  g_autofree char *path = NULL;
  bool has_name = name != NULL && *name != '\0', has_note = note != NULL && *note != '\0', ok;
  json_t *run, *label;

  g_return_val_if_fail (CS_IS_STUDY (study), false);
  g_snprintf (id, sizeof id, "%zu", latent);
  label = json_pack ("{s:s, s:s, s:b}", "name", has_name ? name : "", "note", has_note ? note : "", "bookmarked",
                     (int) bookmarked);
  if (label == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "The label of latent %zu is not valid UTF-8: write it again.", latent);
      return false;
    }
  run = json_object_get (study->labels, run_name);
  if (!json_is_object (run))
    {
      run = json_object ();
      json_object_set_new (study->labels, run_name, run);
    }
  json_object_set_new (run, id, label);
  if (!has_name && !has_note && !bookmarked)
    json_object_del (run, id);
  if (json_object_size (run) == 0)
    json_object_del (study->labels, run_name);
  g_hash_table_remove_all (study->label_cache);
  path = labels_path (study);
  ok = cs_json_save (study->labels, path, error);
  cs_study_emit_labels_changed (study);
  return ok;
}
