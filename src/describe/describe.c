#include "describe.h"

#include "describe-private.h"
#include "describe-prompt.h"
#include "errors.h"
#include "latents-exchange.h"

/* --- Opening --- */

static void
describe_clear (CsDescribe *d)
{
  g_clear_pointer (&d->client, cs_chat_client_free);
  g_clear_pointer (&d->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&d->store, cs_store_free);
  g_clear_pointer (&d->crosscoder, cs_crosscoder_free);
  g_clear_pointer (&d->team, cs_team_free);
  g_free (d->scales);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsDescribe, describe_clear)

static bool
open_run (CsDescribe *d, GError **error)
{
  const CsDescribeOptions *o = d->options;

  if (cs_attached_examples_exist (o->run_folder))
    {
      if (!o->score)
        return true;
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "The examples of %s came with it: descriptions can be scored only where it was analysed on a store.",
                   o->run_folder);
      return false;
    }
  if ((d->crosscoder = cs_crosscoder_load (o->run_folder, error)) == NULL ||
      (d->store = cs_store_open (o->store_path, false, error)) == NULL)
    return false;
  if (cs_store_info (d->store)->d_model != d->crosscoder->d_model || cs_store_n_documents (d->store) == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH, "%s does not fit the run %s: name the store that it was analysed on.",
                   o->store_path, o->run_folder);
      return false;
    }
  d->team = cs_team_new (0);
  d->scales = g_new (float, d->crosscoder->n_latents);
  cs_crosscoder_scales (d->crosscoder, d->team, d->scales);
  return true;
}

static bool
open_all (CsDescribe *d, GError **error)
{
  const CsDescribeOptions *o = d->options;

  if ((d->client = cs_chat_client_new (&o->server, error)) == NULL)
    return false;
  if (o->tokenizer_folder != NULL && (d->tokenizer = cs_tokenizer_open (o->tokenizer_folder, error)) == NULL)
    return false;
  return open_run (d, error);
}

/* --- One latent --- */

static GArray *
load_examples (CsDescribe *d, size_t latent, GError **error)
{
  if (d->store == NULL)
    return cs_attached_examples_load (d->options->run_folder, latent, CS_DESCRIBE_CONTEXT, 2 * CS_DESCRIBE_PER_GROUP, error);
  return cs_examples_load (d->options->run_folder, d->store, d->crosscoder, d->team, latent, CS_DESCRIBE_CONTEXT,
                           2 * CS_DESCRIBE_PER_GROUP, error);
}

/* Every second example of a group is held out. */
static void
split (const GArray *examples, GPtrArray *shown, GPtrArray *held_out)
{
  size_t in_group = 0;

  for (guint i = 0; i < examples->len; i++)
    {
      CsExample *example = &g_array_index (examples, CsExample, i);

      in_group = i > 0 && example->group == (example - 1)->group ? in_group + 1 : 0;
      g_ptr_array_add (in_group % 2 == 0 ? shown : held_out, example);
    }
}

/* What the model writes; NULL without error where it cannot be read. */
static char *
ask_for_description (CsDescribe *d, const GPtrArray *shown, GError **error)
{
  g_autofree char *question =
    cs_describe_question (d->tokenizer, (const CsExample *const *) (void *) shown->pdata, shown->len);
  g_autofree char *answer = cs_chat_client_ask (d->client, d->job, cs_describe_system, question, 0.6, CS_DESCRIBE_MAX_TOKENS,
                                                error);

  return answer != NULL ? cs_describe_parse (answer) : NULL;
}

static bool
describe_one (CsDescribe *d, size_t latent, CsDescribeFunc func, void *data, GError **error)
{
  g_autoptr (GArray) examples = load_examples (d, latent, error);
  g_autoptr (GPtrArray) shown = g_ptr_array_new (), held_out = g_ptr_array_new ();
  g_autofree char *text = NULL;
  GError *local = NULL;
  CsDescription result = { .latent = latent };

  if (examples == NULL)
    return false;
  split (examples, shown, held_out);
  if (examples->len > 0)
    text = ask_for_description (d, shown, &local);
  if (local != NULL)
    {
      g_propagate_error (error, local);
      return false;
    }
  result.text = text;
  if (text == NULL)
    result.problem = examples->len == 0 ? "it has no examples" : "the answer holds no description";
  result.scored = text != NULL && d->options->score && held_out->len > 0;
  if (result.scored && !cs_describe_score (d, latent, text, (const CsExample *const *) (void *) held_out->pdata,
                                           held_out->len, &result.score, error))
    return false;
  return func (data, &result, error);
}

bool
cs_describe (CsJob *job, const CsDescribeOptions *options, CsDescribeFunc func, void *data, GError **error)
{
  g_auto (CsDescribe) d = { .job = job, .options = options };

  if (!open_all (&d, error))
    return false;
  for (size_t i = 0; i < options->n_latents; i++)
    {
      g_autofree char *phase = g_strdup_printf ("Describing latent %zu", options->latents[i]);

      if (!cs_job_checkpoint (job, error))
        return false;
      cs_job_phase (job, phase);
      cs_job_progress (job, (double) i, (double) options->n_latents, "latents");
      if (!describe_one (&d, options->latents[i], func, data, error))
        return false;
    }
  cs_job_progress (job, (double) options->n_latents, (double) options->n_latents, "latents");
  return true;
}
