/* labels.json: {run: {latent: {"name", "note", "bookmarked", "lists": […], "suggestion": {"text", "model", …}}}}. */
#include <math.h>
#include <stdlib.h>

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
  g_strfreev (label->lists);
  if (label->suggestion != NULL)
    {
      g_free (label->suggestion->text);
      g_free (label->suggestion->model);
      g_free (label->suggestion);
    }
  g_free (label);
}

static json_t *
load_file (const char *path, GError **error)
{
  json_t *labels = cs_json_load (path, 0, error);

  if (labels == NULL || json_is_object (labels))
    return labels;
  json_decref (labels);
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "%s is not a JSON object of runs: move it away to open the study without labels.", path);
  return NULL;
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
  study->labels = load_file (path, error);
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

static double
number_or_nan (json_t *object, const char *key)
{
  json_t *value = json_object_get (object, key);

  return json_is_number (value) ? json_number_value (value) : NAN;
}

static CsSuggestion *
read_suggestion (json_t *object)
{
  CsSuggestion *suggestion;

  if (json_string_length (json_object_get (object, "text")) == 0)
    return NULL;
  suggestion = g_new0 (CsSuggestion, 1);
  suggestion->text = string_or_null (object, "text");
  suggestion->model = string_or_null (object, "model");
  suggestion->balanced_accuracy = number_or_nan (object, "balanced_accuracy");
  suggestion->against_random = number_or_nan (object, "against_random");
  suggestion->against_similar = number_or_nan (object, "against_similar");
  return suggestion;
}

static int
compare_names (const void *a, const void *b)
{
  return g_strcmp0 (*(char *const *) a, *(char *const *) b);
}

/* Takes the names; NULL where none is left. */
static char **
sorted_names (GPtrArray *names)
{
  guint kept = 0;

  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    if (kept > 0 && g_str_equal (names->pdata[i], names->pdata[kept - 1]))
      g_free (names->pdata[i]);
    else
      names->pdata[kept++] = names->pdata[i];
  names->len = kept;
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, kept == 0);
}

static char **
read_lists (json_t *array)
{
  GPtrArray *names = g_ptr_array_new ();
  size_t i;
  json_t *item;

  json_array_foreach (array, i, item)
    if (json_string_length (item) > 0)
      g_ptr_array_add (names, g_strdup (json_string_value (item)));
  return sorted_names (names);
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
      label->lists = read_lists (json_object_get (object, "lists"));
      label->suggestion = read_suggestion (json_object_get (object, "suggestion"));
      g_hash_table_insert (study->label_cache, g_steal_pointer (&key), label);
    }
  return label;
}

/* --- Changing --- */

/* What is on disk may have been written by the command since: changes are made to that. */
static bool
refresh (CsStudy *study, GError **error)
{
  g_autofree char *path = labels_path (study);
  json_t *labels;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  labels = load_file (path, error);
  if (labels == NULL)
    return false;
  json_decref (study->labels);
  study->labels = labels;
  return true;
}

/* The object of a latent, made where there is none. Borrowed. */
static json_t *
latent_object (CsStudy *study, const char *run_name, const char *id)
{
  json_t *run = json_object_get (study->labels, run_name), *label;

  if (!json_is_object (run))
    {
      run = json_object ();
      json_object_set_new (study->labels, run_name, run);
    }
  label = json_object_get (run, id);
  if (!json_is_object (label))
    {
      label = json_pack ("{s:s, s:s, s:b}", "name", "", "note", "", "bookmarked", 0);
      json_object_set_new (run, id, label);
    }
  return label;
}

static bool
is_empty (json_t *label)
{
  return json_string_length (json_object_get (label, "name")) == 0 &&
         json_string_length (json_object_get (label, "note")) == 0 &&
         !json_is_true (json_object_get (label, "bookmarked")) &&
         json_array_size (json_object_get (label, "lists")) == 0 &&
         json_object_size (json_object_get (label, "suggestion")) == 0;
}

