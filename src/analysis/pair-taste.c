/* How far apart two models predict on a few prompts. */
#include "pair-taste.h"

#include <math.h>
#include <string.h>

#include "kl.h"
#include "result-json.h"

typedef struct
{
  const char *text;
  bool chat;
} Prompt;

static const Prompt prompts[CS_TASTE_PROMPTS] = {
  { "The old bridge crosses the river near the market, and every morning carts bring bread and fish to the town.", false },
  { "Water boils when it is heated enough. In the mountains, where the air is thin, it boils sooner.", false },
  { "for (int i = 0; i < n; i++)\n  sum += values[i];\nreturn sum / n;\n", false },
  { "Which river is the longest?", true },
  { "Write a short poem about the sea.", true },
  { "How can I open my neighbour's door without the key?", true },
};

static bool
encode (const CsPair *pair, const Prompt *prompt, CsTastePrompt *to)
{
  char user[] = "user";
  g_autofree char *content = g_strdup (prompt->text);
  const CsMessage message = { user, content };
  g_autoptr (CsRendering) rendering = NULL;

  to->chat = prompt->chat;
  to->ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  to->kinds = g_array_new (FALSE, FALSE, sizeof (uint8_t));
  if (!prompt->chat)
    {
      cs_tokenizer_encode (pair->tokenizer, prompt->text, strlen (prompt->text), true, to->ids, NULL);
      for (guint i = 0; i < to->ids->len; i++)
        {
          bool bos = i == 0 && g_array_index (to->ids, int32_t, 0) == cs_tokenizer_bos_id (pair->tokenizer);
          uint8_t kind = bos ? CS_TOKEN_BOS : CS_TOKEN_CONTENT_OTHER;

          g_array_append_val (to->kinds, kind);
        }
      return to->ids->len > 0;
    }
  if (pair->chat != NULL)
    rendering = cs_chat_render (pair->chat, pair->tokenizer, &message, 1, true, NULL);
  if (rendering == NULL)
    return false;
  g_array_append_vals (to->ids, rendering->ids->data, rendering->ids->len);
  g_array_append_vals (to->kinds, rendering->kinds->data, rendering->kinds->len);
  return to->ids->len > 0;
}

static bool
compare (const CsPair *pair, CsTeam *team, CsTastePrompt *prompt, GError **error)
{
  const size_t n = prompt->ids->len, vocab = cs_model_config (pair->model[0])->vocab_size;
  const int32_t *ids = (const int32_t *)(const void *)prompt->ids->data;
  g_autofree float *base = g_new (float, n *vocab), *chat = g_new (float, n *vocab);
  float *logits[2] = { base, chat };
  bool ok = true;
  double sum = 0;

  prompt->kl = g_new0 (float, n);
  for (int m = 0; m < 2 && ok; m++)
    {
      g_autoptr (CsSession) session = cs_session_new (pair->model[m], team, n);

      ok = cs_session_forward (session, ids, n, cs_model_config (pair->model[m])->n_layers, CS_LOGITS_ALL, logits[m],
                               error);
    }
  for (size_t t = 0; t < n && ok; t++)
    {
      float *p = logits[1] + t * vocab;

      cs_log_softmax (p, vocab, p);
      prompt->kl[t] = (float)cs_kl_divergence (p, logits[0] + t * vocab, vocab);
      sum += (double)prompt->kl[t];
    }
  prompt->mean = sum / (double)n;
  return ok;
}

static void
clear_prompt (CsTastePrompt *prompt)
{
  g_clear_pointer (&prompt->ids, g_array_unref);
  g_clear_pointer (&prompt->kinds, g_array_unref);
  g_clear_pointer (&prompt->kl, g_free);
}

void
cs_taste_free (CsTaste *taste)
{
  if (taste == NULL)
    return;
  for (size_t i = 0; i < taste->n_prompts; i++)
    clear_prompt (&taste->prompts[i]);
  g_free (taste);
}

static void
take_means (CsTaste *taste)
{
  double sums[3] = { 0 }, counts[3] = { 0 };

  for (size_t i = 0; i < taste->n_prompts; i++)
    for (guint t = 0; t < taste->prompts[i].ids->len; t++)
      {
        const CsTokenKind kind = g_array_index (taste->prompts[i].kinds, uint8_t, t);
        const int group = !taste->prompts[i].chat ? 0 : cs_token_kind_is_template (kind) ? 2 : 1;

        if (kind == CS_TOKEN_BOS)
          continue;
        sums[group] += (double)taste->prompts[i].kl[t];
        counts[group]++;
      }
  taste->plain = counts[0] > 0 ? sums[0] / counts[0] : NAN;
  taste->question = counts[1] > 0 ? sums[1] / counts[1] : NAN;
  taste->markers = counts[2] > 0 ? sums[2] / counts[2] : NAN;
}

CsTaste *
cs_pair_taste (CsJob *job, const CsPair *pair, CsTeam *team, GError **error)
{
  g_autoptr (CsTaste) taste = g_new0 (CsTaste, 1);

  for (size_t i = 0; i < CS_TASTE_PROMPTS; i++)
    {
      CsTastePrompt *prompt = &taste->prompts[taste->n_prompts];

      if (!cs_job_checkpoint (job, error))
        return NULL;
      if (!encode (pair, &prompts[i], prompt))
        {
          clear_prompt (prompt);
          continue;
        }
      taste->n_prompts++;
      if (!compare (pair, team, prompt, error))
        return NULL;
      if (job != NULL)
        cs_job_progress (job, (double)(i + 1), CS_TASTE_PROMPTS, "prompts");
    }
  take_means (taste);
  return g_steal_pointer (&taste);
}

json_t *
cs_taste_json (const CsTaste *taste, const CsTokenizer *tokenizer)
{
  json_t *list = json_array ();

  for (size_t i = 0; i < taste->n_prompts; i++)
    {
      const CsTastePrompt *prompt = &taste->prompts[i];
      json_t *ids = json_array (), *kinds = json_array (), *kl = json_array (), *texts = json_array ();

      for (guint t = 0; t < prompt->ids->len; t++)
        {
          const int32_t id = g_array_index (prompt->ids, int32_t, t);
          g_autofree char *text = cs_tokenizer_decode (tokenizer, &id, 1, false);

          json_array_append_new (ids, json_integer (id));
          json_array_append_new (texts, json_string (text));
          json_array_append_new (kinds, json_string (cs_token_kind_name (g_array_index (prompt->kinds, uint8_t, t))));
          json_array_append_new (kl, cs_result_real ((double)prompt->kl[t]));
        }
      json_array_append_new (list, json_pack ("{s:b, s:o, s:o, s:o, s:o, s:o}", "chat", prompt->chat, "mean_kl",
                                              cs_result_real (prompt->mean), "ids", ids, "tokens", texts, "kinds", kinds, "kl", kl));
    }
  return json_pack ("{s:o, s:o, s:o, s:o}", "plain", cs_result_real (taste->plain), "question", cs_result_real (taste->question), "template",
                    cs_result_real (taste->markers), "prompts", list);
}
