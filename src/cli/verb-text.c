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
  { "chat-template", "DIR [--sibling DIR] [--date DATE] [--kinds] [--json]",
    "JSON lines {\"messages\", \"add_generation_prompt\", \"options\"} in, rendering and ids out",
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
  bool special; /* of tokenize */
  bool kinds;   /* of chat-template */
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

/* What every template counts on; the rest is the template's to check. */
static bool
check_messages (json_t *messages, GError **error)
{
  size_t i;
  json_t *message;

  if (!json_is_array (messages))
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_FORMAT, "There is no list \"messages\".");
      return false;
    }
  json_array_foreach (messages, i, message)
  {
    if (json_is_string (json_object_get (message, "role")) &&
        (json_object_get (message, "content") != NULL ||
         json_object_get (message, "tool_calls") != NULL))
      continue;
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                 "Message %zu has no \"role\" that is a string, or no \"content\".", i);
    return false;
  }
  return true;
}

/* What each token is, and of which message (−1: of none). */
static void
add_kinds (json_t *answer, const CsRendering *rendering)
{
  json_t *kinds = json_array (), *turns = json_array ();

  for (guint i = 0; i < rendering->kinds->len; i++)
    {
      const uint8_t kind = g_array_index (rendering->kinds, uint8_t, i);
      json_array_append_new (kinds, json_string (cs_token_kind_name ((CsTokenKind)kind)));
      json_array_append_new (turns, json_integer (g_array_index (rendering->turns, int32_t, i)));
    }
  json_object_set_new (answer, "kinds", kinds);
  json_object_set_new (answer, "turns", turns);
}

static json_t *
template_line (void *data, json_t *object, GError **error)
{
  const TextData *d = data;
  json_t *messages = json_object_get (object, "messages"),
         *variables = json_object_get (object, "options"), *answer;
  const CsChatOptions options = { .add_generation_prompt = json_is_true (
                                      json_object_get (object, "add_generation_prompt")),
                                  .variables = json_is_object (variables) ? variables : NULL };
  g_autoptr (CsRendering) rendering = NULL;
  g_autoptr (GError) refused = NULL;

  if (!check_messages (messages, error))
    return NULL;
  rendering = cs_chat_render_json (d->chat, d->tokenizer, messages, &options, &refused);
  if (rendering == NULL)
    return json_pack ("{s:n, s:o}", "text", "error", cs_cli_string (refused->message));
  answer = json_pack ("{s:o, s:o}", "text", cs_cli_string (rendering->text), "ids",
                      cs_cli_ids (rendering->ids));
  if (d->kinds)
    add_kinds (answer, rendering);
  return answer;
}

static int
run_chat_template (int argc, char **argv)
{
  g_autofree char *sibling = NULL, *date = NULL;
  gboolean kinds = FALSE;
  const GOptionEntry entries[] = {
    { "sibling", 0, 0, G_OPTION_ARG_FILENAME, &sibling, NULL, NULL },
    { "date", 0, 0, G_OPTION_ARG_STRING, &date, NULL, NULL },
    { "kinds", 0, 0, G_OPTION_ARG_NONE, &kinds, NULL, NULL },
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
      (chat = cs_chat_template_open_pair (argv[1], sibling, &error)) == NULL)
    return cs_cli_fail (error);
  if (!cs_chat_template_set_date (chat, date, &error))
    return cs_cli_usage (&cs_verbs_text[1], error->message);
  return for_each_line (cs_json_parse, template_line,
                        &(TextData){ .tokenizer = tokenizer, .chat = chat, .kinds = kinds });
}
