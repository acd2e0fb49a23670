#include "harvest.h"

#include <string.h>

#include "errors.h"
#include "harvest-run.h"
#include "harvest-source.h"
#include "token-replacements.h"

#define FLUSH_MICROSECONDS (2 * G_USEC_PER_SEC)
#define WAIT_MILLISECONDS 50

typedef struct
{
  CsJob *job;
  const CsHarvestOptions *options;
  CsModel *base, *chat;
  CsTokenizer *tokenizer;
  CsChatTemplate *template; /* NULL where the chat model has none */
  CsStoreInfo info;
  CsStore *store;
  size_t n_documents, n_tokens; /* planned: all that the corpora have, or up to max_tokens */
} Harvest;

size_t
cs_layer_middle (size_t n_layers)
{
  return n_layers / 2;
}

static void
harvest_clear (Harvest *harvest)
{
  cs_store_free (harvest->store);
  cs_store_info_clear (&harvest->info);
  g_clear_pointer (&harvest->template, cs_chat_template_free);
  g_clear_pointer (&harvest->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&harvest->base, cs_model_unref);
  g_clear_pointer (&harvest->chat, cs_model_unref);
}

static void
phase (Harvest *harvest, const char *name)
{
  if (harvest->job != NULL)
    cs_job_phase (harvest->job, name);
}

static void
progress (Harvest *harvest, size_t tokens)
{
  if (harvest->job != NULL)
    cs_job_progress (harvest->job, (double)tokens, (double)harvest->n_tokens, "tokens");
}

static bool
open_pair (Harvest *harvest, GError **error)
{
  const CsHarvestOptions *options = harvest->options;
  size_t n_layers;

  if (!cs_pair_check (options->base_folder, options->chat_folder, error))
    return false;
  harvest->base = cs_model_open (options->base_folder, error);
  harvest->chat = harvest->base != NULL ? cs_model_open (options->chat_folder, error) : NULL;
  harvest->tokenizer =
      harvest->chat != NULL
          ? cs_pair_tokenizer (options->base_folder, options->chat_folder, NULL, error)
          : NULL;
  if (harvest->tokenizer == NULL ||
      !cs_model_replace_tokens (harvest->base, options->base_replacements, error))
    return false;
  harvest->template = cs_chat_template_open_pair (options->chat_folder, options->base_folder, NULL);
  if (harvest->template != NULL &&
      !cs_chat_template_set_date (harvest->template, options->date, error))
    return false;
  n_layers = cs_model_config (harvest->base)->n_layers;
  harvest->info.layer =
      options->layer == CS_LAYER_MIDDLE ? cs_layer_middle (n_layers) : options->layer;
  if (harvest->info.layer < n_layers)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "The models have the layers 0 to %zu, not %zu.",
               n_layers - 1, options->layer);
  return false;
}

/* In the one spelling that stores keep; the base model has read it already. */
static char *
replacements_text (const char *text)
{
  g_autoptr (GArray) list = cs_token_replacements_parse (text, NULL);

  return list != NULL ? cs_token_replacements_text (list) : NULL;
}

static void
fill_info (Harvest *harvest, const CsSource *source)
{
  CsStoreInfo *info = &harvest->info;

  info->d_model = cs_model_config (harvest->base)->d_model;
  info->dtype = harvest->options->dtype;
  info->base_model = g_strdup (cs_model_name (harvest->base));
  info->base_hash = g_strdup (cs_model_hash (harvest->base));
  info->chat_model = g_strdup (cs_model_name (harvest->chat));
  info->chat_hash = g_strdup (cs_model_hash (harvest->chat));
  info->tokenizer_hash = g_strdup (cs_tokenizer_hash (harvest->tokenizer));
  info->corpora = cs_source_names (source);
  info->base_replacements = replacements_text (harvest->options->base_replacements);
}

/* --- A store that is there already --- */

static bool
differs (Harvest *harvest, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "%s was made with %s; choose another name, or remove it to start again.",
               harvest->options->out, what);
  return false;
}

