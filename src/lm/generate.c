#include "generate.h"

#include <math.h>
#include <stdlib.h>

#include "errors.h"
#include "random.h"

/* --- Choosing a token --- */

typedef struct
{
  double p; /* not normalised: exp ((logit − max) / temperature) */
  int32_t id;
} Candidate;

static size_t
arg_max (const float *logits, size_t n)
{
  size_t best = 0;
  for (size_t i = 1; i < n; i++)
    if (logits[i] > logits[best])
      best = i;
  return best;
}

/* Most likely first, the lower id first among equals. */
static int
compare_candidates (const void *x, const void *y)
{
  const Candidate *a = x, *b = y;
  if (a->p != b->p)
    return a->p > b->p ? -1 : 1;
  return a->id < b->id ? -1 : 1;
}

/* Sorts and cuts to the smallest set whose mass reaches top_p of the total; returns how many are
 * left and sets *total to their mass. A token below (1 − top_p) / n of the total is never among
 * them, which spares most of the sorting: all such tokens together weigh less than 1 − top_p. */
static size_t
cut_to_nucleus (Candidate *candidates, size_t n, double top_p, double *total)
{
  const double least = *total * (1 - top_p) / (double)n;
  const double wanted = *total * top_p;
  size_t n_left = 0;
  for (size_t i = 0; i < n; i++)
    if (candidates[i].p >= least)
      candidates[n_left++] = candidates[i];
  qsort (candidates, n_left, sizeof *candidates, compare_candidates);
  double sum = 0;
  for (size_t i = 0; i < n_left; i++)
    {
      sum += candidates[i].p;
      if (sum >= wanted)
        n_left = i + 1;
    }
  *total = sum;
  return n_left;
}

static int32_t
draw (const Candidate *candidates, size_t n, double total, CsRandom *random)
{
  double left = cs_random_uniform (random) * total;
  for (size_t i = 0; i + 1 < n; i++)
    {
      left -= candidates[i].p;
      if (left < 0)
        return candidates[i].id;
    }
  return candidates[n - 1].id;
}

int32_t
cs_sample (const float *logits, size_t n, const CsSampling *sampling, void *random_state)
{
  const size_t best = arg_max (logits, n);
  if (!(sampling->temperature > 0))
    return (int32_t)best;
  g_autofree Candidate *candidates = g_new (Candidate, n);
  double total = 0;
  for (size_t i = 0; i < n; i++)
    {
      double p = exp (((double)logits[i] - logits[best]) / sampling->temperature);
      candidates[i] = (Candidate){ p, (int32_t)i };
      total += p;
    }
  size_t n_left = n;
  if (sampling->top_p < 1)
    n_left = cut_to_nucleus (candidates, n, MAX (sampling->top_p, 0), &total);
  return draw (candidates, n_left, total, random_state);
}

/* --- The loop --- */

typedef struct
{
  CsSession *session;
  const CsModelConfig *config;
  CsBlockFunc before_forward;
  void *data;
  float *logits;
} Run;

static bool
step (const Run *run, const int32_t *ids, size_t n, GError **error)
{
  if (run->before_forward != NULL && !run->before_forward (run->data, ids, n, error))
    return false;
  return cs_session_forward (run->session, ids, n, run->config->n_layers, CS_LOGITS_LAST,
                             run->logits, error);
}

static bool
is_end (const CsModelConfig *config, int32_t id)
{
  for (size_t i = 0; i < config->n_eos; i++)
    if (config->eos_ids[i] == id)
      return true;
  return false;
}

bool
cs_generate (CsSession *session,
             const int32_t *prompt,
             size_t n_prompt,
             const CsSampling *sampling,
             CsBlockFunc before_forward,
             CsTokenFunc on_token,
             void *data,
             GArray *out,
             GError **error)
{
  const CsModelConfig *config = cs_model_config (cs_session_model (session));
  if (n_prompt == 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "There is nothing to continue: the prompt has no token");
      return false;
    }
  g_autofree float *logits = g_new (float, config->vocab_size);
  Run run = { session, config, before_forward, data, logits };
  CsRandom random;
  cs_random_init (&random, sampling->seed, 0);
  if (sampling->max_tokens == 0)
    return true;
  if (!step (&run, prompt, n_prompt, error))
    return false;
  for (size_t i = 0; i < sampling->max_tokens; i++)
    {
      int32_t id = cs_sample (logits, config->vocab_size, sampling, &random);
      g_array_append_val (out, id);
      if (on_token != NULL && !on_token (data, id))
        return true;
      if (is_end (config, id) && !sampling->ignore_eos)
        return true;
      /* A full sequence ends the continuation as max_tokens does; nothing is chosen after the last
       * token. */
      if (i + 1 == sampling->max_tokens ||
          cs_session_position (session) == cs_session_capacity (session))
        return true;
      if (!step (&run, &id, 1, error))
        return false;
    }
  return true;
}
