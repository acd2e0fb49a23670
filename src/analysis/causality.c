/* Running the experiment: conversations in, sums of each arm out. */
#include "causality-private.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "conversations.h"
#include "errors.h"
#include "kl.h"

/* Logits held at once by one worker. */
#define CHUNK_TOKENS ((size_t)128)
/* For reference distributions and logits of all workers; beyond it there are fewer workers, and the
 * threads share the one conversation at hand. */
#define MEMORY_BYTES ((size_t)2 << 30)
#define MAX_MEMORY_FLOATS ((size_t)1 << 36)
/* What the self-checks allow. Chat into chat and the empty set repeat the same arithmetic. */
#define CHECK_KL 1e-6
#define CHECK_IDENTITY 1e-4

typedef struct
{
  CsSession *session[2];
  CsTeam *team;   /* NULL where conversations are shared out among the workers */
  float *rows;    /* [n, 2, d] */
  float *patched; /* [n, d] */
  float *logits;  /* [CHUNK_TOKENS, V] */
  float *log_p;   /* [predictions, V] of chat */
  int32_t *best;  /* [predictions] chat's likeliest token */
  CsCodes codes;
  GError *error;
} Worker;

typedef struct
{
  CsJob *job;
  const CsCausalityOptions *options;
  CsPair *pair;
  CsCrosscoder *crosscoder;
  CsLatentSets sets;
  CsConversations conversations;
  size_t longest, most_predictions;
  CsPatchArms arms;
  CsConversationSums *sums;
  CsTeam *team;
  Worker *workers;
  size_t n_workers;
  size_t batch_first; /* of the conversations that are shared out now */
  atomic_bool stop;
} Run;

/* --- One pass of a model over a conversation --- */

/* What happens to the stream at the layer: it is copied, or something else takes its place. */
typedef struct
{
  size_t d;
  float *capture; /* [n, 2, d] or NULL */
  size_t model;
  const float *replace; /* [n, d] or NULL */
} Site;

static void
site_tap (void *data, size_t first, size_t n_rows, float *rows)
{
  const Site *site = data;
  const size_t d = site->d;

  for (size_t r = 0; r < n_rows; r++)
    memcpy (site->capture + (2 * (first + r) + site->model) * d, rows + r * d, d * sizeof *rows);
}

/* Where the spans of one position count. */
static void
add_to_spans (const CsTurnToken *token, double value, double *sums)
{
  sums[CS_CAUSALITY_ALL] += value;
  if (token->predicted < 10 && !token->is_template)
    sums[CS_CAUSALITY_FIRST9] += value;
  if (token->predicted == 0)
    sums[CS_CAUSALITY_OPENING] += value;
}

static int32_t
likeliest (const float *logits, size_t n)
{
  size_t best = 0;

  for (size_t i = 1; i < n; i++)
    if (logits[i] > logits[best])
      best = i;
  return (int32_t)best;
}

typedef enum
{
  MAKE_REFERENCE,
  COMPARE,
} Pass;

/* Logits of n positions from `first` on, whose first prediction is number `done`. */
static void
take_logits (Worker *w,
             const CsConversation *c,
             size_t vocab,
             size_t first,
             size_t n,
             size_t done,
             Pass pass,
             double *kl,
             double *agreed)
{
  for (size_t t = 0; t < n; t++)
    {
      const float *logits = w->logits + t * vocab;
      float *log_p = w->log_p + (done + t) * vocab;

      if (pass == MAKE_REFERENCE)
        {
          cs_log_softmax (logits, vocab, log_p);
          w->best[done + t] = likeliest (logits, vocab);
          continue;
        }
      add_to_spans (&c->turns[first + t], cs_kl_divergence (log_p, logits, vocab), kl);
      add_to_spans (&c->turns[first + t], likeliest (logits, vocab) == w->best[done + t], agreed);
    }
}

/* Where the stream at the layer is replaced, what the blocks before it would make of the tokens is
 * of no use to anyone. */