static bool
check_store (Harvest *harvest, GError **error)
{
  const CsStoreInfo *have = cs_store_info (harvest->store);
  const CsStoreInfo *want = &harvest->info;

  if (strcmp (have->base_hash, want->base_hash) != 0 || have->d_model != want->d_model)
    return differs (harvest, "another base model", error);
  if (strcmp (have->chat_hash, want->chat_hash) != 0)
    return differs (harvest, "another chat model", error);
  if (strcmp (have->tokenizer_hash, want->tokenizer_hash) != 0)
    return differs (harvest, "another tokenizer", error);
  if (have->layer != want->layer)
    return differs (harvest, "another layer", error);
  if (have->dtype != want->dtype)
    return differs (harvest, "another number type", error);
  if (g_strcmp0 (have->base_replacements, want->base_replacements) != 0)
    return differs (harvest, "other tokens replaced in what the base model reads", error);
  if (!g_strv_equal ((const char *const *)have->corpora, (const char *const *)want->corpora))
    return differs (harvest, "other corpora", error);
  return true;
}

/* A document that is stored has to be the one that the corpora have in its place. */
static bool
check_document (Harvest *harvest, size_t document, const int32_t *ids, size_t n, GError **error)
{
  const int64_t *offsets = cs_store_documents (harvest->store);
  g_autofree int32_t *stored = NULL;

  if ((size_t)(offsets[document + 1] - offsets[document]) != n)
    return differs (harvest, "other texts in the corpora, or other settings for documents", error);
  stored = g_new (int32_t, n);
  if (!cs_store_read_tokens (harvest->store, (size_t)offsets[document], n, stored, NULL, NULL,
                             error))
    return false;
  return memcmp (stored, ids, n * sizeof *ids) == 0 ||
         differs (harvest, "other texts in the corpora, or other settings for documents", error);
}

/* Goes through the corpora once: the store can then have its exact size from the beginning. */
static bool
plan (Harvest *harvest, CsSource *source, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  size_t stored = harvest->store != NULL ? cs_store_n_documents (harvest->store) : 0;
  size_t max_tokens = harvest->options->max_tokens;
  g_autoptr (GError) local = NULL;
  size_t skip, n;
  int corpus;

  phase (harvest, "Counting tokens");
  while ((max_tokens == 0 || harvest->n_tokens < max_tokens) &&
         cs_source_next (source, ids, &skip, &corpus, &local))
    {
      n = ids->len - skip;
      if (harvest->n_documents < stored &&
          !check_document (harvest, harvest->n_documents, &g_array_index (ids, int32_t, skip), n,
                           error))
        return false;
      harvest->n_documents++;
      harvest->n_tokens += n;
      if (!cs_job_checkpoint (harvest->job, error))
        return false;
    }
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  if (harvest->n_documents < stored)
    return differs (harvest, "other texts in the corpora, or other settings for documents", error);
  if (harvest->n_documents > 0)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "The corpora hold no text; choose others.");
  return false;
}

/* *done where a store that is there has enough. */
static bool
open_store (Harvest *harvest, bool *done, GError **error)
{
  const char *out = harvest->options->out;
  size_t max_tokens = harvest->options->max_tokens;
  CsSource source;
  bool ok;

  *done = false;
  ok = cs_source_open (&source, harvest->options, harvest->tokenizer, harvest->template, error);
  if (ok)
    fill_info (harvest, &source);
  if (ok && g_file_test (out, G_FILE_TEST_EXISTS))
    {
      harvest->store = cs_store_open (out, true, error);
      ok = harvest->store != NULL && check_store (harvest, error);
      *done = ok && max_tokens > 0 && cs_store_n_tokens (harvest->store) >= max_tokens;
      harvest->n_tokens = *done ? cs_store_n_tokens (harvest->store) : 0;
    }
  ok = ok && (*done || plan (harvest, &source, error));
  cs_source_clear (&source);
  if (!ok || *done)
    return ok;
  if (harvest->store != NULL)
    return cs_store_plan (harvest->store, harvest->n_tokens, harvest->n_documents, error);
  harvest->store =
      cs_store_create (out, &harvest->info, harvest->n_tokens, harvest->n_documents, error);
  return harvest->store != NULL;
}

