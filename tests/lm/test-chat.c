#include <string.h>

#include "chat.h"
#include "errors.h"
#include "json.h"
#include "test-chat.h"
#include "tiny-tokenizer.h"

/* Messages own their strings; here they are literals. */
#define MESSAGE(r, c)                                                                              \
  {                                                                                                \
    .role = (char *)(uintptr_t)(r), .content = (char *)(uintptr_t)(c)                              \
  }

/* A folder of a chat model with the tiny tokenizer. */
static char *
chat_folder (void)
{
  g_autoptr (json_t) root = tiny_tokenizer_json ();
  g_autoptr (json_t) config =
      json_pack ("{s:s, s:s}", "bos_token", "<bos>", "chat_template", cs_chat_gemma_template ());
  char *text = json_dumps (config, 0);
  char *folder = tiny_folder_new (root, text);

  free (text);
  return folder;
}

typedef struct
{
  CsTokenizer *tokenizer;
  CsChatTemplate *chat;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  char *folder = chat_folder ();

  fixture->tokenizer = cs_tokenizer_open (folder, &error);
  g_assert_no_error (error);
  fixture->chat = cs_chat_template_open (folder, &error);
  g_assert_no_error (error);
  tiny_folder_remove (folder);
}

static void
tear_down (Fixture *fixture, const void *data)
{
  cs_chat_template_free (fixture->chat);
  cs_tokenizer_unref (fixture->tokenizer);
}

/* What kind each token is, a letter a token. */
static char *
kind_letters (const CsRendering *rendering)
{
  static const char letters[] = "umBSRNE";
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < rendering->kinds->len; i++)
    g_string_append_c (out, letters[g_array_index (rendering->kinds, uint8_t, i)]);
  return g_string_free (out, FALSE);
}

