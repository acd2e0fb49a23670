/* Both models over documents, in lock-step. */
#include "baselines-private.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "errors.h"
#include "conversations.h"
#include "kl.h"
#include "token-markers.h"

#define CHUNK_TOKENS ((size_t)128)
#define MEMORY_BYTES ((size_t)1 << 30)

typedef struct
{
  CsSession *session[2];
  float *logits[2]; /* [CHUNK_TOKENS, V] */
  GError *error;
} Worker;

typedef struct
{
  CsJob *job;
  const CsBaselinesOptions *options;
  CsPair *pair;
  size_t d, vocab, longest;
  GArray *texts; /* CsBaselineText */
  char **corpora;
  CsTeam *team;
  Worker *workers;
  size_t n_workers, batch_first;
  atomic_bool stop;
  CsDifferenceSum sums[N_DIFFERENCES];
  CsRowMoments *moments;
} Run;

/* --- Documents --- */

static CsBaselineText *
nth (const Run *run, size_t i)
{
  return &g_array_index (run->texts, CsBaselineText, i);
}

static void
clear_text (void *data)
{
  CsBaselineText *text = data;

  g_free (text->ids);
  g_free (text->turns);
  g_free (text->kl);
  g_free (text->rows);
  for (int m = 0; m < 2; m++)
    {
      g_free (text->next[m]);
      g_free (text->probability[m]);
    }
}

static void
add_text (Run *run,
          const CsSource *source,
          const CsTokenMarkers *markers,
          const GArray *ids,
          size_t corpus)
{
  const size_t n = ids->len;
  CsBaselineText text = { .n = n, .corpus = corpus };

  text.ids = g_memdup2 (ids->data, n * sizeof (int32_t));
  text.turns = g_new (CsTurnToken, n);
  cs_document_turns (source, markers, ids, text.turns);
  text.first = text.ids[0] == cs_tokenizer_bos_id (run->pair->tokenizer);
  for (size_t t = 0; t < n; t++)
    text.has_turns = text.has_turns || text.turns[t].is_template;
  text.kl = g_new0 (float, n);
  for (int m = 0; m < 2; m++)
    {
      text.next[m] = g_new0 (int32_t, n);
      text.probability[m] = g_new0 (float, n);
    }
  run->longest = MAX (run->longest, n);
  g_array_append_val (run->texts, text);
}

static bool
read_source (Run *run, CsSource *source, GError **error)
{
  const size_t max = run->options->max_documents > 0 ? run->options->max_documents : 512;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) local = NULL;
  CsTokenMarkers markers;
  size_t dropped;
  int corpus;

  source->wants_kinds = true;
  cs_token_markers_find (&markers, run->pair->tokenizer);
  while (run->texts->len < max && cs_source_next (source, ids, &dropped, &corpus, &local))
    if (ids->len > 1)
      add_text (run, source, &markers, ids, (size_t)corpus);
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  if (run->texts->len > 0)
    return true;
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                       "There is no text in the corpora: name files that hold some.");
  return false;
}

static bool
read_texts (Run *run, GError **error)
{
  const size_t max_tokens = run->options->max_tokens > 0 ? run->options->max_tokens : 1024;
  const CsHarvestOptions options = { .corpora = run->options->corpora, .max_document = max_tokens };
  CsSource source = { 0 };
  bool ok;

  cs_job_phase (run->job, "Reading the corpora");
  ok = cs_source_open (&source, &options, run->pair->tokenizer, run->pair->chat, error);
  if (ok)
    run->corpora = cs_source_names (&source);
  ok = ok && read_source (run, &source, error);
  cs_source_clear (&source);
  return ok;
}

/* --- One document --- */

typedef struct
{
  float *rows; /* [n, 2, d] */
  size_t d, model;
} Capture;

static void
capture_tap (void *data, size_t first, size_t n_rows, float *rows)
{
  const Capture *capture = data;
  const size_t d = capture->d;

  for (size_t r = 0; r < n_rows; r++)
    memcpy (capture->rows + (2 * (first + r) + capture->model) * d, rows + r * d, d * sizeof *rows);
}