static bool
run_piece (const Run *run,
           Worker *w,
           const CsConversation *c,
           CsSession *session,
           const Site *site,
           size_t first,
           size_t n,
           bool scored)
{
  const size_t n_layers = cs_model_config (cs_session_model (session))->n_layers;
  const CsLogits which = scored ? CS_LOGITS_ALL : CS_LOGITS_NONE;

  if (site->replace != NULL)
    return cs_session_forward_from (session, run->options->layer + 1,
                                    site->replace + first * site->d, n, which, w->logits, &w->error);
  return cs_session_forward (session, c->ids + first, n, n_layers, which, w->logits, &w->error);
}

/* Runs the model over the conversation with `site` at the layer; logits are made only where an
 * answer's token is predicted. All passes cut the tokens in the same places, so that equal streams
 * give equal bits. */
static bool
run_pass (const Run *run,
          Worker *w,
          const CsConversation *c,
          int model,
          Site *site,
          Pass pass,
          double *kl,
          double *agreed)
{
  CsSession *session = w->session[model];
  const CsModelConfig *config = cs_model_config (run->pair->model[model]);
  const CsTap tap = { run->options->layer + 1, site_tap, site };
  size_t done = 0;

  cs_session_reset (session);
  cs_session_set_taps (session, &tap, site->capture != NULL ? 1 : 0);
  for (size_t first = 0, end; first < c->n; first = end)
    {
      const bool scored = c->turns[first].predicts;

      for (end = first + 1; end < c->n && end - first < CHUNK_TOKENS; end++)
        if (c->turns[end].predicts != scored)
          break;
      if (!run_piece (run, w, c, session, site, first, end - first, scored))
        return false;
      if (!scored)
        continue;
      take_logits (w, c, config->vocab_size, first, end - first, done, pass, kl, agreed);
      done += end - first;
    }
  return true;
}

/* --- One conversation --- */

/* Only the thread that runs the job may wait while it is paused; the others see its decision. */
static bool
may_go_on (Run *run, Worker *w, unsigned number)
{
  if (number == 0 && w->error == NULL && !cs_job_checkpoint (run->job, &w->error))
    atomic_store (&run->stop, true);
  return w->error == NULL && !atomic_load (&run->stop);
}

static bool
run_arm (Run *run,
         Worker *w,
         const CsConversation *c,
         const CsPatchArm *arm,
         CsConversationSums *sums)
{
  Site site = { .d = run->crosscoder->d_model, .replace = w->patched };

  cs_patch_rows (run->crosscoder, &run->sets, arm, c, w->rows, &w->codes, w->patched);
  if (arm->kind == PATCH_LATENTS && arm->set == SET_ALL && arm->start == 0)
    sums->identity = cs_patch_identity (run->crosscoder, w->rows, &w->codes, w->patched, c->n);
  return run_pass (run, w, c, arm->run_on, &site, COMPARE, sums->kl[arm->result],
                   sums->agreed[arm->result]);
}

/* The chat model first: it gives the reference and its activations; then the base model. */
static bool
run_conversation (Run *run, Worker *w, unsigned number, size_t index)
{
  const CsConversation *c = &run->conversations.items[index];
  CsConversationSums *sums = &run->sums[index];

  for (int model = 1; model >= 0; model--)
    {
      Site site = { .d = run->crosscoder->d_model, .capture = w->rows, .model = (size_t)model };

      if (!may_go_on (run, w, number) ||
          !run_pass (run, w, c, model, &site, model == 1 ? MAKE_REFERENCE : COMPARE,
                     sums->kl[run->arms.base], sums->agreed[run->arms.base]))
        return false;
    }
  if (!cs_crosscoder_encode (run->crosscoder, w->team, w->rows, c->n, &w->codes, &w->error))
    return false;
  for (size_t a = 0; a < run->arms.n; a++)
    if (a != run->arms.base &&
        (!may_go_on (run, w, number) || !run_arm (run, w, c, &run->arms.items[a], sums)))
      return false;
  for (size_t t = 0; t < c->n; t++)
    if (c->turns[t].predicts)
      add_to_spans (&c->turns[t], 1, sums->count);
  return true;
}

