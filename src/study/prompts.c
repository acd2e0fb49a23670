#include "prompts.h"

#include "errors.h"
#include "json.h"

#define MAX_BYTES (64 << 20)

void
cs_prompt_free (void *prompt)
{
  CsPrompt *p = prompt;

  g_free (p->group);
  g_free (p->text);
  g_free (p->web);
  g_free (p);
}

CsPrompt *
cs_prompt_new (const char *group, const char *text, const char *web)
{
  CsPrompt *prompt = g_new0 (CsPrompt, 1);

  prompt->group = g_strdup (group != NULL ? group : "");
  prompt->text = g_strdup (text);
  prompt->web = g_strdup (web);
  return prompt;
}

static const char *
string_of (json_t *object, const char *key)
{
  return json_string_value (json_object_get (object, key));
}

static bool
read_prompts (json_t *prompts, const char *group, const char *key, const char *path, GPtrArray *list, GError **error)
{
  json_t *item;
  size_t i;

  json_array_foreach (prompts, i, item)
    {
      const char *own = string_of (item, "group"), *text = string_of (item, key);

      if (text == NULL)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "Prompt %zu%s%s of %s has no \"%s\".", i + 1,
                       group != NULL ? " of " : "", group != NULL ? group : "", path, key);
          return false;
        }
      g_ptr_array_add (list, cs_prompt_new (group != NULL ? group : own, text, string_of (item, "web")));
    }
  return true;
}

static bool
read_groups (json_t *groups, const char *path, GPtrArray *list, GError **error)
{
  json_t *item;
  size_t i;

  json_array_foreach (groups, i, item)
    {
      const char *set = string_of (item, "set"), *concept = string_of (item, "concept");
      json_t *prompts = json_object_get (item, "prompts");
      g_autofree char *group = NULL;

      if (concept == NULL || !json_is_array (prompts))
        {
          g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "Group %zu of %s has no \"concept\" or no list \"prompts\".",
                       i + 1, path);
          return false;
        }
      group = set != NULL ? g_strdup_printf ("%s · %s", set, concept) : g_strdup (concept);
      if (!read_prompts (prompts, group, "request", path, list, error))
        return false;
    }
  return true;
}

GPtrArray *
cs_prompts_load (const char *path, GError **error)
{
  g_autoptr (json_t) root = cs_json_load (path, MAX_BYTES, error);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (cs_prompt_free);
  json_t *prompts = json_object_get (root, "prompts"), *groups = json_object_get (root, "groups");

  if (root == NULL)
    return NULL;
  if (!json_is_array (prompts) && !json_is_array (groups))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s has no list \"prompts\" or \"groups\": it is not a prompt library.", path);
      return NULL;
    }
  if (!read_groups (groups, path, list, error) || !read_prompts (prompts, NULL, "text", path, list, error))
    return NULL;
  return g_steal_pointer (&list);
}

static bool
holds (json_t *prompts, const char *text)
{
  json_t *item;
  size_t i;

  json_array_foreach (prompts, i, item)
    if (g_strcmp0 (string_of (item, "text"), text) == 0)
      return true;
  return false;
}

bool
cs_prompts_add (const char *path, const char *group, const char *text, GError **error)
{
  g_autoptr (json_t) root = NULL;
  json_t *prompts;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    root = json_pack ("{s:[]}", "prompts");
  else if ((root = cs_json_load (path, MAX_BYTES, error)) == NULL)
    return false;
  prompts = json_object_get (root, "prompts");
  if (!json_is_array (prompts))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s has no list \"prompts\": move it away, it is not a prompt library.",
                   path);
      return false;
    }
  if (holds (prompts, text))
    return true;
  json_array_append_new (prompts, json_pack ("{s:s, s:s}", "group", group, "text", text));
  return cs_json_save (root, path, error);
}