/* --- Running --- */

/* In run_all()'s hands an error is always asked for. */
static bool
skip_stored (Harvest *harvest, CsSource *source, GArray *ids, GError **error)
{
  size_t skip;
  int corpus;

  for (size_t d = 0; d < cs_store_n_documents (harvest->store); d++)
    if (!cs_job_checkpoint (harvest->job, error) ||
        !cs_source_next (source, ids, &skip, &corpus, error))
      return *error == NULL;
  return true;
}

static bool
store_slot (Harvest *harvest, CsRunnerSlot *slot, size_t number, GError **error)
{
  const int32_t *ids = (const int32_t *)(const void *)slot->ids->data;

  if (slot->error != NULL)
    {
      g_set_error (error, slot->error->domain, slot->error->code, "Document %zu: %s", number + 1,
                   slot->error->message);
      return false;
    }
  return cs_store_append_document (harvest->store, ids + slot->skip, slot->ids->len - slot->skip,
                                   slot->corpus,
                                   slot->rows + slot->skip * 2 * harvest->info.d_model, error);
}

static bool
flush_in_time (Harvest *harvest, gint64 *last, GError **error)
{
  gint64 now = g_get_monotonic_time ();

  if (now - *last < FLUSH_MICROSECONDS)
    return true;
  *last = now;
  return cs_store_flush (harvest->store, error);
}

/* Gives out documents while there are free slots, stores finished ones in order. */
static bool
run (Harvest *harvest, CsSource *source, CsRunner *runner, GError **error)
{
  size_t given = cs_store_n_documents (harvest->store), stored = given;
  size_t tokens = cs_store_n_tokens (harvest->store);
  gint64 last_flush = g_get_monotonic_time ();

  while (stored < harvest->n_documents)
    {
      CsRunnerSlot *slot;

      if (!cs_job_checkpoint (harvest->job, error))
        return false;
      while (given < harvest->n_documents && (slot = cs_runner_free_slot (runner)) != NULL)
        {
          if (!cs_source_next (source, slot->ids, &slot->skip, &slot->corpus, error))
            return *error != NULL ? false : differs (harvest, "longer corpora", error);
          cs_runner_submit (runner);
          given++;
        }
      slot = cs_runner_take (runner, WAIT_MILLISECONDS);
      if (slot == NULL)
        continue;
      if (!store_slot (harvest, slot, stored, error))
        return false;
      stored++;
      tokens += slot->ids->len - slot->skip;
      cs_runner_release (runner);
      progress (harvest, tokens);
      if (!flush_in_time (harvest, &last_flush, error))
        return false;
    }
  return true;
}

static bool
run_all (Harvest *harvest, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) local = NULL;
  CsRunner *runner = NULL;
  CsSource source;
  bool ok;

  phase (harvest, "Harvesting");
  progress (harvest, cs_store_n_tokens (harvest->store));
  ok = cs_source_open (&source, harvest->options, harvest->tokenizer, harvest->template, &local) &&
       skip_stored (harvest, &source, ids, &local);
  if (ok)
    runner = cs_runner_new (harvest->base, harvest->chat, harvest->info.layer, source.max_document,
                            harvest->options->n_threads, &local);
  ok = runner != NULL && run (harvest, &source, runner, &local);
  cs_runner_free (runner);
  cs_source_clear (&source);
  if (ok)
    return true;
  /* what came in order before it stopped is complete */
  cs_store_flush (harvest->store, NULL);
  g_propagate_error (error, g_steal_pointer (&local));
  return false;
}

bool
cs_harvest (CsJob *job, const CsHarvestOptions *options, GError **error)
{
  Harvest harvest = { .job = job, .options = options };
  bool done = false;
  bool ok = open_pair (&harvest, error) && open_store (&harvest, &done, error);

  if (ok && !done && cs_store_n_documents (harvest.store) < harvest.n_documents)
    ok = run_all (&harvest, error);
  ok = ok && cs_store_finish (harvest.store, error);
  if (ok)
    progress (&harvest, cs_store_n_tokens (harvest.store));
  harvest_clear (&harvest);
  return ok;
}
