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
  CsHarvestSample *sample; /* NULL where nothing can be written */
  bool at_end;             /* of the corpora */
  size_t n_taken;          /* documents that came back */
  double n_run;            /* their tokens */
  double start, flushed;   /* times */
  double steady_start, steady_run;
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
  g_clear_pointer (&p->sample, cs_harvest_sample_free);
}

static bool
open_all (Probe *p, CsHarvestProbe *probe, GError **error)
{
  const CsHarvestOptions *o = p->options;
  const CsModelConfig *config;

  if (!cs_pair_check (o->base_folder, o->chat_folder, error) ||
      (p->models[0] = cs_model_open (o->base_folder, error)) == NULL ||
      (p->models[1] = cs_model_open (o->chat_folder, error)) == NULL ||
      (p->tokenizer = cs_pair_tokenizer (o->base_folder, o->chat_folder, NULL, error)) == NULL ||
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

/* --- Storing --- */

static double
row_bytes (const Probe *p, const CsHarvestProbe *probe)
{
  return 2 * (double)probe->d_model * (double)cs_dtype_size (p->options->dtype) + 9;
}

/* About what the models get through in the time: the disk is asked for no more. */
static void
open_sample (Probe *p, const CsHarvestProbe *probe)
{
  const double share = (double)(probe->layer + 1) / (double)probe->n_layers;
  const double work = 4 * share * (double)cs_model_n_parameters (p->models[0]);
  const double guess = p->budget * 1e11 / MAX (work, 1);
  CsStoreInfo info = { .d_model = probe->d_model,
                       .layer = probe->layer,
                       .dtype = p->options->dtype,
                       .base_model = g_strdup (cs_model_name (p->models[0])),
                       .base_hash = g_strdup (cs_model_hash (p->models[0])),
                       .chat_model = g_strdup (cs_model_name (p->models[1])),
                       .chat_hash = g_strdup (cs_model_hash (p->models[1])),
                       .tokenizer_hash = g_strdup (cs_tokenizer_hash (p->tokenizer)) };
  CsSource source;

  if (cs_source_open (&source, p->options, p->tokenizer, p->chat, NULL))
    {
      info.corpora = cs_source_names (&source);
      cs_source_clear (&source);
    }
  if (info.corpora != NULL && p->options->out != NULL)
    p->sample = cs_harvest_sample_new (p->options->out, &info,
                                       (size_t)CLAMP (MIN (guess, probe->n_tokens), 1024, 262144));
  cs_store_info_clear (&info);
}

static bool
store_slot (Probe *p, const CsHarvestProbe *probe, const CsRunnerSlot *slot, GError **error)
{
  const int32_t *ids = (const int32_t *)(const void *)slot->ids->data;

  if (slot->error != NULL)
    {
      g_propagate_error (error, g_error_copy (slot->error));
      return false;
    }
  if (p->sample == NULL)
    return true;
  return cs_store_append_document (p->sample->store, ids + slot->skip, slot->ids->len - slot->skip,
                                   slot->corpus, slot->rows + slot->skip * 2 * probe->d_model,
                                   error);
}

/* As a harvest does every two seconds. */
static bool
flush (Probe *p, GError **error)
{
  p->flushed = now ();
  return p->sample == NULL || cs_store_flush (p->sample->store, error);
}

/* --- Running --- */

/* While it is time, or nothing has come back yet. */
static bool
is_on (const Probe *p)
{
  return p->n_taken == 0 || now () - p->start < p->budget;
}

static bool
hand_out (Probe *p, CsRunner *runner, CsSource *source, size_t cut, size_t n_threads, GError **error)
{
  /* a document of a large model may take longer than all the time there is: one a thread first */
  const size_t most = p->n_taken > 0 ? SIZE_MAX : n_threads;
  g_autoptr (GError) local = NULL;
  CsRunnerSlot *slot;

  while (!p->at_end && is_on (p) && cs_runner_under_way (runner) < most &&
         (slot = cs_runner_free_slot (runner)) != NULL)
    {
      p->at_end = !cs_source_next (source, slot->ids, &slot->skip, &slot->corpus, &local);
      if (p->at_end)
        break;
      g_array_set_size (slot->ids, (guint)MIN (slot->ids->len, cut));
      cs_runner_submit (runner);
    }
  if (local == NULL)
    return true;
  g_propagate_error (error, g_steal_pointer (&local));
  return false;
}

/* Once every thread has had a document, what follows comes at the harvest's own pace. */
static void
count_slot (Probe *p, const CsRunnerSlot *slot, unsigned n_threads)
{
  p->n_run += (double)(slot->ids->len - slot->skip);
  if (++p->n_taken != n_threads)
    return;
  p->steady_start = now ();
  p->steady_run = p->n_run;
}

/* Of the time in which all threads were busy, where that is long enough to tell; else of all. */
static double
rate (const Probe *p, unsigned n_threads)
{
  const bool steady = p->n_taken >= 3 * (size_t)n_threads;
  const double run = steady ? p->n_run - p->steady_run : p->n_run;

  return run / MAX (now () - (steady ? p->steady_start : p->start), 1e-6);
}

/* The harvest's own loop, for so long; its end, when threads stand idle, is left out where there
 * was enough before. */
static bool
run_documents (Probe *p, CsRunner *runner, CsSource *source, size_t cut, CsHarvestProbe *probe,
               GError **error)
{
  const double every = MIN (2, p->budget / 2);

  p->start = p->flushed = now ();
  while ((is_on (p) && !p->at_end) ||
         (p->n_taken < 3 * (size_t)probe->n_threads && cs_runner_under_way (runner) > 0) ||
         (p->at_end && cs_runner_under_way (runner) > 0))
    {
      CsRunnerSlot *slot;

      if (!cs_job_checkpoint (p->job, error) || !hand_out (p, runner, source, cut, probe->n_threads, error))
        return false;
      if ((slot = cs_runner_take (runner, 20)) == NULL)
        continue;
      if (!store_slot (p, probe, slot, error))
        return false;
      count_slot (p, slot, probe->n_threads);
      cs_runner_release (runner);
      if (now () - p->flushed >= every && !flush (p, error))
        return false;
    }
  if (!flush (p, error))
    return false;
  probe->tokens_per_s = rate (p, probe->n_threads);
  return true;
}

static bool
measure_speed (Probe *p, CsHarvestProbe *probe, GError **error)
{
  const size_t max = p->options->max_document > 0 ? p->options->max_document : 1024;
  const bool large = cs_model_n_parameters (p->models[0]) > LARGE_MODEL;
  const size_t cut = large ? MIN (max, SHORT_DOCUMENT) : max;
  const double before = anonymous_bytes ();
  CsRunner *runner = NULL;
  CsSource source;
  bool ok = cs_source_open (&source, p->options, p->tokenizer, p->chat, error);

  if (ok)
    {
      open_sample (p, probe);
      probe->stored = p->sample != NULL;
      runner = cs_runner_new (p->models[0], p->models[1], probe->layer, max, probe->n_threads, error);
      ok = runner != NULL && run_documents (p, runner, &source, cut, probe, error);
    }
  /* keys, values and rows grow with the document, and so does what was seen of them */
  probe->work_bytes = MAX (anonymous_bytes () - before, 0) * (double)max / (double)cut;
  cs_runner_free (runner);
  cs_source_clear (&source);
  return ok && (p->sample == NULL || cs_harvest_sample_finish (p->sample, error));
}

/* What a harvest that goes on finds there. */
static double
tokens_there (const Probe *p, const CsHarvestProbe *probe)
{
  g_autoptr (CsStore) store = p->options->out != NULL && g_file_test (p->options->out, G_FILE_TEST_EXISTS)
                                  ? cs_store_open (p->options->out, false, NULL)
                                  : NULL;

  if (store == NULL || cs_store_info (store)->layer != probe->layer ||
      cs_store_info (store)->d_model != probe->d_model)
    return 0;
  return MIN ((double)cs_store_n_tokens (store), probe->n_tokens);
}

/* The corpora are read twice: to count, and to run; what is there already is read over. */
double
cs_harvest_probe_seconds (const CsHarvestProbe *probe)
{
  return probe->open_seconds + (probe->n_tokens + probe->n_stored) / probe->read_tokens_per_s +
         (probe->n_tokens - probe->n_stored) / MAX (probe->tokens_per_s, 1e-9);
}

bool
cs_harvest_probe (CsJob *job,
                  const CsHarvestOptions *options,
                  double seconds,
                  CsHarvestSample **sample,
                  CsHarvestProbe *probe,
                  GError **error)
{
  Probe p = { .job = job, .options = options, .budget = seconds };
  g_autoptr (GError) local = NULL;
  const double start = now ();
  bool ok;

  *probe = (CsHarvestProbe){ 0 };
  ok = open_all (&p, probe, &local);
  probe->open_seconds = now () - start;
  ok = ok && count_tokens (&p, probe, &local) && measure_speed (&p, probe, &local);
  if (ok)
    {
      double share = (double)(probe->layer + 1) / (double)probe->n_layers;

      probe->store_bytes = probe->n_tokens * row_bytes (&p, probe) + 8 * probe->n_documents;
      probe->weight_bytes = share * (double)(cs_model_file_bytes (p.models[0]) +
                                             cs_model_file_bytes (p.models[1]));
      probe->n_stored = tokens_there (&p, probe);
      probe->seconds = cs_harvest_probe_seconds (probe);
    }
  if (ok && sample != NULL)
    *sample = g_steal_pointer (&p.sample);
  clear (&p);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&local));
  return ok;
}
