#include "kept-steering.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

#define MAX_EXAMPLES 1000
#define MAX_ITEMS 256
#define MAX_FILE ((size_t)64 << 20)
#define MAX_LATENT 4294967295.0
#define MAX_SCALE 1e6

static const char *const text_keys[CS_KEPT_N_TEXTS] = { "base_plain", "base_steered", "chat_plain",
                                                        "chat_steered" };
static const char *const scope_names[] = { "all tokens", "prompt only" };

CsKeptSteering *
cs_kept_steering_new (const char *run, const char *prompt)
{
  CsKeptSteering *example = g_new0 (CsKeptSteering, 1);

  example->run = g_strdup (run);
  example->prompt = g_strdup (prompt);
  example->items = g_array_new (FALSE, TRUE, sizeof (CsSteerItem));
  return example;
}

void
cs_kept_steering_free (void *data)
{
  CsKeptSteering *example = data;

  if (example == NULL)
    return;
  g_free (example->run);
  g_free (example->prompt);
  g_free (example->base_prompt);
  g_free (example->note);
  g_clear_pointer (&example->items, g_array_unref);
  for (int i = 0; i < CS_KEPT_N_TEXTS; i++)
    g_free (example->texts[i]);
  g_free (example);
}

CsKeptSteering *
cs_kept_steering_copy (const CsKeptSteering *from)
{
  CsKeptSteering *to = cs_kept_steering_new (from->run, from->prompt);

  to->base_prompt = g_strdup (from->base_prompt);
  to->note = g_strdup (from->note);
  to->seed = from->seed;
  to->temperature = from->temperature;
  g_array_append_vals (to->items, from->items->data, from->items->len);
  for (int i = 0; i < CS_KEPT_N_TEXTS; i++)
    to->texts[i] = g_strdup (from->texts[i]);
  return to;
}

static char *
path_in (const char *study_folder)
{
  return g_build_filename (study_folder, "steering.json", NULL);
}

/* --- Reading --- */

static bool
bad (const char *path, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "%s: %s; repair the file, or move it away to begin with no kept examples.", path,
               what);
  return false;
}

static bool
parse_mode (const char *name, CsSteerMode *mode)
{
  for (int m = CS_STEER_ADD; m <= CS_STEER_ABLATE; m++)
    if (strcmp (name, cs_steer_mode_name ((CsSteerMode)m)) == 0)
      {
        *mode = (CsSteerMode)m;
        return true;
      }
  return false;
}

static bool
read_item (json_t *object, const char *path, GArray *items, GError **error)
{
  CsSteerItem item = { 0 };
  const char *mode, *scope;

  if (!json_is_object (object))
    return bad (path, "a steered latent is not an object", error);
  if (!cs_json_get_size (object, path, "latent", 0, (size_t)MAX_LATENT, 0, &item.latent, error) ||
      !cs_json_get_double (object, path, "scale", 1, &item.scale, error) ||
      !cs_json_get_double (object, path, "max_act", 0, &item.max_act, error) ||
      !cs_json_get_string (object, path, "mode", "add", &mode, error) ||
      !cs_json_get_string (object, path, "scope", scope_names[0], &scope, error))
    return false;
  if (!parse_mode (mode, &item.mode))
    return bad (path, "a steered latent's mode is none of add, clamp and ablate", error);
  if (!(fabs (item.scale) <= MAX_SCALE) || !isfinite (item.max_act))
    return bad (path, "a steered latent's scale is out of range", error);
  item.scope = strcmp (scope, scope_names[1]) == 0 ? CS_STEER_PROMPT_ONLY : CS_STEER_ALL_TOKENS;
  g_array_append_val (items, item);
  return true;
}

static bool
read_items (json_t *object, const char *path, CsKeptSteering *example, GError **error)
{
  json_t *items = json_object_get (object, "items"), *item;
  size_t i;

  if (items != NULL && (!json_is_array (items) || json_array_size (items) > MAX_ITEMS))
    return bad (path, "“items” is no list of at most 256 latents", error);
  json_array_foreach (items, i,
                      item) if (!read_item (item, path, example->items, error)) return false;
  return true;
}

static bool
read_texts (json_t *object, const char *path, CsKeptSteering *example, GError **error)
{
  json_t *texts = json_object_get (object, "texts");

  if (texts != NULL && !json_is_object (texts))
    return bad (path, "“texts” is not an object", error);
  for (int i = 0; i < CS_KEPT_N_TEXTS && texts != NULL; i++)
    {
      const char *text;

      if (!cs_json_get_string (texts, path, text_keys[i], NULL, &text, error))
        return false;
      example->texts[i] = g_strdup (text);
    }
  return true;
}

static CsKeptSteering *
read_example (json_t *object, const char *path, GError **error)
{
  g_autoptr (CsKeptSteering) example = cs_kept_steering_new (NULL, NULL);
  const char *run, *prompt, *base, *note;
  size_t seed;

  if (!json_is_object (object))
    {
      bad (path, "an example is not an object", error);
      return NULL;
    }
  if (!cs_json_get_string (object, path, "run", "", &run, error) ||
      !cs_json_get_string (object, path, "prompt", "", &prompt, error) ||
      !cs_json_get_string (object, path, "base_prompt", NULL, &base, error) ||
      !cs_json_get_string (object, path, "note", NULL, &note, error) ||
      !cs_json_get_size (object, path, "seed", 0, G_MAXINT64, 0, &seed, error) ||
      !cs_json_get_double (object, path, "temperature", 0, &example->temperature, error))
    return NULL;
  example->run = g_strdup (run);
  example->prompt = g_strdup (prompt);
  example->base_prompt = g_strdup (base);
  example->note = g_strdup (note);
  example->seed = seed;
  if (!read_items (object, path, example, error) || !read_texts (object, path, example, error))
    return NULL;
  return g_steal_pointer (&example);
}

