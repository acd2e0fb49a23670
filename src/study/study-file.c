/* study.json: what a study keeps of itself. */
#include <stdio.h>
#include <string.h>

#include "crosscope-config.h"
#include "errors.h"
#include "harvest.h"
#include "json.h"
#include "study-private.h"
#include "token-replacements.h"

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

bool
cs_study_save (CsStudy *self, GError **error)
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
      const char *maker = json_string_value (json_object_get (root, "crosscope_version"));

      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s was written by Crosscope %.40s in study format %zu, but this is Crosscope %s, which reads up to format %d: "
                   "open it with a newer Crosscope.",
                   path, maker != NULL ? maker : "of a newer version", version, CS_VERSION, CS_STUDY_FORMAT_VERSION);
      return false;
    }
  return true;
}

bool
cs_study_check_date (const char *date, const char *path, GError **error)
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
bool
cs_study_take_replacements (CsStudy *self, const char *text, GError **error)
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

  if (!cs_json_get_string (root, path, "date", NULL, &date, error) || !cs_study_check_date (date, path, error) ||
      !cs_json_get_string (root, path, "replace_base", NULL, &replacements, error))
    return false;
  self->date = g_strdup (date);
  if (cs_study_take_replacements (self, replacements, error))
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

bool
cs_study_read (CsStudy *self, GError **error)
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
