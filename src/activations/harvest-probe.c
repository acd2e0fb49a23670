#include "harvest-probe.h"

#include <stdio.h>
#include <string.h>

#include "corpus-count.h"
#include "errors.h"
#include "harvest-run.h"
#include "harvest-source.h"
#include "token-replacements.h"

/* Of models with more weights a document of the probe is cut to SHORT_DOCUMENT tokens. */
#define LARGE_MODEL ((size_t)300 << 20)
#define SHORT_DOCUMENT 192

typedef struct
{
  CsJob *job;
  const CsHarvestOptions *options;
  double budget;
  CsModel *models[2];
  CsTokenizer *tokenizer;
  CsChatTemplate *chat;
  double tokens[127]; /* read so far, by corpus */
  double documents[127];
} Probe;

static double
now (void)
{
  return 1e-6 * (double)g_get_monotonic_time ();
}

static void
clear (Probe *p)
{
  for (int m = 0; m < 2; m++)
    g_clear_pointer (&p->models[m], cs_model_unref);
  g_clear_pointer (&p->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&p->chat, cs_chat_template_free);
}

static bool
open_all (Probe *p, CsHarvestProbe *probe, GError **error)
{
  const CsHarvestOptions *o = p->options;
  const CsModelConfig *config;

  if (!cs_pair_check (o->base_folder, o->chat_folder, error) ||
      (p->models[0] = cs_model_open (o->base_folder, error)) == NULL ||
      (p->models[1] = cs_model_open (o->chat_folder, error)) == NULL ||
      (p->tokenizer = cs_tokenizer_open (o->base_folder, error)) == NULL ||
      !cs_model_replace_tokens (p->models[0], o->base_replacements, error))
    return false;
  p->chat = cs_chat_template_open_pair (o->chat_folder, o->base_folder, NULL);
  if (p->chat != NULL && !cs_chat_template_set_date (p->chat, o->date, error))
    return false;
  config = cs_model_config (p->models[0]);
  probe->d_model = config->d_model;
  probe->n_layers = config->n_layers;
  probe->layer = o->layer == CS_LAYER_MIDDLE ? cs_layer_middle (config->n_layers) : o->layer;
  probe->n_threads = o->n_threads > 0 ? o->n_threads : g_get_num_processors ();
  if (probe->layer < config->n_layers)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "The models have the layers 0 to %zu, not %zu.",
               config->n_layers - 1, probe->layer);
  return false;
}

/* --- Tokens --- */

/* As many documents as the files have, each as long as the first ones are. */
static bool
extrapolate (Probe *p, CsHarvestProbe *probe, GError **error)
{
  probe->n_tokens = probe->n_documents = 0;
  for (size_t i = 0; p->options->corpora[i] != NULL; i++)
    {
      double n = 0;
      bool estimated;

      if (!cs_corpus_count_documents (p->options->corpora[i], NULL, &n, &estimated, error))
        return false;
      probe->n_documents += n;
      if (p->documents[i] > 0)
        probe->n_tokens += n * p->tokens[i] / p->documents[i];
    }
  if (p->options->max_tokens > 0 && (double)p->options->max_tokens < probe->n_tokens)
    {
      probe->n_documents *= (double)p->options->max_tokens / probe->n_tokens;
      probe->n_tokens = (double)p->options->max_tokens;
    }
  return true;
}

static bool
count_tokens (Probe *p, CsHarvestProbe *probe, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) local = NULL;
  const double start = now (), max = (double)p->options->max_tokens;
  CsSource source;
  size_t skip;
  int corpus;
  bool ok = cs_source_open (&source, p->options, p->tokenizer, p->chat, error);

  while (ok && now () - start < p->budget && !probe->counted)
    {
      if (!cs_job_checkpoint (p->job, error))
        ok = false;
      else if (cs_source_next (&source, ids, &skip, &corpus, &local))
        {
          p->tokens[corpus] += ids->len - skip;
          p->documents[corpus]++;
          probe->n_tokens += ids->len - skip;
          probe->n_documents++;
          probe->counted = max > 0 && probe->n_tokens >= max;
        }
      else
        probe->counted = true;
    }
  cs_source_clear (&source);
  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else if (ok && probe->n_tokens == 0)
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "The corpora hold no text; choose others.");
  else if (ok)
    {
      probe->read_tokens_per_s = probe->n_tokens / MAX (now () - start, 1e-6);
      return probe->counted || extrapolate (p, probe, error);
    }
  return false;
}

