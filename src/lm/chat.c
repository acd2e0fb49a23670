#include "chat.h"

#include <string.h>

#include "errors.h"
#include "json.h"
#include "tokenizer-internal.h"

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

#define START_OF_TURN "<start_of_turn>"
#define END_OF_TURN "<end_of_turn>"

/* There is one kind so far; a folder that has it is all that is to be known. */
struct CsChatTemplate
{
  char *path;
};

const char *
cs_chat_gemma_template (void)
{
  return gemma_template;
}

/* ---- the folder's template --------------------------------------------- */

/* tokenizer_config.json's: a string, or a list of {name, template} with one called "default". */
static const char *
config_template (json_t *config)
{
  json_t *value = json_object_get (config, "chat_template"), *item;
  size_t i;

  json_array_foreach (value, i, item)
  {
    const char *name = json_string_value (json_object_get (item, "name"));
    if (g_strcmp0 (name, "default") == 0)
      return json_string_value (json_object_get (item, "template"));
  }
  return json_string_value (value);
}

/* NULL without an error where the folder has none; *path is the file that it is from. */
static char *
load_template (const char *folder, char **path, GError **error)
{
  g_autofree char *jinja = g_build_filename (folder, "chat_template.jinja", NULL);
  g_autofree char *config = g_build_filename (folder, "tokenizer_config.json", NULL);

  if (g_file_test (jinja, G_FILE_TEST_EXISTS))
    {
      g_autoptr (GError) inner = NULL;
      char *text = NULL;
      *path = g_steal_pointer (&jinja);
      if (!g_file_get_contents (*path, &text, NULL, &inner))
        g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s: it cannot be read: %s.", *path,
                     inner->message);
      return text;
    }
  *path = g_steal_pointer (&config);
  if (!g_file_test (*path, G_FILE_TEST_EXISTS))
    return NULL;
  g_autoptr (json_t) root = cs_json_load (*path, 0, error);
  return root != NULL ? g_strdup (config_template (root)) : NULL;
}

static bool
is_gemma_template (const char *text)
{
  g_autofree char *trimmed = g_strstrip (g_strdup (text));
  g_autoptr (GString) literal = g_string_new (trimmed);

  /* A newline within a string literal may be written as \n. */
  g_string_replace (literal, "\\n", "\n", 0);
  return strcmp (literal->str, gemma_template) == 0;
}

CsChatTemplate *
cs_chat_template_open (const char *folder, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) inner = NULL;
  g_autofree char *text = load_template (folder, &path, &inner);

  if (inner != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&inner));
      return NULL;
    }
  if (text == NULL)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_IO,
          "%s has no chat template; it is a base model, use the template of its chat sibling.",
          folder);
      return NULL;
    }
  if (!is_gemma_template (text))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s: this version knows the chat template of Gemma 2 only, and this is another.",
                   path);
      return NULL;
    }
  CsChatTemplate *chat = g_new0 (CsChatTemplate, 1);
  chat->path = g_steal_pointer (&path);
  return chat;
}

void
cs_chat_template_free (CsChatTemplate *chat)
{
  if (chat == NULL)
    return;
  g_free (chat->path);
  g_free (chat);
}

/* ---- rendering --------------------------------------------------------- */

/* A stretch of the rendered text and what it is. */
typedef struct
{
  size_t end;
  CsTokenKind kind;
  int32_t turn;
} RenderedPart;

typedef struct
{
  GString *text;
  GArray *parts; /* RenderedPart, in order */
  int32_t turn;  /* of what is written now */
} RenderingText;

static void
append_part (RenderingText *rendering, CsTokenKind kind, const char *text, size_t size)
{
  g_string_append_len (rendering->text, text, (gssize)size);
  RenderedPart part = { .end = rendering->text->len, .kind = kind, .turn = rendering->turn };
  g_array_append_val (rendering->parts, part);
}

static void
append_string (RenderingText *rendering, CsTokenKind kind, const char *text)
{
  append_part (rendering, kind, text, strlen (text));
}

/* What Python's str.strip() takes away, which is what the template's trim does. */
static bool
is_python_space (gunichar c)
{
  return cs_is_white_space (c) || (c >= 0x1C && c <= 0x1F);
}