static size_t
likeliest (const float *values, size_t n)
{
  size_t best = 0;

  for (size_t i = 1; i < n; i++)
    if (values[i] > values[best])
      best = i;
  return best;
}

/* Predictions at the tokens first … first+n−1 of both models. */
static void
compare_logits (const Run *run, Worker *w, CsBaselineText *text, size_t first, size_t n)
{
  for (size_t r = 0; r < n; r++)
    {
      const size_t t = first + r;
      float *base = w->logits[0] + r * run->vocab, *chat = w->logits[1] + r * run->vocab;
      const size_t best = likeliest (chat, run->vocab);

      text->next[0][t] = (int32_t)likeliest (base, run->vocab);
      text->next[1][t] = (int32_t)best;
      cs_log_softmax (chat, run->vocab, chat);
      text->kl[t] = (float)cs_kl_divergence (chat, base, run->vocab);
      cs_log_softmax (base, run->vocab, base);
      text->probability[0][t] = expf (base[best]);
      text->probability[1][t] = expf (chat[best]);
    }
}

/* Only the thread that runs the job may wait while it is paused. */
static bool
may_go_on (Run *run, Worker *w, unsigned number)
{
  if (number == 0 && !cs_job_checkpoint (run->job, &w->error))
    atomic_store (&run->stop, true);
  return !atomic_load (&run->stop);
}

static bool
run_text (Run *run, Worker *w, unsigned number, CsBaselineText *text)
{
  Capture capture[2];

  text->rows = g_new (float, text->n * 2 * run->d);
  for (size_t m = 0; m < 2; m++)
    {
      capture[m] = (Capture){ text->rows, run->d, m };
      cs_session_reset (w->session[m]);
      cs_session_set_taps (w->session[m],
                           &(CsTap){ run->options->layer + 1, capture_tap, &capture[m] }, 1);
    }
  for (size_t first = 0, n; first < text->n; first += n)
    {
      n = MIN (CHUNK_TOKENS, text->n - first);
      if (!may_go_on (run, w, number))
        return false;
      for (size_t m = 0; m < 2; m++)
        if (!cs_session_forward (w->session[m], text->ids + first, n,
                                 cs_model_config (run->pair->model[m])->n_layers, CS_LOGITS_ALL,
                                 w->logits[m], &w->error))
          return false;
      compare_logits (run, w, text, first, n);
    }
  return true;
}

static void
run_range (size_t begin, size_t end, unsigned number, void *data)
{
  Run *run = data;

  for (size_t i = begin; i < end; i++)
    if (!run_text (run, &run->workers[number], number, nth (run, run->batch_first + i)))
      {
        atomic_store (&run->stop, true);
        return;
      }
}

/* --- All documents --- */

static void
count_text (Run *run, CsBaselineText *text)
{
  const size_t d = run->d, n = text->n - text->first;
  g_autofree float *differences = g_new (float, n *d);

  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < d; i++)
      {
        const float *base = text->rows + 2 * (text->first + t) * d;

        differences[t * d + i] = base[d + i] - base[i];
      }
  cs_row_moments_add (run->moments, run->team, differences, n);
  cs_difference_sums_add (run->sums, text, d);
  g_clear_pointer (&text->rows, g_free);
}

static bool
run_all (Run *run, GError **error)
{
  const size_t n = run->texts->len;

  cs_job_phase (run->job, "Running both models");
  for (size_t first = 0, batch; first < n; first += batch)
    {
      batch = MIN (n - first, 2 * run->n_workers);
      run->batch_first = first;
      if (run->n_workers > 1)
        cs_team_run (run->team, batch, run_range, run);
      else
        run_range (0, batch, 0, run);
      for (size_t i = 0; i < run->n_workers; i++)
        if (run->workers[i].error != NULL)
          {
            g_propagate_error (error, g_steal_pointer (&run->workers[i].error));
            return false;
          }
      for (size_t i = first; i < first + batch; i++)
        count_text (run, nth (run, i));
      cs_job_progress (run->job, (double)(first + batch), (double)n, "documents");
    }
  return true;
}