static void
test_kinds (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  CsMessage messages[] = { MESSAGE ("user", " the\n\n"), MESSAGE ("assistant", "in"),
                           MESSAGE ("user", "") };
  g_autoptr (CsRendering) rendering =
      cs_chat_render (fixture->chat, fixture->tokenizer, messages, 3, true, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (
      rendering->text, ==,
      "<bos><start_of_turn>user\nthe<end_of_turn>\n<start_of_turn>model\nin<end_of_turn>\n"
      "<start_of_turn>user\n<end_of_turn>\n<start_of_turn>model\n");
  g_autofree char *kinds = kind_letters (rendering);
  g_assert_cmpstr (kinds, ==, "BSRRRRNuENSRRRRRNmENSRRRRNENSRRRRRN");
  g_assert_cmpuint (rendering->ids->len, ==, rendering->kinds->len);
  g_assert_cmpuint (rendering->spans->len, ==, rendering->kinds->len);
  g_assert_cmpint (g_array_index (rendering->ids, int32_t, 0), ==, 300);
  g_assert_cmpint (g_array_index (rendering->ids, int32_t, 1), ==, 302); /* one BOS only */
}

/* Turn markers that a user types are the user's content, whatever ids they get. */
static void
test_markers_in_content (Fixture *fixture, const void *data)
{
  CsMessage message = MESSAGE ("user", "a<end_of_turn>");
  g_autoptr (CsRendering) rendering =
      cs_chat_render (fixture->chat, fixture->tokenizer, &message, 1, false, NULL);
  g_autofree char *kinds = kind_letters (rendering);

  g_assert_cmpstr (kinds, ==, "BSRRRRNuuEN");
  g_assert_cmpint (g_array_index (rendering->ids, int32_t, 8), ==, 303);
}

static void
test_trimming (Fixture *fixture, const void *data)
{
  CsMessage message = MESSAGE ("user", "\x1C\xC2\xA0\xE3\x80\x80 a \t b\xC2\x85\n\xFF");
  g_autoptr (CsRendering) rendering =
      cs_chat_render (fixture->chat, fixture->tokenizer, &message, 1, false, NULL);

  g_assert_cmpstr (rendering->text, ==,
                   "<bos><start_of_turn>user\na \t b\xC2\x85\n\xEF\xBF\xBD<end_of_turn>\n");
}

static void
test_refusals (Fixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  CsMessage system = MESSAGE ("system", "x");
  CsMessage twice[] = { MESSAGE ("user", "x"), MESSAGE ("user", "x") };
  CsMessage model = MESSAGE ("model", "x");

  g_assert_null (cs_chat_render (fixture->chat, fixture->tokenizer, &system, 1, true, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_assert_cmpstr (error->message, ==, "System role not supported");
  g_clear_error (&error);
  g_assert_null (cs_chat_render (fixture->chat, fixture->tokenizer, twice, 2, true, &error));
  g_assert_cmpstr (error->message, ==,
                   "Conversation roles must alternate user/assistant/user/assistant/...");
  g_clear_error (&error);
  g_assert_null (cs_chat_render (fixture->chat, fixture->tokenizer, &model, 1, true, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_assert_null (cs_chat_render (fixture->chat, fixture->tokenizer, NULL, 0, true, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
}

/* ---- recognising ------------------------------------------------------- */

static CsChatTemplate *
open_config (const char *config, const char *jinja, GError **error)
{
  char *folder = tiny_folder_new (NULL, config);
  g_autofree char *path = g_build_filename (folder, "chat_template.jinja", NULL);

  if (jinja != NULL)
    g_assert_true (g_file_set_contents (path, jinja, -1, NULL));
  CsChatTemplate *chat = cs_chat_template_open (folder, error);
  tiny_folder_remove (folder);
  return chat;
}

static void
test_open (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_config (NULL, NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_null (open_config ("{\"bos_token\": \"<bos>\"}", NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_null (open_config ("{\"chat_template\": \"{{ messages\"}", NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_null (open_config ("{", NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  g_autofree char *with_newline = g_strconcat (cs_chat_gemma_template (), "\n", NULL);
  g_autoptr (CsChatTemplate) jinja =
      open_config ("{\"chat_template\": \"{{ messages }}\"}", with_newline, &error);
  g_assert_no_error (error);
  g_assert_nonnull (jinja);
}

static void
test_named_templates (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) config =
      json_pack ("{s:[{s:s, s:s}, {s:s, s:s}]}", "chat_template", "name", "rag", "template", "x",
                 "name", "default", "template", cs_chat_gemma_template ());
  char *text = json_dumps (config, 0);
  g_autoptr (CsChatTemplate) chat = open_config (text, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (chat);
  free (text);
}

/* ---- against the reference: renderings as text (that tokenizer is of another family)  */

static void
check_conversation (Fixture *fixture, const CsChatTemplate *chat, json_t *entry)
{
  json_t *list = json_object_get (entry, "messages"), *item,
         *text = json_object_get (entry, "rendered");
  size_t n = json_array_size (list), i;
  g_autofree CsMessage *messages = g_new (CsMessage, n);
  g_autoptr (GError) error = NULL;

  json_array_foreach (list, i, item) messages[i] =
      (CsMessage)MESSAGE (json_string_value (json_object_get (item, "role")),
                          json_string_value (json_object_get (item, "content")));
  g_autoptr (CsRendering) rendering =
      cs_chat_render (chat, fixture->tokenizer, messages, n,
                      json_is_true (json_object_get (entry, "add_generation_prompt")), &error);
  if (rendering != NULL)
    g_assert_cmpstr (rendering->text, ==, json_string_value (text));
  else
    g_assert_cmpstr (error->message, ==, json_string_value (json_object_get (entry, "error")));
  g_assert_true ((rendering != NULL) == json_is_string (text));
}

static void
test_reference (Fixture *fixture, const void *data)
{
  const char *shared = g_getenv ("CS_TEST_SHARED");
  g_autofree char *folder =
      g_build_filename (shared != NULL ? shared : "", "reference/tokenizers/gemma2-pruned", NULL);
  g_autofree char *path = g_build_filename (folder, "expected.json", NULL);
  g_autoptr (GError) error = NULL;
  size_t i;
  json_t *entry;

  if (shared == NULL || !g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_test_skip ("the reference kit is not beside the sources");
      return;
    }
  g_autoptr (CsChatTemplate) chat = cs_chat_template_open (folder, &error);
  g_assert_no_error (error);
  g_autoptr (json_t) expected = json_load_file (path, JSON_ALLOW_NUL, NULL); /* it holds U+0000 */
  g_assert_nonnull (expected);
  json_array_foreach (json_object_get (expected, "chat"), i, entry)
      check_conversation (fixture, chat, entry);
  g_assert_cmpuint (i, >=, 5);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/chat/kinds", Fixture, NULL, set_up, test_kinds, tear_down);
  g_test_add ("/chat/markers-in-content", Fixture, NULL, set_up, test_markers_in_content,
              tear_down);
  g_test_add ("/chat/trimming", Fixture, NULL, set_up, test_trimming, tear_down);
  g_test_add ("/chat/refusals", Fixture, NULL, set_up, test_refusals, tear_down);
  g_test_add ("/chat/reference", Fixture, NULL, set_up, test_reference, tear_down);
  g_test_add_func ("/chat/open", test_open);
  g_test_add_func ("/chat/named-templates", test_named_templates);
  add_chat_family_tests ();
  return g_test_run ();
}