static void
append_trimmed (RenderingText *rendering, CsTokenKind kind, const char *content)
{
  g_autoptr (GString) text = g_string_new (NULL);

  cs_utf8_scrub (text, content, strlen (content), false);
  const char *start = text->str, *end = text->str + text->len;
  while (start < end && is_python_space (cs_utf8_decode (start)))
    start += g_utf8_skip[(uint8_t)*start];
  while (end > start && is_python_space (cs_utf8_decode (g_utf8_prev_char (end))))
    end = g_utf8_prev_char (end);
  append_part (rendering, kind, start, (size_t)(end - start));
}

static const char *
rendered_role (const char *role)
{
  return strcmp (role, "assistant") == 0 ? "model" : role;
}

static void
append_turn (RenderingText *rendering, const CsMessage *message)
{
  bool from_user = strcmp (message->role, "user") == 0;

  append_string (rendering, CS_TOKEN_START_OF_TURN, START_OF_TURN);
  append_string (rendering, CS_TOKEN_ROLE, rendered_role (message->role));
  append_string (rendering, CS_TOKEN_NEWLINE, "\n");
  append_trimmed (rendering, from_user ? CS_TOKEN_CONTENT_USER : CS_TOKEN_CONTENT_MODEL,
                  message->content);
  append_string (rendering, CS_TOKEN_END_OF_TURN, END_OF_TURN);
  append_string (rendering, CS_TOKEN_NEWLINE, "\n");
}

static bool
check_messages (const CsMessage *messages, size_t n_messages, GError **error)
{
  if (n_messages == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "A conversation needs at least one message.");
      return false;
    }
  if (strcmp (messages[0].role, "system") == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "System role not supported");
      return false;
    }
  for (size_t i = 0; i < n_messages; i++)
    if ((strcmp (messages[i].role, "user") == 0) != (i % 2 == 0))
      {
        g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                     "Conversation roles must alternate user/assistant/user/assistant/...");
        return false;
      }
  return true;
}

/* The kind and turn of each token are those of the part where it begins. */
static void
mark_tokens (const GArray *spans, const GArray *parts, GArray *kinds, GArray *turns)
{
  guint part = 0;

  for (guint i = 0; i < spans->len; i++)
    {
      uint32_t start = g_array_index (spans, CsTokenSpan, i).start;
      while (part + 1 < parts->len && g_array_index (parts, RenderedPart, part).end <= start)
        part++;
      uint8_t kind = (uint8_t)g_array_index (parts, RenderedPart, part).kind;
      g_array_append_val (kinds, kind);
      g_array_append_val (turns, g_array_index (parts, RenderedPart, part).turn);
    }
}

CsRendering *
cs_chat_render (const CsChatTemplate *chat,
                const CsTokenizer *tokenizer,
                const CsMessage *messages,
                size_t n_messages,
                bool add_generation_prompt,
                GError **error)
{
  const char *bos = cs_tokenizer_special (tokenizer, "bos_token");

  g_return_val_if_fail (chat != NULL, NULL);
  if (!check_messages (messages, n_messages, error))
    return NULL;

  g_autoptr (GArray) parts = g_array_new (FALSE, FALSE, sizeof (RenderedPart));
  RenderingText rendering = { .text = g_string_new (NULL), .parts = parts, .turn = -1 };
  append_string (&rendering, CS_TOKEN_BOS, bos != NULL ? bos : "");
  for (size_t i = 0; i < n_messages; i++)
    {
      rendering.turn = (int32_t)i;
      append_turn (&rendering, &messages[i]);
    }
  rendering.turn = (int32_t)n_messages;
  if (add_generation_prompt)
    {
      append_string (&rendering, CS_TOKEN_START_OF_TURN, START_OF_TURN);
      append_string (&rendering, CS_TOKEN_ROLE, "model");
      append_string (&rendering, CS_TOKEN_NEWLINE, "\n");
    }

  CsRendering *result = g_new0 (CsRendering, 1);
  result->ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  result->spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));
  cs_tokenizer_encode (tokenizer, rendering.text->str, rendering.text->len, false, result->ids,
                       result->spans);
  result->kinds = g_array_new (FALSE, FALSE, sizeof (uint8_t));
  result->turns = g_array_new (FALSE, FALSE, sizeof (int32_t));
  mark_tokens (result->spans, parts, result->kinds, result->turns);
  result->text = g_string_free (rendering.text, FALSE);
  return result;
}

void
cs_rendering_free (CsRendering *rendering)
{
  if (rendering == NULL)
    return;
  g_free (rendering->text);
  g_array_unref (rendering->ids);
  g_array_unref (rendering->spans);
  g_array_unref (rendering->kinds);
  g_array_unref (rendering->turns);
  g_free (rendering);
}
