#include "harvest.h"

#include "errors.h"
#include "tokenizer.h"

static void
clear_check (void *data)
{
  CsPairCheck *check = data;

  g_free (check->title);
  g_free (check->text);
}

/* Takes text. */
static bool
add (GArray *checks, const char *title, bool ok, char *text)
{
  CsPairCheck check = { g_strdup (title), text, ok };

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

static void
check_tokenizers (GArray *checks, const char *base_folder, const char *chat_folder)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) base = cs_tokenizer_open (base_folder, &error);
  g_autoptr (CsTokenizer) chat = base != NULL ? cs_tokenizer_open (chat_folder, &error) : NULL;

  if (chat != NULL && cs_tokenizer_equal (base, chat, &error))
    add (checks, "Same tokenizer", true,
         g_strdup_printf ("%zu tokens, one by one", cs_tokenizer_vocab_size (base)));
  else
    add (checks, "Same tokenizer", false, g_strdup (error->message));
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