static bool
make_workers (Run *run, GError **error)
{
  const size_t bytes = 2 * CHUNK_TOKENS * run->vocab * sizeof (float);

  run->team = cs_team_new (run->options->n_threads);
  run->n_workers = MEMORY_BYTES / bytes >= cs_team_size (run->team) ? cs_team_size (run->team) : 1;
  run->workers = g_new0 (Worker, run->n_workers);
  for (size_t i = 0; i < run->n_workers; i++)
    for (int m = 0; m < 2; m++)
      {
        Worker *w = &run->workers[i];

        w->session[m] = cs_session_new (run->pair->model[m], run->n_workers == 1 ? run->team : NULL,
                                        run->longest);
        w->logits[m] = g_try_new (float, CHUNK_TOKENS * run->vocab);
        if (w->logits[m] == NULL)
          {
            g_set_error (error, CS_ERROR, CS_ERROR_IO,
                         "There is not enough memory for the logits of %zu tokens: close other "
                         "programs.",
                         CHUNK_TOKENS);
            return false;
          }
      }
  run->moments = cs_row_moments_new (run->d);
  cs_difference_sums_init (run->sums, run->d);
  return true;
}

static bool
open_pair (Run *run, GError **error)
{
  const CsModelConfig *config;

  run->pair = cs_pair_open (run->options->base_folder, run->options->chat_folder,
                            &run->options->reading, error);
  if (run->pair == NULL)
    return false;
  config = cs_model_config (run->pair->model[1]);
  run->d = config->d_model;
  run->vocab = config->vocab_size;
  if (run->options->layer < config->n_layers)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "There is no layer %zu: the models have layers 0 to %zu.", run->options->layer,
               config->n_layers - 1);
  return false;
}

static CsBaselines *
summarise (const Run *run)
{
  const CsBaselinesOptions *o = run->options;
  CsBaselines *result = g_new0 (CsBaselines, 1);

  result->base_model = g_strdup (cs_model_name (run->pair->model[0]));
  result->chat_model = g_strdup (cs_model_name (run->pair->model[1]));
  result->base_hash = g_strdup (cs_model_hash (run->pair->model[0]));
  result->chat_hash = g_strdup (cs_model_hash (run->pair->model[1]));
  result->corpora = g_strdupv (run->corpora);
  result->layer = o->layer;
  result->n_documents = run->texts->len;
  result->n_draws = o->n_draws > 0 ? o->n_draws : 1000;
  result->seed = o->seed;
  cs_job_phase (run->job, "Ranking tokens and documents");
  cs_baselines_rank (result, run->pair->tokenizer, nth (run, 0), run->texts->len,
                     o->n_top > 0 ? o->n_top : 50);
  cs_job_phase (run->job, "Principal components");
  cs_baselines_read_differences (result, run->pair, run->sums, run->moments,
                                 o->n_components > 0 ? o->n_components : 8,
                                 o->n_lens > 0 ? o->n_lens : 12);
  return result;
}

static void
run_clear (Run *run)
{
  for (size_t i = 0; i < run->n_workers && run->workers != NULL; i++)
    {
      for (int m = 0; m < 2; m++)
        {
          g_clear_pointer (&run->workers[i].session[m], cs_session_free);
          g_free (run->workers[i].logits[m]);
        }
      g_clear_error (&run->workers[i].error);
    }
  g_free (run->workers);
  cs_difference_sums_clear (run->sums);
  g_clear_pointer (&run->moments, cs_row_moments_free);
  g_clear_pointer (&run->texts, g_array_unref);
  g_clear_pointer (&run->corpora, g_strfreev);
  g_clear_pointer (&run->team, cs_team_free);
  g_clear_pointer (&run->pair, cs_pair_free);
}

CsBaselines *
cs_baselines_run (CsJob *job, const CsBaselinesOptions *options, GError **error)
{
  Run run = { .job = job, .options = options };
  CsBaselines *result = NULL;

  run.texts = g_array_new (FALSE, TRUE, sizeof (CsBaselineText));
  g_array_set_clear_func (run.texts, clear_text);
  if (open_pair (&run, error) && read_texts (&run, error) && make_workers (&run, error) &&
      run_all (&run, error))
    result = summarise (&run);
  run_clear (&run);
  return result;
}
