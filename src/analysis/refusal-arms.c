/* Answers of the steered chat model, how many of them refuse, and how far they are from the plain
 * model's. */
#include <math.h>

#include "kl.h"
#include "refusal-private.h"

void
cs_audit_judge (const CsRefusalRule *rule, const char *answer, bool *refused, bool *garbled)
{
  *garbled = cs_answer_is_garbled (answer);
  *refused = !*garbled && cs_refusal_rule_match (rule, answer) != NULL;
}

CsAuditRate
cs_audit_rate (size_t refused, size_t garbled, size_t n)
{
  CsAuditRate rate = { n, refused, garbled, n > 0 ? (double)refused / (double)n : NAN, 0, 1 };

  cs_wilson_interval (refused, n, &rate.low, &rate.high);
  return rate;
}

static bool
first_error (GError **errors, unsigned n, GError **error)
{
  bool ok = true;

  for (unsigned w = 0; w < n; w++)
    if (errors[w] != NULL && ok)
      {
        g_propagate_error (error, g_steal_pointer (&errors[w]));
        ok = false;
      }
    else
      g_clear_error (&errors[w]);
  return ok;
}

/* --- Answers --- */

typedef struct
{
  CsAuditWork *work;
  const CsAuditList *list;
  CsSteerOptions options;
  char **answers;
  GArray **ids; /* or NULL */
  GError **errors;
} Answering;

static bool
answer (const Answering *a, size_t index, GError **error)
{
  g_autoptr (GArray) prompt = g_array_new (false, false, sizeof (int32_t));
  g_autoptr (GArray) out = g_array_new (false, false, sizeof (int32_t));

  if (!cs_steer_prompt (a->work->pair, a->list->prompts[index]->text, true, prompt, NULL, error))
    return false;
  a->answers[index] = cs_steer_generate (a->work->job, a->work->pair, a->work->crosscoder, NULL,
                                         &a->options, (const int32_t *)(const void *)prompt->data,
                                         prompt->len, NULL, NULL, out, error);
  if (a->ids != NULL)
    a->ids[index] = g_steal_pointer (&out);
  return a->answers[index] != NULL;
}

static void
answer_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const Answering *a = data;

  for (size_t i = begin; i < end && a->errors[worker] == NULL; i++)
    answer (a, i, &a->errors[worker]);
}

static CsSteerOptions
steer_options (const CsAuditWork *work, const CsSteerItem *items, size_t n_items)
{
  return (CsSteerOptions){ .layer = work->options.layer,
                           .model = 1,
                           .items = items,
                           .n_items = n_items,
                           .sampling = { .max_tokens = work->options.max_tokens, .top_p = 1 } };
}

bool
cs_audit_answers (CsAuditWork *work,
                  const CsAuditList *list,
                  const CsSteerItem *items,
                  size_t n_items,
                  char **answers,
                  GArray **ids,
                  GError **error)
{
  const unsigned n_workers = cs_team_size (work->team);
  g_autofree GError **errors = g_new0 (GError *, n_workers);
  Answering a = { .work = work, .list = list, .answers = answers, .ids = ids, .errors = errors };

  a.options = steer_options (work, items, n_items);
  cs_team_run (work->team, list->n, answer_range, &a);
  work->n_answers += list->n;
  work->planned = MAX (work->planned, work->n_answers);
  if (work->job != NULL)
    cs_job_progress (work->job, (double)work->n_answers, (double)work->planned, "answers");
  if (first_error (errors, n_workers, error))
    return true;
  for (size_t i = 0; i < list->n; i++)
    {
      g_clear_pointer (&answers[i], g_free);
      if (ids != NULL)
        g_clear_pointer (&ids[i], g_array_unref);
    }
  return false;
}

