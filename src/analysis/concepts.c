#include "concepts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "steering.h"

void
cs_labelled_prompt_clear (CsLabelledPrompt *prompt)
{
  g_free (prompt->text);
  g_strfreev (prompt->concepts);
}

static void
clear_element (void *data)
{
  cs_labelled_prompt_clear (data);
}

static bool
fail_line (const char *path, size_t line, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "Line %zu of %s %s.", line, path, what);
  return false;
}

static bool
parse_prompt (const char *line, const char *path, size_t number, CsLabelledPrompt *prompt, GError **error)
{
  g_autoptr (json_t) root = cs_json_parse (line, strlen (line), path, error);
  json_t *concepts, *item;
  const char *text;
  size_t i;

  if (root == NULL)
    return false;
  text = json_string_value (json_object_get (root, "text"));
  concepts = json_object_get (root, "concepts");
  if (text == NULL)
    return fail_line (path, number, "has no \"text\"", error);
  prompt->text = g_strdup (text);
  prompt->held_out = json_is_true (json_object_get (root, "held_out"));
  prompt->concepts = g_new0 (char *, json_array_size (concepts) + 1);
  json_array_foreach (concepts, i, item)
    {
      if (!json_is_string (item))
        return fail_line (path, number, "has a concept that is not a string", error);
      prompt->concepts[i] = g_strdup (json_string_value (item));
    }
  return true;
}

GArray *
cs_labelled_prompts_load (const char *path, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, TRUE, sizeof (CsLabelledPrompt));
  g_autofree char *content = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) read_error = NULL;

  g_array_set_clear_func (list, clear_element);
  if (!g_file_get_contents (path, &content, NULL, &read_error))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The labelled prompts cannot be read: %s.", read_error->message);
      return NULL;
    }
  lines = g_strsplit (content, "\n", -1);
  for (size_t i = 0; lines[i] != NULL; i++)
    {
      if (*g_strstrip (lines[i]) == '\0')
        continue;
      g_array_set_size (list, list->len + 1);
      if (!parse_prompt (lines[i], path, i + 1, &g_array_index (list, CsLabelledPrompt, list->len - 1), error))
        return NULL;
    }
  return g_steal_pointer (&list);
}

typedef struct {
  CsJob *job;
  const CsPair *pair;
  const CsCrosscoder *crosscoder;
  size_t layer;
  const char *const *requests;
  size_t last_tokens;  /* 0 = all after BOS */
  const float *scales;
  float *scores;
  GError **errors;     /* [team size]: the first of each worker */
} ScoreTask;

static bool
score_prompt (const ScoreTask *task, size_t index, CsCodes *codes, GError **error)
{
  const CsCrosscoder *cc = task->crosscoder;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree float *rows = NULL;
  float *scores = task->scores + index * cc->n_latents;
  size_t first;

  if (!cs_job_checkpoint (task->job, error) ||
      !cs_steer_prompt (task->pair, task->requests[index], true, ids, NULL, error))
    return false;
  rows = g_new (float, ids->len * 2 * cc->d_model);
  if (!cs_pair_residuals (task->pair, NULL, task->layer, (const int32_t *) ids->data, ids->len, rows, error))
    return false;
  first = task->last_tokens > 0 && task->last_tokens < ids->len ? ids->len - task->last_tokens : MIN (ids->len, 1);
  /* A code depends on its own token's rows alone. */
  if (!cs_crosscoder_encode (cc, NULL, rows + first * 2 * cc->d_model, ids->len - first, codes, error))
    return false;
  for (size_t t = 0; t < codes->n_tokens; t++)
    for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
      {
        const uint32_t j = codes->latent[e];
        scores[j] = MAX (scores[j], cs_codes_activation (codes, e, task->scales));
      }
  return true;
}

static void
score_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const ScoreTask *task = data;
  g_auto (CsCodes) codes = { 0 };

  for (size_t i = begin; i < end && task->errors[worker] == NULL; i++)
    score_prompt (task, i, &codes, &task->errors[worker]);
}

float *
cs_prompt_scores (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, size_t layer, const char *const *requests,
                  size_t n_prompts, size_t last_tokens, unsigned n_threads, GError **error)
{
  g_autoptr (CsTeam) team = cs_team_new (n_threads);
  g_autofree float *scales = g_new (float, crosscoder->n_latents);
  g_autofree GError **errors = g_new0 (GError *, cs_team_size (team));
  g_autofree float *scores = NULL;
  ScoreTask task = { job, pair, crosscoder, layer, requests, last_tokens, scales, NULL, errors };
  bool ok = true;

  if (crosscoder->d_model != cs_model_config (pair->model[0])->d_model)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The crosscoder has d_model %zu but the models have %zu: open the pair that it was trained on.",
                   crosscoder->d_model, cs_model_config (pair->model[0])->d_model);
      return NULL;
    }
  scores = g_try_new0 (float, MAX (n_prompts, 1) * crosscoder->n_latents);
  if (scores == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%zu prompts are too many for %zu latents in memory: use fewer.", n_prompts,
                   crosscoder->n_latents);
      return NULL;
    }
  task.scores = scores;
  cs_crosscoder_scales (crosscoder, team, scales);
  cs_team_run (team, n_prompts, score_range, &task);
  for (unsigned w = 0; w < cs_team_size (team); w++)
    if (errors[w] != NULL && ok)
      {
        g_propagate_error (error, errors[w]);
        ok = false;
      }
    else
      g_clear_error (&errors[w]);
  return ok ? g_steal_pointer (&scores) : NULL;
}

float *
cs_concept_prompt_scores (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, size_t layer,
                          const CsLabelledPrompt *prompts, size_t n_prompts, unsigned n_threads, GError **error)
{
  g_autofree const char **requests = g_new (const char *, n_prompts + 1);

  for (size_t i = 0; i < n_prompts; i++)
    requests[i] = prompts[i].text;
  return cs_prompt_scores (job, pair, crosscoder, layer, requests, n_prompts, 0, n_threads, error);
}

typedef struct {
  float score;
  bool positive;
} Ranked;

static int
by_score (const void *a, const void *b)
{
  const Ranked *x = a, *y = b;

  return x->score < y->score ? -1 : x->score > y->score;
}

double
cs_auc (const float *scores, size_t stride, const bool *positive, const bool *used, size_t n)
{
  g_autofree Ranked *ranked = g_new (Ranked, MAX (n, 1));
  size_t count = 0, n_positive = 0, n_negative;
  double rank_sum = 0;

  for (size_t i = 0; i < n; i++)
    if (used == NULL || used[i])
      {
        ranked[count++] = (Ranked) { scores[i * stride], positive[i] };
        n_positive += positive[i];
      }
  n_negative = count - n_positive;
  if (n_positive == 0 || n_negative == 0)
    return NAN;
  qsort (ranked, count, sizeof *ranked, by_score);
  for (size_t i = 0; i < count;)
    {
      size_t end = i, ties = 0;

      do
        ties += ranked[end++].positive;
      while (end < count && ranked[end].score == ranked[i].score);
      rank_sum += (double) ties * (double) (i + 1 + end) / 2; /* mean rank of the tied ones */
      i = end;
    }
  return (rank_sum - (double) n_positive * (double) (n_positive + 1) / 2) / ((double) n_positive * (double) n_negative);
}