static void
run_range (size_t begin, size_t end, unsigned number, void *data)
{
  Run *run = data;

  for (size_t i = begin; i < end; i++)
    if (!run_conversation (run, &run->workers[number], number, run->batch_first + i))
      {
        atomic_store (&run->stop, true);
        return;
      }
}

static bool
run_all (Run *run, GError **error)
{
  const size_t n = run->conversations.n;

  cs_job_phase (run->job, "Patching the chat model");
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
      cs_job_progress (run->job, (double)(first + batch), (double)n, "conversations");
    }
  return true;
}

/* --- Beginning --- */

static bool
fits (const Run *run, GError **error)
{
  const CsModelConfig *config = cs_model_config (run->pair->model[1]);

  if (run->crosscoder->d_model != config->d_model)
    g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                 "The run %s has d_model %zu but the models have %zu: name the pair that it was "
                 "trained on.",
                 run->options->run_folder, run->crosscoder->d_model, config->d_model);
  else if (run->options->layer >= config->n_layers)
    g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                 "There is no layer %zu: the models have layers 0 to %zu.", run->options->layer,
                 config->n_layers - 1);
  else
    return true;
  return false;
}

static bool
open_run (Run *run, GError **error)
{
  const CsCausalityOptions *o = run->options;
  g_autoptr (CsLatents) latents = NULL;
  size_t n_set, n_random;

  if ((run->crosscoder = cs_crosscoder_load (o->run_folder, error)) == NULL ||
      (latents = cs_latents_load (o->run_folder, error)) == NULL ||
      (run->pair = cs_pair_open (o->base_folder, o->chat_folder, &o->reading, error)) ==
          NULL ||
      !fits (run, error))
    return false;
  if (latents->n_latents != run->crosscoder->n_latents)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The analysis of %s is of %zu latents but the run has %zu: analyse it again.",
                   o->run_folder, latents->n_latents, run->crosscoder->n_latents);
      return false;
    }
  n_set = o->n_set > 0 ? o->n_set : MAX (latents->n_latents / 20, 20);
  n_random = MIN (o->n_random > 0 ? o->n_random : 3, MAX_RANDOM);
  if (!cs_latent_sets_init (&run->sets, latents, n_set, n_random, o->seed, error))
    return false;
  cs_patch_arms_make (&run->arms, &run->sets);
  cs_job_phase (run->job, "Reading the conversations");
  return cs_conversations_read (&run->conversations, run->pair, o->corpora, o->skip_documents,
                                o->max_documents > 0 ? o->max_documents : 512,
                                o->max_tokens > 0 ? o->max_tokens : 1024, error);
}

static void
measure (Run *run)
{
  for (size_t i = 0; i < run->conversations.n; i++)
    {
      const CsConversation *c = &run->conversations.items[i];
      size_t predictions = 0;

      for (size_t t = 0; t < c->n; t++)
        predictions += c->turns[t].predicts;
      run->longest = MAX (run->longest, c->n);
      run->most_predictions = MAX (run->most_predictions, predictions);
    }
}

static bool
make_worker (Run *run, Worker *w, CsTeam *team, GError **error)
{
  const size_t d = run->crosscoder->d_model,
               vocab = cs_model_config (run->pair->model[1])->vocab_size;

  w->team = team;
  for (int m = 0; m < 2; m++)
    w->session[m] = cs_session_new (run->pair->model[m], team, run->longest);
  w->rows = g_try_new (float, run->longest * 2 * d);
  w->patched = g_try_new (float, run->longest *d);
  w->logits = g_try_new (float, CHUNK_TOKENS *vocab);
  w->log_p = run->most_predictions < MAX_MEMORY_FLOATS / vocab
                 ? g_try_new (float, run->most_predictions *vocab)
                 : NULL;
  w->best = g_try_new (int32_t, run->most_predictions);
  if (w->rows != NULL && w->patched != NULL && w->logits != NULL && w->log_p != NULL &&
      w->best != NULL)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_IO,
               "There is not enough memory for the %zu predictions of one conversation: cut "
               "conversations shorter.",
               run->most_predictions);
  return false;
}

