#include "describe-prompt.h"

#define MARK_FROM 0.3

const char cs_describe_system[] =
  "You study one latent (a learned feature) inside a language model. You are given texts on which it is active, grouped by how "
  "strongly: each group says which part of the latent's maximum the strongest token of its texts reaches. Tokens on which it is "
  "active stand between << and >>. A line break is written as ↵; markers of a chat template are part of the text and can "
  "themselves be what it reads. Find what the texts, and above all the marked tokens and what comes just before them, have in "
  "common; be specific, and heed the weaker groups too. Say nothing about the marks. Answer with one line that begins with "
  "“Description:” and holds at most fifteen words.";

const char cs_detect_system[] =
  "You are given the description of a latent (a learned feature) inside a language model, and numbered texts. For each text say "
  "whether the latent is active somewhere in it, judging by the description alone. A line break is written as ↵. Answer with "
  "nothing but a list of zeros and ones in the order of the texts, 1 for active, such as [1, 0, 0, 1, 0].";

/* --- Texts --- */

static void
append_visible (GString *line, const char *text)
{
  for (; *text != '\0'; text = g_utf8_find_next_char (text, NULL))
    if (*text == '\n')
      g_string_append (line, "↵");
    else if (g_ascii_iscntrl (*text))
      g_string_append_c (line, ' ');
    else
      g_string_append_len (line, text, g_utf8_find_next_char (text, NULL) - text);
}

static void
append_token (GString *line, CsDecoder *decoder, int32_t id)
{
  g_autofree char *text = NULL;

  if (decoder == NULL)
    {
      g_string_append_printf (line, "#%d ", id);
      return;
    }
  text = cs_decoder_feed (decoder, id);
  append_visible (line, text);
}

char *
cs_describe_example_text (CsTokenizer *tokenizer, const CsExample *example, bool mark)
{
  g_autoptr (CsDecoder) decoder = tokenizer != NULL ? cs_decoder_new (tokenizer, false) : NULL;
  GString *line = g_string_new (NULL);
  float max = 0;
  bool marked = false;

  for (size_t t = 0; t < example->n; t++)
    max = MAX (max, example->values[t]);
  for (size_t t = 0; t < example->n; t++)
    {
      const bool strong = mark && example->values[t] > 0 && example->values[t] >= MARK_FROM * max;

      if (strong != marked)
        g_string_append (line, strong ? "<<" : ">>");
      marked = strong;
      append_token (line, decoder, example->ids[t]);
    }
  if (decoder != NULL)
    {
      g_autofree char *rest = cs_decoder_finish (decoder);
      append_visible (line, rest);
    }
  if (marked)
    g_string_append (line, ">>");
  return g_string_free (line, FALSE);
}

/* --- Questions --- */

char *
cs_describe_question (CsTokenizer *tokenizer, const CsExample *const *examples, size_t n)
{
  static const char *const titles[CS_EXAMPLE_GROUPS] = { "95–100 %", "75–95 %", "50–75 %", "25–50 %", "below 25 %" };
  GString *question = g_string_new (NULL);

  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *text = cs_describe_example_text (tokenizer, examples[i], true);

      if (i == 0 || examples[i]->group != examples[i - 1]->group)
        g_string_append_printf (question, "%sTexts that reach %s of the maximum:\n", i > 0 ? "\n" : "",
                                titles[MIN (examples[i]->group, CS_EXAMPLE_GROUPS - 1)]);
      g_string_append_printf (question, "%zu. %s\n", i + 1, text);
    }
  return g_string_free (question, FALSE);
}

char *
cs_detect_question (const char *description, char *const *texts, size_t n)
{
  GString *question = g_string_new (NULL);

  g_string_append_printf (question, "Description: %s\n\n", description);
  for (size_t i = 0; i < n; i++)
    g_string_append_printf (question, "Text %zu: %s\n", i + 1, texts[i]);
  g_string_append_printf (question, "\nAnswer with a list of %zu zeros and ones.", n);
  return g_string_free (question, FALSE);
}