GPtrArray *
cs_kept_steering_load (const char *study_folder, GError **error)
{
  g_autofree char *path = path_in (study_folder);
  g_autoptr (GPtrArray) examples = g_ptr_array_new_with_free_func (cs_kept_steering_free);
  g_autoptr (json_t) root = NULL;
  json_t *list, *object;
  size_t i;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&examples);
  if ((root = cs_json_load (path, MAX_FILE, error)) == NULL)
    return NULL;
  list = json_object_get (root, "examples");
  if (!json_is_array (list) || json_array_size (list) > MAX_EXAMPLES)
    {
      bad (path, "there is no list “examples” of at most 1000", error);
      return NULL;
    }
  json_array_foreach (list, i, object)
  {
    CsKeptSteering *example = read_example (object, path, error);

    if (example == NULL)
      return NULL;
    g_ptr_array_add (examples, example);
  }
  return g_steal_pointer (&examples);
}

/* --- Writing --- */

static void
set_text (json_t *object, const char *key, const char *text)
{
  g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

  if (valid != NULL)
    json_object_set_new (object, key, json_string (valid));
}

static json_t *
items_json (const GArray *items)
{
  json_t *list = json_array ();

  for (guint i = 0; i < items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (items, CsSteerItem, i);

      json_array_append_new (
          list, json_pack ("{s:I, s:s, s:s, s:f, s:f}", "latent", (json_int_t)item->latent, "mode",
                           cs_steer_mode_name (item->mode), "scope",
                           scope_names[item->scope == CS_STEER_PROMPT_ONLY], "scale",
                           isfinite (item->scale) ? item->scale : 0.0, "max_act",
                           isfinite (item->max_act) ? item->max_act : 0.0));
    }
  return list;
}

/* What makes two examples the same: all but the texts and the note. */
static json_t *
identity_json (const CsKeptSteering *example)
{
  json_t *object = json_object ();

  set_text (object, "run", example->run != NULL ? example->run : "");
  set_text (object, "prompt", example->prompt != NULL ? example->prompt : "");
  set_text (object, "base_prompt", example->base_prompt);
  json_object_set_new (object, "seed", json_integer ((json_int_t)(example->seed & G_MAXINT64)));
  json_object_set_new (object, "temperature",
                       json_real (isfinite (example->temperature) ? example->temperature : 0));
  json_object_set_new (object, "items", items_json (example->items));
  return object;
}

static json_t *
example_json (const CsKeptSteering *example)
{
  json_t *object = identity_json (example), *texts = json_object ();

  set_text (object, "note", example->note);
  for (int i = 0; i < CS_KEPT_N_TEXTS; i++)
    set_text (texts, text_keys[i], example->texts[i]);
  json_object_set_new (object, "texts", texts);
  return object;
}

static bool
same (const CsKeptSteering *a, const CsKeptSteering *b)
{
  g_autoptr (json_t) one = identity_json (a);
  g_autoptr (json_t) two = identity_json (b);

  return json_equal (one, two);
}

static bool
save (const char *study_folder, const GPtrArray *examples, GError **error)
{
  g_autofree char *path = path_in (study_folder);
  g_autoptr (json_t) root = json_object ();
  json_t *list = json_array ();

  for (guint i = 0; i < examples->len; i++)
    json_array_append_new (list, example_json (g_ptr_array_index (examples, i)));
  json_object_set_new (root, "examples", list);
  return cs_json_save (root, path, error);
}

static bool
fits (const GPtrArray *examples, const CsKeptSteering *example, GError **error)
{
  if (examples->len < MAX_EXAMPLES && example->items->len <= MAX_ITEMS)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "No more than %d examples of %d latents can be kept; remove some on the Steering "
               "page.",
               MAX_EXAMPLES, MAX_ITEMS);
  return false;
}

bool
cs_kept_steering_insert (const char *study_folder,
                         size_t index,
                         const CsKeptSteering *example,
                         GError **error)
{
  g_autoptr (GPtrArray) examples = cs_kept_steering_load (study_folder, error);
  guint place = 0, at;

  if (examples == NULL)
    return false;
  while (place < examples->len && !same (g_ptr_array_index (examples, place), example))
    place++;
  at = place < examples->len ? place : (guint)MIN (index, examples->len);
  if (place < examples->len)
    g_ptr_array_remove_index (examples, place);
  if (!fits (examples, example, error))
    return false;
  g_ptr_array_insert (examples, (gint)at, cs_kept_steering_copy (example));
  return save (study_folder, examples, error);
}

bool
cs_kept_steering_add (CsStudy *study, const CsKeptSteering *example, GError **error)
{
  return cs_kept_steering_insert (cs_study_folder (study), SIZE_MAX, example, error);
}

bool
cs_kept_steering_remove (const char *study_folder, size_t index, GError **error)
{
  g_autoptr (GPtrArray) examples = cs_kept_steering_load (study_folder, error);

  if (examples == NULL)
    return false;
  if (index >= examples->len)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "There is no kept example %zu.", index + 1);
      return false;
    }
  g_ptr_array_remove_index (examples, (guint)index);
  return save (study_folder, examples, error);
}
