#include "prompts.h"

#include "errors.h"
#include "json.h"

static void
prompt_free (void *data)
{
  CsPrompt *prompt = data;

  g_free (prompt->group);
  g_free (prompt->text);
  g_free (prompt);
}

GPtrArray *
cs_prompts_load (const char *path, GError **error)
{
  g_autoptr (json_t) root = cs_json_load (path, 64 << 20, error);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (prompt_free);
  json_t *prompts = json_object_get (root, "prompts"), *item;
  size_t i;

  if (root == NULL)
    return NULL;
  if (!json_is_array (prompts))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s has no list \"prompts\": it is not a prompt library.", path);
      return NULL;
    }
  json_array_foreach (prompts, i, item)
    {
      const char *text = json_string_value (json_object_get (item, "text"));
      const char *group = json_string_value (json_object_get (item, "group"));
      CsPrompt *prompt;

      if (text == NULL)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "Prompt %zu of %s has no \"text\".", i + 1, path);
          return NULL;
        }
      prompt = g_new0 (CsPrompt, 1);
      prompt->group = g_strdup (group != NULL ? group : "");
      prompt->text = g_strdup (text);
      g_ptr_array_add (list, prompt);
    }
  return g_steal_pointer (&list);
}
