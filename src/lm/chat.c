#include "chat.h"

#include <string.h>

#include "chat-private.h"
#include "errors.h"
#include "json.h"
#include "tokenizer-internal.h"

/* ---- what the template sees -------------------------------------------- */

static json_t *
scrubbed (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  cs_utf8_scrub (out, text, strlen (text), false);
  return json_stringn (out->str, out->len);
}

static json_t *
messages_json (const CsMessage *messages, size_t n)
{
  json_t *list = json_array ();

  for (size_t i = 0; i < n; i++)
    {
      json_t *message = json_object ();
      json_object_set_new (message, "role", scrubbed (messages[i].role));
      json_object_set_new (message, "content", scrubbed (messages[i].content));
      json_array_append_new (list, message);
    }
  return list;
}

/* The folder's own spelling of a special token, or the tokenizer's where the template is from no
 * folder. */
static const char *
special_token (const CsChatTemplate *chat, const CsTokenizer *tokenizer, const char *name)
{
  return chat->specials != NULL ? json_string_value (json_object_get (chat->specials, name))
                                : cs_tokenizer_special (tokenizer, name);
}

static json_t *
variables_json (const CsChatTemplate *chat,
                const CsTokenizer *tokenizer,
                const CsChatOptions *options)
{
  json_t *variables = json_object (), *value;
  const char *name;

  json_object_set_new (variables, "add_generation_prompt",
                       json_boolean (options->add_generation_prompt));
  json_object_set_new (variables, "tools", json_null ());
  json_object_set_new (variables, "documents", json_null ());
  for (size_t i = 0; i < CS_N_SPECIAL; i++)
    {
      const char *text = special_token (chat, tokenizer, cs_special_names[i]);
      if (text != NULL)
        json_object_set_new (variables, cs_special_names[i], scrubbed (text));
    }
  json_object_foreach (options->variables, name, value) json_object_set (variables, name, value);
  return variables;
}

/* ---- rendering --------------------------------------------------------- */

static CsRendering *
rendering_new (CsChatMarking *marking, char *text, const CsTokenizer *tokenizer)
{
  CsRendering *rendering = g_new0 (CsRendering, 1);
  g_autoptr (GArray) parts = cs_chat_parts (marking);

  rendering->text = text;
  rendering->ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  rendering->spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));
  rendering->kinds = g_array_new (FALSE, FALSE, sizeof (uint8_t));
  rendering->turns = g_array_new (FALSE, FALSE, sizeof (int32_t));
  cs_tokenizer_encode (tokenizer, text, marking->size, false, rendering->ids, rendering->spans);
  cs_chat_mark_tokens (text, rendering->spans, parts, rendering->kinds, rendering->turns);
  return rendering;
}

static bool
run_template (const CsChatTemplate *chat,
              json_t *messages,
              json_t *variables,
              const CsChatOptions *options,
              CsChatMarking *marking,
              char **text,
              GArray **runs,
              GError **error)
{
  CsJinjaInput input = { .messages = messages, .variables = variables };
  bool ok;

  if (options->date != NULL)
    {
      input.now = cs_chat_parse_date (options->date, error);
      if (input.now == NULL)
        return false;
    }
  else if (chat->now != NULL)
    input.now = g_date_time_ref (chat->now);
  ok = cs_jinja_render (chat->jinja, &input, text, &marking->size, runs, error);
  g_clear_pointer (&input.now, g_date_time_unref);
  return ok;
}

CsRendering *
cs_chat_render_json (const CsChatTemplate *chat,
                     const CsTokenizer *tokenizer,
                     json_t *messages,
                     const CsChatOptions *options,
                     GError **error)
{
  const CsChatOptions none = { 0 };
  g_autoptr (json_t) variables = NULL;
  g_autoptr (GArray) runs = NULL;
  g_autofree char *text = NULL;
  CsChatMarking marking = { .messages = messages,
                            .bos = special_token (chat, tokenizer, "bos_token"),
                            .eos = special_token (chat, tokenizer, "eos_token"),
                            .tokenizer = tokenizer };

  options = options != NULL ? options : &none;
  if (!json_is_array (messages))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "A conversation has to be a list of messages.");
      return NULL;
    }
  variables = variables_json (chat, tokenizer, options);
  if (!run_template (chat, messages, variables, options, &marking, &text, &runs, error))
    return NULL;
  if (memchr (text, 0, marking.size) != NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s: the chat template writes a zero byte, which no text has.", chat->path);
      return NULL;
    }
  marking.text = text;
  marking.runs = runs;
  marking.add_generation_prompt = options->add_generation_prompt;
  return rendering_new (&marking, g_steal_pointer (&text), tokenizer);
}

CsRendering *
cs_chat_render (const CsChatTemplate *chat,
                const CsTokenizer *tokenizer,
                const CsMessage *messages,
                size_t n_messages,
                bool add_generation_prompt,
                GError **error)
{
  const CsChatOptions options = { .add_generation_prompt = add_generation_prompt };
  g_autoptr (json_t) list = NULL;

  g_return_val_if_fail (chat != NULL, NULL);
  if (n_messages == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "A conversation needs at least one message.");
      return NULL;
    }
  list = messages_json (messages, n_messages);
  return cs_chat_render_json (chat, tokenizer, list, &options, error);
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