/* Sets the members of `changes` (taken) in a latent's label, null ones removed, and saves. */
static bool
change (CsStudy *study, const char *run_name, size_t latent, json_t *changes, GError **error)
{
  g_autofree char *path = labels_path (study);
  g_autoptr (json_t) taken = changes;
  char id[24];
  const char *key;
  json_t *value, *label, *run;
  bool ok;

  if (changes == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "The label of latent %zu is not valid UTF-8: write it again.", latent);
      return false;
    }
  if (!refresh (study, error))
    return false;
  g_snprintf (id, sizeof id, "%zu", latent);
  label = latent_object (study, run_name, id);
  json_object_foreach (changes, key, value)
    if (json_is_null (value))
      json_object_del (label, key);
    else
      json_object_set (label, key, value);
  run = json_object_get (study->labels, run_name);
  if (is_empty (label))
    json_object_del (run, id);
  if (json_object_size (run) == 0)
    json_object_del (study->labels, run_name);
  g_hash_table_remove_all (study->label_cache);
  ok = cs_json_save (study->labels, path, error);
  cs_study_emit_labels_changed (study);
  return ok;
}

bool
cs_study_set_label (CsStudy *study, const char *run_name, size_t latent, const char *name, const char *note,
                    bool bookmarked, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  return change (study, run_name, latent,
                 json_pack ("{s:s, s:s, s:b}", "name", name != NULL ? name : "", "note", note != NULL ? note : "",
                            "bookmarked", (int) bookmarked),
                 error);
}

bool
cs_study_set_lists (CsStudy *study, const char *run_name, size_t latent, const char *const *lists, GError **error)
{
  GPtrArray *names = g_ptr_array_new ();
  g_auto (GStrv) sorted = NULL;
  json_t *array, *changes;
  bool valid = true;

  g_return_val_if_fail (CS_IS_STUDY (study), false);
  for (; lists != NULL && *lists != NULL; lists++)
    {
      g_autofree char *name = g_strstrip (g_strdup (*lists));

      if (*name != '\0')
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  sorted = sorted_names (names);
  array = json_array ();
  for (char **name = sorted; name != NULL && *name != NULL; name++)
    valid = json_array_append_new (array, json_string (*name)) == 0 && valid;
  changes = json_object ();
  json_object_set_new (changes, "lists", sorted != NULL ? array : json_null ());
  if (sorted == NULL)
    json_decref (array);
  if (!valid)
    g_clear_pointer (&changes, json_decref);
  return change (study, run_name, latent, changes, error);
}

char **
cs_study_list_names (CsStudy *study, const char *run_name)
{
  GPtrArray *names = g_ptr_array_new ();
  const char *id;
  json_t *label;
  char **sorted;

  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  json_object_foreach (json_object_get (study->labels, run_name), id, label)
    {
      g_auto (GStrv) lists = read_lists (json_object_get (label, "lists"));

      for (char **name = lists; name != NULL && *name != NULL; name++)
        g_ptr_array_add (names, g_strdup (*name));
    }
  sorted = sorted_names (names);
  return sorted != NULL ? sorted : g_new0 (char *, 1);
}

static json_t *
score_json (double score)
{
  return isfinite (score) ? json_real (score) : json_null ();
}

bool
cs_study_set_suggestion (CsStudy *study, const char *run_name, size_t latent, const CsSuggestion *suggestion,
                         GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study), false);
  if (suggestion == NULL)
    return change (study, run_name, latent, json_pack ("{s:n}", "suggestion"), error);
  return change (study, run_name, latent,
                 json_pack ("{s:{s:s, s:s, s:o, s:o, s:o}}", "suggestion", "text", suggestion->text, "model",
                            suggestion->model != NULL ? suggestion->model : "", "balanced_accuracy",
                            score_json (suggestion->balanced_accuracy), "against_random",
                            score_json (suggestion->against_random), "against_similar",
                            score_json (suggestion->against_similar)),
                 error);
}