static bool
make_workers (Run *run, GError **error)
{
  const size_t vocab = cs_model_config (run->pair->model[1])->vocab_size;
  size_t bytes;

  run->team = cs_team_new (run->options->n_threads);
  measure (run);
  bytes = (run->most_predictions + CHUNK_TOKENS) * vocab * sizeof (float);
  run->n_workers =
      MIN (CLAMP (MEMORY_BYTES / bytes, 1, cs_team_size (run->team)), run->conversations.n);
  /* A team cuts work by its own size: with fewer workers than threads, the threads work together.
   */
  if (run->n_workers < cs_team_size (run->team))
    run->n_workers = 1;
  run->workers = g_new0 (Worker, run->n_workers);
  for (size_t i = 0; i < run->n_workers; i++)
    if (!make_worker (run, &run->workers[i], run->n_workers == 1 ? run->team : NULL, error))
      return false;
  run->sums = g_new0 (CsConversationSums, run->conversations.n);
  return true;
}

/* --- End --- */

static bool
check (const CsCausality *result, GError **error)
{
  if (result->check_chat <= CHECK_KL && result->check_empty <= CHECK_KL &&
      result->check_all <= CHECK_IDENTITY)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC,
               "A self-check does not hold (chat into chat: KL %.3g, empty set: off by %.3g, all "
               "latents: off by %.3g): these numbers would mean nothing, please report it.",
               result->check_chat, result->check_empty, result->check_all);
  return false;
}

static void
fill_settings (const Run *run, CsCausality *result)
{
  const CsCausalityOptions *o = run->options;

  result->base_model = g_strdup (cs_model_name (run->pair->model[0]));
  result->chat_model = g_strdup (cs_model_name (run->pair->model[1]));
  result->base_hash = g_strdup (cs_model_hash (run->pair->model[0]));
  result->chat_hash = g_strdup (cs_model_hash (run->pair->model[1]));
  result->corpora = g_strdupv (run->conversations.corpora);
  result->layer = o->layer;
  result->n_documents = run->conversations.n;
  result->skip_documents = o->skip_documents;
  result->n_draws = o->n_draws > 0 ? o->n_draws : 1000;
  result->n_random = run->sets.n_sets - SET_FIRST_RANDOM;
  result->seed = o->seed;
  result->n_set = run->sets.n_asked;
  result->n_filtered = run->sets.size[SET_FILTERED];
  result->set_delta_norm = run->sets.lowest_delta_norm;
}

static void
run_clear (Run *run)
{
  for (size_t i = 0; i < run->n_workers && run->workers != NULL; i++)
    {
      Worker *w = &run->workers[i];

      for (int m = 0; m < 2; m++)
        g_clear_pointer (&w->session[m], cs_session_free);
      g_free (w->rows);
      g_free (w->patched);
      g_free (w->logits);
      g_free (w->log_p);
      g_free (w->best);
      cs_codes_clear (&w->codes);
      g_clear_error (&w->error);
    }
  g_free (run->workers);
  g_free (run->sums);
  cs_conversations_clear (&run->conversations);
  cs_latent_sets_clear (&run->sets);
  g_clear_pointer (&run->team, cs_team_free);
  g_clear_pointer (&run->crosscoder, cs_crosscoder_free);
  g_clear_pointer (&run->pair, cs_pair_free);
}

CsCausality *
cs_causality_run (CsJob *job, const CsCausalityOptions *options, GError **error)
{
  Run run = { .job = job, .options = options };
  g_autoptr (CsCausality) result = g_new0 (CsCausality, 1);
  bool ok = open_run (&run, error) && make_workers (&run, error) && run_all (&run, error);

  if (ok)
    {
      fill_settings (&run, result);
      cs_causality_summarise (result, run.arms.items, run.arms.n, &run.sets, run.sums);
      ok = check (result, error) && cs_causality_save (result, options->run_folder, error);
    }
  run_clear (&run);
  return ok ? g_steal_pointer (&result) : NULL;
}
