/* Finding and reading a folder's chat template. */
#include <string.h>

#include "chat-private.h"
#include "file-error.h"
#include "json.h"
#include "model-cache.h"

/* As published with the Gemma 2 chat models. Programs that write a model folder of this kind write
 * this text. */
static const char gemma_template[] =
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% "
    "endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') "
    "}}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}";

const char *
cs_chat_gemma_template (void)
{
  return gemma_template;
}

/* ---- the text ---------------------------------------------------------- */

/* A template, or a list of {name, template}: the one called "default", else the first. */
static const char *
template_of (json_t *value)
{
  json_t *item;
  size_t i;

  json_array_foreach (value, i, item)
  {
    const char *name = json_string_value (json_object_get (item, "name"));
    if (g_strcmp0 (name, "default") == 0)
      return json_string_value (json_object_get (item, "template"));
  }
  if (json_is_array (value))
    return json_string_value (json_object_get (json_array_get (value, 0), "template"));
  return json_string_value (value);
}

/* NULL without an error where the file has none. */
static char *
text_of_json (const char *path, GError **error)
{
  g_autoptr (json_t) root = cs_json_load (path, 0, error);
  return root != NULL ? g_strdup (template_of (json_object_get (root, "chat_template"))) : NULL;
}

static char *
text_of_file (const char *path, GError **error)
{
  g_autoptr (GError) inner = NULL;
  char *text = NULL;

  if (!g_file_get_contents (path, &text, NULL, &inner))
    cs_file_error (error, CS_ERROR_IO, "%s: it cannot be read: %s.", path, inner->message);
  return text;
}

/* NULL without an error where the folder has none; *path is the file that it is from. */
static char *
load_text (const char *folder, char **path, GError **error)
{
  static const char *const places[] = { "chat_template.jinja", "tokenizer_config.json",
                                        "chat_template.json",
                                        "additional_chat_templates/default.jinja" };

  for (size_t i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autofree char *file = g_build_filename (folder, places[i], NULL);
      g_autoptr (GError) inner = NULL;
      char *text;

      if (!g_file_test (file, G_FILE_TEST_EXISTS))
        continue;
      text = g_str_has_suffix (file, ".jinja") ? text_of_file (file, &inner)
                                               : text_of_json (file, &inner);
      if (inner != NULL)
        g_propagate_error (error, g_steal_pointer (&inner));
      else if (text == NULL)
        continue;
      *path = g_steal_pointer (&file);
      return text;
    }
  return NULL;
}

/* ---- special tokens ---------------------------------------------------- */

/* A token is a string, or an object with its content. */
static json_t *
token_text (json_t *value)
{
  return json_is_object (value) ? json_object_get (value, "content") : value;
}

static void
add_specials (json_t *specials, const char *folder, const char *file)
{
  static const char *const names[] = { "bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token" };
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autoptr (json_t) root =
      g_file_test (path, G_FILE_TEST_EXISTS) ? cs_json_load (path, 0, NULL) : NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      json_t *text = token_text (json_object_get (root, names[i]));
      if (json_is_string (text) && json_object_get (specials, names[i]) == NULL)
        json_object_set (specials, names[i], text);
    }
}

/* ---- the template ------------------------------------------------------ */

CsChatTemplate *
cs_chat_template_new (const char *source, size_t size, const char *name, GError **error)
{
  CsJinja *jinja = cs_jinja_compile (source, size, name, error);
  CsChatTemplate *chat;

  if (jinja == NULL)
    return NULL;
  chat = g_new0 (CsChatTemplate, 1);
  chat->path = g_strdup (name);
  chat->jinja = jinja;
  chat->asks_date = memmem (source, size, "strftime_now", strlen ("strftime_now")) != NULL;
  return chat;
}

CsChatTemplate *
cs_chat_template_open (const char *folder, GError **error)
{
  return cs_chat_template_open_pair (folder, NULL, error);
}

CsChatTemplate *
cs_chat_template_open_pair (const char *place, const char *sibling_place, GError **error)
{
  g_autofree char *folder = cs_model_folder_resolve (place);
  g_autofree char *sibling =
      sibling_place != NULL ? cs_model_folder_resolve (sibling_place) : NULL;
  g_autofree char *path = NULL;
  g_autoptr (GError) inner = NULL;
  g_autofree char *text = load_text (folder, &path, &inner);
  const char *from = folder;
  CsChatTemplate *chat;

  if (text == NULL && inner == NULL && sibling != NULL)
    {
      from = sibling;
      text = load_text (sibling, &path, &inner);
    }
  if (inner != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&inner));
      return NULL;
    }
  if (text == NULL)
    {
      cs_file_error (
          error, CS_ERROR_IO,
          "%s has no chat template; it is a base model, use the template of its chat sibling.",
          folder);
      return NULL;
    }
  chat = cs_chat_template_new (text, strlen (text), path, error);
  if (chat == NULL)
    return NULL;
  chat->specials = json_object ();
  add_specials (chat->specials, from, "tokenizer_config.json");
  add_specials (chat->specials, from, "special_tokens_map.json");
  return chat;
}

void
cs_chat_template_free (CsChatTemplate *chat)
{
  if (chat == NULL)
    return;
  cs_jinja_free (chat->jinja);
  json_decref (chat->specials);
  g_clear_pointer (&chat->now, g_date_time_unref);
  g_free (chat->path);
  g_free (chat);
}

const char *
cs_chat_template_path (const CsChatTemplate *chat)
{
  return chat->path;
}

/* ---- its date ---------------------------------------------------------- */

bool
cs_chat_template_asks_date (const CsChatTemplate *chat)
{
  return chat->asks_date;
}

/* Reads "dd" and such at *p, then `after`, which may be 0 for nothing. */
static bool
read_digits (const char **p, size_t n, char after, int *value)
{
  *value = 0;
  for (size_t i = 0; i < n; i++, (*p)++)
    {
      if (!g_ascii_isdigit (**p))
        return false;
      *value = *value * 10 + (**p - '0');
    }
  if (after != 0 && *(*p)++ != after)
    return false;
  return true;
}

GDateTime *
cs_chat_parse_date (const char *date, GError **error)
{
  const char *p = date;
  int year, month, day, hour = 0, minute = 0, second = 0;
  GDateTime *now = NULL;
  bool ok = read_digits (&p, 4, '-', &year) && read_digits (&p, 2, '-', &month) &&
            read_digits (&p, 2, 0, &day);

  if (ok && (*p == 'T' || *p == ' '))
    {
      p++;
      ok = read_digits (&p, 2, ':', &hour) && read_digits (&p, 2, 0, &minute);
      if (ok && *p == ':')
        {
          p++;
          ok = read_digits (&p, 2, 0, &second);
        }
    }
  if (ok && *p == '\0')
    now = g_date_time_new_utc (year, month, day, hour, minute, second);
  if (now == NULL)
    cs_file_error (error, CS_ERROR_USAGE,
                   "“%.40s” is no date: write it as 2024-07-26 or 2024-07-26T14:30:00.", date);
  return now;
}

bool
cs_chat_template_set_date (CsChatTemplate *chat, const char *date, GError **error)
{
  GDateTime *now = NULL;

  if (date != NULL && (now = cs_chat_parse_date (date, error)) == NULL)
    return false;
  g_clear_pointer (&chat->now, g_date_time_unref);
  chat->now = now;
  return true;
}