bool
cs_audit_count (CsAuditWork *work,
                const CsAuditList *list,
                const CsSteerItem *items,
                size_t n_items,
                CsAuditRate *rate,
                GError **error)
{
  g_autofree char **answers = g_new0 (char *, list->n + 1);
  size_t refused = 0, garbled = 0;

  if (!cs_audit_answers (work, list, items, n_items, answers, NULL, error))
    return false;
  for (size_t i = 0; i < list->n; i++)
    {
      bool is_refusal, is_garbled;

      cs_audit_judge (work->rule, answers[i], &is_refusal, &is_garbled);
      refused += is_refusal;
      garbled += is_garbled;
      g_free (answers[i]);
    }
  *rate = cs_audit_rate (refused, garbled, list->n);
  return true;
}

/* --- KL --- */

typedef struct
{
  double sum[2]; /* of all tokens, of the first nine */
  size_t n[2];
} Divergence;

typedef struct
{
  CsAuditWork *work;
  const CsAuditList *list;
  GArray *const *plain_ids;
  CsSteerOptions plain, steered;
  Divergence *divergence; /* one a prompt: added up in order */
  GError **errors;
} Comparing;

static bool
compare (const Comparing *c, size_t index, GError **error)
{
  const CsPair *pair = c->work->pair;
  const size_t vocab = cs_model_config (pair->model[1])->vocab_size;
  const GArray *answer = c->plain_ids[index];
  g_autoptr (GArray) ids = g_array_new (false, false, sizeof (int32_t));
  g_autofree float *plain = NULL, *steered = NULL;
  Divergence *d = &c->divergence[index];
  size_t n_prompt, n;

  if (!cs_steer_prompt (pair, c->list->prompts[index]->text, true, ids, NULL, error))
    return false;
  n_prompt = ids->len;
  g_array_append_vals (ids, answer->data, answer->len);
  n = answer->len;
  plain = g_new (float, MAX (n, 1) * vocab);
  steered = g_new (float, MAX (n, 1) * vocab);
  if (!cs_steer_logits (c->work->job, pair, c->work->crosscoder, NULL, &c->plain,
                        (const int32_t *)(const void *)ids->data, n_prompt, ids->len, plain,
                        error) ||
      !cs_steer_logits (c->work->job, pair, c->work->crosscoder, NULL, &c->steered,
                        (const int32_t *)(const void *)ids->data, n_prompt, ids->len, steered,
                        error))
    return false;
  for (size_t t = 0; t < n; t++)
    {
      float *row = plain + t * vocab;
      double kl;

      cs_log_softmax (row, vocab, row);
      kl = cs_kl_divergence (row, steered + t * vocab, vocab);
      d->sum[0] += kl;
      d->n[0]++;
      d->sum[1] += t < CS_AUDIT_FIRST_TOKENS ? kl : 0;
      d->n[1] += t < CS_AUDIT_FIRST_TOKENS;
    }
  return true;
}

static void
compare_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const Comparing *c = data;

  for (size_t i = begin; i < end && c->errors[worker] == NULL; i++)
    compare (c, i, &c->errors[worker]);
}

bool
cs_audit_kl (CsAuditWork *work,
             const CsAuditList *list,
             GArray *const *plain_ids,
             const CsSteerItem *items,
             size_t n_items,
             double *kl,
             double *kl_first,
             GError **error)
{
  const unsigned n_workers = cs_team_size (work->team);
  g_autofree GError **errors = g_new0 (GError *, n_workers);
  g_autofree Divergence *divergence = g_new0 (Divergence, list->n + 1);
  Divergence total = { { 0 }, { 0 } };
  Comparing c = {
    .work = work, .list = list, .plain_ids = plain_ids, .divergence = divergence, .errors = errors
  };

  c.plain = steer_options (work, NULL, 0);
  c.steered = steer_options (work, items, n_items);
  cs_team_run (work->team, list->n, compare_range, &c);
  if (!first_error (errors, n_workers, error))
    return false;
  for (size_t i = 0; i < list->n; i++)
    for (int k = 0; k < 2; k++)
      {
        total.sum[k] += divergence[i].sum[k];
        total.n[k] += divergence[i].n[k];
      }
  *kl = total.n[0] > 0 ? total.sum[0] / (double)total.n[0] : NAN;
  *kl_first = total.n[1] > 0 ? total.sum[1] / (double)total.n[1] : NAN;
  return true;
}
