/* tokenize, chat-template: JSON lines in, JSON lines out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chat.h"
#include "cli.h"
#include "errors.h"
#include "json.h"
#include "tokenizer.h"

static int run_tokenize (int argc, char **argv);
static int run_chat_template (int argc, char **argv);

const CsVerb cs_verbs_text[] = {
  { "tokenize", "DIR [--no-special] [--json]",
    "JSON lines {\"text\"}, {\"bytes_hex\"} or {\"ids\"} in, ids and text out", run_tokenize },
  { "chat-template", "DIR [--json]",
    "JSON lines {\"messages\", \"add_generation_prompt\"} in, rendering and ids out",
    run_chat_template },
  { NULL, NULL, NULL, NULL },
};

static bool
ids_from_json (json_t *array, GArray *ids, GError **error)
{
  size_t i;
  json_t *item;

  json_array_foreach (array, i, item)
  {
    int32_t id = (int32_t)json_integer_value (item);

    if (!json_is_integer (item) || json_integer_value (item) != id)
      {
        g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "Element %zu of \"ids\" is not a token id.",
                     i);
        return false;
      }
    g_array_append_val (ids, id);
  }
  return true;
}

static bool
bytes_from_hex (const char *hex, GByteArray *bytes, GError **error)
{
  const size_t n = strlen (hex);

  for (size_t i = 0; i < n; i += 2)
    {
      int high = g_ascii_xdigit_value (hex[i]),
          low = i + 1 < n ? g_ascii_xdigit_value (hex[i + 1]) : -1;
      guint8 byte = (guint8)(high * 16 + low);

      if (high < 0 || low < 0)
        {
          g_set_error_literal (error, CS_ERROR, CS_ERROR_FORMAT,
                               "\"bytes_hex\" is not pairs of hexadecimal digits.");
          return false;
        }
      g_byte_array_append (bytes, &byte, 1);
    }
  return true;
}

/* What a line's function makes of its object: a new reference, or NULL with error. */
typedef json_t *(*LineFunc) (void *data, json_t *object, GError **error);
typedef json_t *(*ParseFunc) (const char *text, size_t size, const char *name, GError **error);

/* Answers are flushed line by line; the first bad line ends the stream with a sentence that names
 * it. */
static int
for_each_line (ParseFunc parse, LineFunc func, void *data)
{
  char *line = NULL;
  size_t capacity = 0, number = 0;
  ssize_t length;
  int status = CS_EXIT_DONE;

  while (status == CS_EXIT_DONE && (length = getline (&line, &capacity, stdin)) >= 0)
    {
      g_autofree char *name = g_strdup_printf ("Line %zu of standard input", ++number);
      g_autoptr (GError) error = NULL;
      g_autoptr (json_t) object = NULL;
      json_t *result = NULL;

      while (length > 0 && g_ascii_isspace (line[length - 1]))
        length--;
      if (length == 0)
        continue;
      object = parse (line, (size_t)length, name, &error);
      if (object != NULL && !json_is_object (object))
        g_set_error (&error, CS_ERROR, CS_ERROR_FORMAT, "%s is not a JSON object.", name);
      if (error == NULL)
        result = func (data, object, &error);
      if (result != NULL)
        cs_cli_print_json (result);
      else
        {
          if (strncmp (error->message, "Line ", 5) != 0)
            g_prefix_error (&error, "%s: ", name);
          status = cs_cli_fail (error);
        }
    }
  free (line);
  return status;
}

typedef struct
{
  const CsTokenizer *tokenizer;
  const CsChatTemplate *chat;
  bool special;
} TextData;

static json_t *
tokenize_line (void *data, json_t *object, GError **error)
{
  const TextData *d = data;
  json_t *text = json_object_get (object, "text"), *given = json_object_get (object, "ids");
  const char *hex = json_string_value (json_object_get (object, "bytes_hex"));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  if (json_is_array (given))
    return ids_from_json (given, ids, error)
               ? json_pack ("{s:o}", "decoded", cs_cli_text (d->tokenizer, ids, false))
               : NULL;
  if (json_is_string (text))
    g_byte_array_append (bytes, (const guint8 *)json_string_value (text),
                         (guint)json_string_length (text));
  else if (hex == NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_FORMAT,
                           "There is neither \"text\" nor \"bytes_hex\" nor \"ids\".");
      return NULL;
    }
  else if (!bytes_from_hex (hex, bytes, error))
    return NULL;
  cs_tokenizer_encode (d->tokenizer, (const char *)bytes->data, bytes->len, d->special, ids, NULL);
  return json_pack ("{s:o, s:o}", "ids", cs_cli_ids (ids), "decoded",
                    cs_cli_text (d->tokenizer, ids, false));
}

static int
run_tokenize (int argc, char **argv)
{
  gboolean no_special = FALSE;
  const GOptionEntry entries[] = {
    { "no-special", 0, 0, G_OPTION_ARG_NONE, &no_special, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL,
      NULL }, /* nothing else is printed */
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_text[0], entries, 1, 1, &status))
    return status;
  tokenizer = cs_tokenizer_open (argv[1], &error);
  if (tokenizer == NULL)
    return cs_cli_fail (error);
  return for_each_line (cs_json_parse_nul, tokenize_line,
                        &(TextData){ .tokenizer = tokenizer, .special = !no_special });
}

static void
message_clear (void *data)
{
  CsMessage *message = data;

  g_free (message->role);
  g_free (message->content);
}

static bool
messages_from_json (json_t *array, GArray *messages, GError **error)
{
  size_t i;
  json_t *item;

  g_array_set_clear_func (messages, message_clear);
  json_array_foreach (array, i, item)
  {
    const char *role = json_string_value (json_object_get (item, "role"));
    const char *content = json_string_value (json_object_get (item, "content"));
    CsMessage message = { g_strdup (role), g_strdup (content) };

    g_array_append_val (messages, message);
    if (role == NULL || content == NULL)
      {
        g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                     "Message %zu has no \"role\" or no \"content\" that is a string.", i);
        return false;
      }
  }
  return true;
}

static json_t *
template_line (void *data, json_t *object, GError **error)
{
  const TextData *d = data;
  g_autoptr (GArray) messages = g_array_new (FALSE, TRUE, sizeof (CsMessage));
  g_autoptr (CsRendering) rendering = NULL;
  g_autoptr (GError) refused = NULL;

  if (!json_is_array (json_object_get (object, "messages")))
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_FORMAT, "There is no list \"messages\".");
      return NULL;
    }
  if (!messages_from_json (json_object_get (object, "messages"), messages, error))
    return NULL;
  rendering = cs_chat_render (
      d->chat, d->tokenizer, (const CsMessage *)(const void *)messages->data, messages->len,
      json_is_true (json_object_get (object, "add_generation_prompt")), &refused);
  if (rendering == NULL)
    return json_pack ("{s:n, s:o}", "text", "error", cs_cli_string (refused->message));
  return json_pack ("{s:o, s:o}", "text", cs_cli_string (rendering->text), "ids",
                    cs_cli_ids (rendering->ids));
}

static int
run_chat_template (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL,
      NULL }, /* nothing else is printed */
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = NULL;
  g_autoptr (CsChatTemplate) chat = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_text[1], entries, 1, 1, &status))
    return status;
  if ((tokenizer = cs_tokenizer_open (argv[1], &error)) == NULL ||
      (chat = cs_chat_template_open (argv[1], &error)) == NULL)
    return cs_cli_fail (error);
  return for_each_line (cs_json_parse, template_line,
                        &(TextData){ .tokenizer = tokenizer, .chat = chat });
}
