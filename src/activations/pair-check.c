#include "harvest.h"

#include "errors.h"
#include "tokenizer.h"

static void
clear_check (void *data)
{
  CsPairCheck *check = data;

  g_free (check->title);
  g_free (check->text);
  g_strfreev (check->details);
}

/* Takes text. */
static bool
add (GArray *checks, const char *title, bool ok, char *text)
{
  CsPairCheck check = { .title = g_strdup (title), .text = text, .ok = ok };

  g_array_append_val (checks, check);
  return ok;
}

static CsModel *
check_model (GArray *checks, const char *title, const char *folder)
{
  g_autoptr (GError) error = NULL;
  CsModel *model = cs_model_open (folder, &error);

  if (model == NULL)
    add (checks, title, false, g_strdup (error->message));
  else
    add (checks, title, true,
         g_strdup_printf ("%s, %s, %.3g million parameters", cs_model_name (model),
                          cs_model_config (model)->model_type,
                          (double)cs_model_n_parameters (model) / 1e6));
  return model;
}

static void
check_equal (GArray *checks, const char *title, const char *what, size_t base, size_t chat)
{
  if (base == chat)
    add (checks, title, true, g_strdup_printf ("both %zu", base));
  else
    add (checks, title, false,
         g_strdup_printf ("The base model's %s is %zu and the chat model's is %zu; choose the base "
                          "model that the "
                          "chat model was tuned from.",
                          what, base, chat));
}

/* --- Tokenizers --- */

/* For a line of text: what cannot be seen is written as its number, what is long is cut. */
static void
append_spelling (GString *line, const char *spelling)
{
  size_t n = 0;

  if (spelling == NULL)
    {
      g_string_append (line, "not there");
      return;
    }
  g_string_append (line, "“");
  for (const char *at = spelling; *at != '\0' && n < 40; at += g_utf8_skip[(guchar)*at], n++)
    {
      gunichar c = g_utf8_get_char (at);

      if (g_unichar_isprint (c))
        g_string_append_unichar (line, c);
      else
        g_string_append_printf (line, "\\u{%04X}", c);
    }
  g_string_append (line, n < 40 ? "”" : "…”");
}

static char *
describe_difference (const CsTokenDifference *difference)
{
  GString *line = g_string_new (NULL);

  g_string_append_printf (line, "%d: base ", difference->id);
  append_spelling (line, difference->a);
  g_string_append (line, ", chat ");
  append_spelling (line, difference->b);
  return g_string_free (line, FALSE);
}

/* NULL where no token differs. */
static char **
list_differences (const CsTokenizer *base, const CsTokenizer *chat)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsTokenDifference));
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const size_t n = cs_tokenizer_differences (base, chat, CS_PAIR_DETAILS, list);

  if (n == 0)
    return NULL;
  for (guint i = 0; i < list->len; i++)
    {
      g_autofree char *line = describe_difference (&g_array_index (list, CsTokenDifference, i));

      g_strv_builder_add (builder, line);
    }
  if (n > list->len)
    {
      g_autofree char *line = g_strdup_printf ("and %zu more", n - list->len);

      g_strv_builder_add (builder, line);
    }
  return g_strv_builder_end (builder);
}

static void
check_tokenizers (GArray *checks, const char *base_folder, const char *chat_folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) base = cs_tokenizer_open (base_folder, &error);
  g_autoptr (CsTokenizer) chat = base != NULL ? cs_tokenizer_open (chat_folder, &error) : NULL;
  g_autoptr (GArray) added = g_array_new (FALSE, FALSE, sizeof (int32_t));
  bool ok = chat != NULL && cs_tokenizer_extends (base, chat, added, &error);

  if (!ok)
    add (checks, "Same tokenizer", false, g_strdup (error->message));
  else if (added->len == 0)
    add (checks, "Same tokenizer", true,
         g_strdup_printf ("%zu tokens, one by one", cs_tokenizer_vocab_size (base)));
  else
    add (checks, "Same tokenizer", true,
         g_strdup_printf ("the same but for %u added tokens, which the base model does not know",
                          added->len));
  if (chat != NULL)
    g_array_index (checks, CsPairCheck, checks->len - 1).details = list_differences (base, chat);
}

CsTokenizer *
cs_pair_tokenizer (const char *base_folder, const char *chat_folder, GArray *added, GError **error)
{
  g_autoptr (CsTokenizer) base = cs_tokenizer_open (base_folder, error);
  g_autoptr (CsTokenizer) chat = base != NULL ? cs_tokenizer_open (chat_folder, error) : NULL;
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if (chat == NULL || !cs_tokenizer_extends (base, chat, found, error))
    return NULL;
  if (added != NULL)
    g_array_append_vals (added, found->data, found->len);
  return cs_tokenizer_ref (found->len > 0 ? chat : base);
}

GArray *
cs_pair_checks (const char *base_folder, const char *chat_folder)
{
  GArray *checks = g_array_new (FALSE, TRUE, sizeof (CsPairCheck));
  g_autoptr (CsModel) base = NULL;
  g_autoptr (CsModel) chat = NULL;

  g_array_set_clear_func (checks, clear_check);
  base = check_model (checks, "Base model", base_folder);
  chat = check_model (checks, "Chat model", chat_folder);
  if (base != NULL && chat != NULL)
    {
      const CsModelConfig *left = cs_model_config (base);
      const CsModelConfig *right = cs_model_config (chat);

      check_equal (checks, "Same width", "width", left->d_model, right->d_model);
      check_equal (checks, "Same layers", "number of layers", left->n_layers, right->n_layers);
      check_equal (checks, "Same vocabulary", "vocabulary", left->vocab_size, right->vocab_size);
    }
  check_tokenizers (checks, base_folder, chat_folder);
  return checks;
}

bool
cs_pair_check (const char *base_folder, const char *chat_folder, GError **error)
{
  g_autoptr (GArray) checks = cs_pair_checks (base_folder, chat_folder);

  for (unsigned i = 0; i < checks->len; i++)
    {
      const CsPairCheck *check = &g_array_index (checks, CsPairCheck, i);

      if (check->ok)
        continue;
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH, "%s and %s do not make a pair: %s",
                   base_folder, chat_folder, check->text);
      return false;
    }
  return true;
}