/* --- Speed --- */

/* Bytes of this process that are no file's; 0 where the system does not say. */
static double
anonymous_bytes (void)
{
  g_autofree char *text = NULL;
  const char *line;
  double kilobytes = 0;

  if (g_file_get_contents ("/proc/self/status", &text, NULL, NULL) &&
      (line = strstr (text, "RssAnon:")) != NULL)
    sscanf (line, "RssAnon: %lf", &kilobytes);
  return 1024 * kilobytes;
}

/* Hands out documents for so long, then waits for those under way. */
static bool
run_documents (Probe *p, CsRunner *runner, size_t cut, CsHarvestProbe *probe, GError **error)
{
  const double start = now ();
  double tokens = 0;
  CsSource source;
  bool ok = cs_source_open (&source, p->options, p->tokenizer, p->chat, error), more = true;

  while (ok && (more || cs_runner_under_way (runner) > 0))
    {
      CsRunnerSlot *slot;
      g_autoptr (GError) local = NULL;

      more = more && (tokens == 0 || now () - start < p->budget);
      while (more && cs_runner_under_way (runner) < 2 * (size_t)probe->n_threads &&
             (slot = cs_runner_free_slot (runner)) != NULL)
        {
          more = cs_source_next (&source, slot->ids, &slot->skip, &slot->corpus, &local);
          if (!more)
            break;
          g_array_set_size (slot->ids, (guint)MIN (slot->ids->len, cut));
          cs_runner_submit (runner);
          more = tokens == 0 || now () - start < p->budget;
        }
      if (local != NULL)
        g_propagate_error (error, g_steal_pointer (&local));
      ok = (error == NULL || *error == NULL) && cs_job_checkpoint (p->job, error);
      slot = ok ? cs_runner_take (runner, 20) : NULL;
      if (slot == NULL)
        continue;
      if (slot->error != NULL && error != NULL)
        *error = g_error_copy (slot->error);
      ok = slot->error == NULL;
      tokens += slot->ids->len;
      cs_runner_release (runner);
    }
  cs_source_clear (&source);
  probe->tokens_per_s = tokens / MAX (now () - start, 1e-6);
  return ok;
}

static bool
measure_speed (Probe *p, CsHarvestProbe *probe, GError **error)
{
  const size_t max = p->options->max_document > 0 ? p->options->max_document : 1024;
  const bool large = cs_model_n_parameters (p->models[0]) > LARGE_MODEL;
  const size_t cut = large ? MIN (max, SHORT_DOCUMENT) : max;
  const double before = anonymous_bytes ();
  CsRunner *runner = cs_runner_new (p->models[0], p->models[1], probe->layer, max, probe->n_threads,
                                    error);
  bool ok = runner != NULL && run_documents (p, runner, cut, probe, error);

  /* keys, values and rows grow with the document, and so does what was seen of them */
  probe->work_bytes = MAX (anonymous_bytes () - before, 0) * (double)max / (double)cut;
  cs_runner_free (runner);
  return ok;
}

bool
cs_harvest_probe (CsJob *job,
                  const CsHarvestOptions *options,
                  double seconds,
                  CsHarvestProbe *probe,
                  GError **error)
{
  Probe p = { .job = job, .options = options, .budget = seconds };
  g_autoptr (GError) local = NULL;
  bool ok;

  *probe = (CsHarvestProbe){ 0 };
  ok = open_all (&p, probe, &local) && count_tokens (&p, probe, &local) &&
       measure_speed (&p, probe, &local);
  if (ok)
    {
      double share = (double)(probe->layer + 1) / (double)probe->n_layers;

      probe->store_bytes = probe->n_tokens * (2 * (double)probe->d_model *
                                                  (double)cs_dtype_size (options->dtype) +
                                              9) +
                           8 * probe->n_documents;
      probe->weight_bytes = share * (double)(cs_model_file_bytes (p.models[0]) +
                                             cs_model_file_bytes (p.models[1]));
      /* the corpora are read twice: to count, and to run */
      probe->seconds = probe->n_tokens / probe->read_tokens_per_s +
                       probe->n_tokens / MAX (probe->tokens_per_s, 1e-9);
    }
  clear (&p);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&local));
  return ok;
}
