#include <math.h>
#include <string.h>

#include "errors.h"
#include "file-replace.h"
#include "json.h"
#include "latents-exchange.h"
#include "neuronpedia-parts.h"
#include "store.h"
#include "tokenizer.h"

#define MAX_PRODUCTS 2e13 /* multiplications that logits may take */
#define CONTEXT 32 /* tokens to each side of an example's peak */

typedef struct
{
  const char *run_folder;
  const CsNeuronpediaOptions *options;
  CsLatents *latents;
  CsTokenizer *tokenizer;   /* NULL = no examples */
  CsStore *store;           /* NULL = attached examples, or none */
  CsCrosscoder *crosscoder; /* with a store or a pair */
  CsTeam *team;
  const CsPair *pair;       /* the caller's, where logits are told */
  uint32_t *histograms; /* of all latents; NULL = none */
  json_t *labels; /* the run's, or NULL */
} Export;

static void
export_clear (Export *e)
{
  cs_latents_free (e->latents);
  cs_tokenizer_unref (e->tokenizer);
  g_clear_pointer (&e->store, cs_store_free);
  cs_crosscoder_free (e->crosscoder);
  g_clear_pointer (&e->team, cs_team_free);
  g_free (e->histograms);
  json_decref (e->labels);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Export, export_clear)

static json_t *
number (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

static bool
open_examples (Export *e, GError **error)
{
  const CsNeuronpediaOptions *o = e->options;
  if (!o->tokenizer_folder)
    return true;
  if (!(e->tokenizer = cs_tokenizer_open (o->tokenizer_folder, error)))
    return false;
  if (!o->store_path)
    return true;
  e->team = cs_team_new (0);
  return (e->crosscoder = cs_crosscoder_load (e->run_folder, error)) &&
         (e->store = cs_store_open (o->store_path, false, error));
}

/* A product with the whole vocabulary for each latent. */
static const CsPair *
affordable_pair (const Export *e)
{
  const CsPair *pair = e->options->pair;
  const CsModelConfig *model = pair ? cs_model_config (pair->model[1]) : NULL;
  const double n = e->options->latent >= 0 ? 1 : (double)e->latents->n_latents;
  return model && n * (double)model->vocab_size * (double)model->d_model <= MAX_PRODUCTS ? pair : NULL;
}

/* Of an analysed run whose activations are at hand. */
static bool
count_activations (Export *e, CsJob *job, GError **error)
{
  const size_t F = e->latents->n_latents;
  g_autofree float *max_act = g_new (float, F);
  if (!e->store || e->crosscoder->n_latents != F || cs_run_needs_threshold (e->run_folder) ||
      cs_store_info (e->store)->d_model != e->crosscoder->d_model)
    return true;
  for (size_t j = 0; j < F; j++)
    max_act[j] = e->latents->rows[j].max_act;
  e->histograms = cs_neuronpedia_histograms (job, e->store, e->crosscoder, e->team, max_act, error);
  return e->histograms != NULL;
}

static bool
open_labels (Export *e, GError **error)
{
  if (!e->options->labels_path)
    return true;
  g_autofree char *name = g_path_get_basename (e->run_folder);
  g_autoptr (json_t) all = cs_json_load (e->options->labels_path, 0, error);
  e->labels = json_incref (json_object_get (all, name));
  return all != NULL;
}

static json_t *
activation (const Export *e, const CsExample *example, float max_act)
{
  const double top = (double)MAX (max_act, example->activation);
  const double floor = cs_example_group_floor[example->group];
  const double ceiling = example->group > 0 ? cs_example_group_floor[example->group - 1] : 1;
  json_t *tokens = json_array (), *values = json_array ();
  for (size_t t = 0; t < example->n; t++)
    {
      g_autofree char *text = cs_tokenizer_decode (e->tokenizer, &example->ids[t], 1, false);
      json_array_append_new (tokens, json_string (text));
      json_array_append_new (values, number ((double)example->values[t]));
    }
  json_t *out = json_object ();
  json_object_set_new (out, "tokens", tokens);
  json_object_set_new (out, "values", values);
  json_object_set_new (out, "bin_min", number (floor * top));
  json_object_set_new (out, "bin_max", number (ceiling * top));
  json_object_set_new (out, "bin_contains", json_null ());
  json_object_set_new (out, "qualifying_token_index",
                       json_integer ((json_int_t)(example->token - example->first)));
  json_object_set_new (out, "maxValue", number ((double)example->activation));
  return out;
}

static bool
add_activations (const Export *e, const CsLatentRow *row, json_t *feature, GError **error)
{
  const size_t per_group = e->options->per_group ? e->options->per_group : 5;
  json_t *list = json_array ();
  json_object_set_new (feature, "activations", list);
  if (!e->tokenizer)
    return true;
  const bool attached = cs_attached_examples_exist (e->run_folder);
  if (!attached && !e->store)
    return true;
  g_autoptr (GArray) examples =
      attached ? cs_attached_examples_load (e->run_folder, row->latent, CONTEXT, per_group, error)
               : cs_examples_load (e->run_folder, e->store, e->crosscoder, e->team, row->latent,
                                   CONTEXT, per_group, error);
  for (guint i = 0; examples && i < examples->len; i++)
    json_array_append_new (list,
                           activation (e, &g_array_index (examples, CsExample, i), row->max_act));
  return examples != NULL;
}

static void
add_explanations (const Export *e, const CsLatentRow *row, json_t *feature)
{
  g_autofree char *id = g_strdup_printf ("%u", row->latent);
  json_t *label = json_object_get (e->labels, id), *list = json_array ();
  const char *const keys[] = { "name", "note" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *text = json_string_value (json_object_get (label, keys[i]));
      if (!text || !*text)
        continue;
      json_t *explanation = json_object ();
      json_object_set_new (explanation, "description", json_string (text));
      json_object_set_new (explanation, "typeName", json_string (keys[i]));
      json_array_append_new (list, explanation);
    }
  json_object_set_new (feature, "explanations", list);
}

/* The crosscoder's own numbers under their field names, beside what Neuronpedia knows. */
static void
add_numbers (const CsLatentRow *row, json_t *feature)
{
  json_object_set_new (feature, "feature_index", json_integer (row->latent));
  json_object_set_new (feature, "index", json_integer (row->latent));
  json_object_set_new (feature, "frac_nonzero", number ((double)row->density));
  json_object_set_new (feature, "maxActApprox", number ((double)row->max_act));
  json_object_set_new (feature, "tag", json_string (cs_latent_class_name (row->tag)));
  json_object_set_new (feature, "delta_norm", number ((double)row->delta_norm));
  json_object_set_new (feature, "dec_base_norm", number ((double)row->dec_base_norm));
  json_object_set_new (feature, "dec_chat_norm", number ((double)row->dec_chat_norm));
  json_object_set_new (feature, "dec_cos_sim", number ((double)row->dec_cos_sim));
  json_object_set_new (feature, "nu_error", number ((double)row->nu_error));
  json_object_set_new (feature, "nu_reconstruction", number ((double)row->nu_reconstruction));
  json_object_set_new (feature, "chat_specific", json_boolean (row->chat_specific));
  /* Fields that Neuronpedia expects, of things that are not kept here. */
  static const char *const empty[] = { "logits_hist_data_bar_heights",
                                       "logits_hist_data_bar_values",
                                       "decoder_weights_dist" };
  for (size_t i = 0; i < G_N_ELEMENTS (empty); i++)
    json_object_set_new (feature, empty[i], json_array ());
}

static bool
write_json (CsFileReplace *file, json_t *value, const char *after, GError **error)
{
  char *text = json_dumps (value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
                                      JSON_REAL_PRECISION (9));
  const bool ok = cs_file_replace_write (file, text, strlen (text), error) &&
                  cs_file_replace_write (file, after, strlen (after), error);
  free (text);
  json_decref (value);
  return ok;
}

static bool
write_head (const Export *e, CsFileReplace *file, GError **error)
{
  const CsNeuronpediaOptions *o = e->options;
  g_autofree char *name = g_path_get_basename (e->run_folder),
                  *valid = g_utf8_make_valid (name, -1);
  g_autofree char *model = g_utf8_make_valid (o->model_id ? o->model_id : "", -1);
  g_autofree char *layer = o->layer >= 0 ? g_strdup_printf ("%ld", o->layer) : g_strdup ("null");
  return cs_file_replace_write (file, "{\"model_id\":", 12, error) &&
         write_json (file, json_string (model), ",\"layer\":", error) &&
         cs_file_replace_write (file, layer, strlen (layer), error) &&
         cs_file_replace_write (file, ",\"sae_set\":", 11, error) &&
         write_json (file, json_string (valid), ",\"features\":[\n", error);
}

static bool
write_features (const Export *e, CsJob *job, CsFileReplace *file, GError **error)
{
  const size_t first = e->options->latent >= 0 ? (size_t)e->options->latent : 0;
  const size_t end = e->options->latent >= 0 ? first + 1 : e->latents->n_latents;
  for (size_t j = first; j < end; j++)
    {
      json_t *feature = json_object ();
      add_numbers (&e->latents->rows[j], feature);
      add_explanations (e, &e->latents->rows[j], feature);
      cs_neuronpedia_add_logits (feature, e->pair, e->crosscoder, j);
      cs_neuronpedia_add_histogram (feature,
                                    e->histograms ? e->histograms + j * CS_NEURONPEDIA_BINS : NULL,
                                    e->latents->rows[j].max_act);
      if (!add_activations (e, &e->latents->rows[j], feature, error) ||
          (job && j % 64 == 0 && !cs_job_checkpoint (job, error)))
        {
          json_decref (feature);
          return false;
        }
      if (job)
        cs_job_progress (job, (double)(j + 1 - first), (double)(end - first), "latents");
      if (!write_json (file, feature, j + 1 < end ? ",\n" : "\n", error))
        return false;
    }
  return true;
}

bool
cs_latents_export_neuronpedia (CsJob *job,
                               const char *run_folder,
                               const CsNeuronpediaOptions *options,
                               const char *path,
                               GError **error)
{
  g_auto (Export) e = { .run_folder = run_folder, .options = options };
  if (!(e.latents = cs_latents_load (run_folder, error)) || !open_examples (&e, error) ||
      !open_labels (&e, error))
    return false;
  if (options->latent >= (long)e.latents->n_latents)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "There is no latent %ld: the run has 0 to %zu.",
                   options->latent, e.latents->n_latents - 1);
      return false;
    }
  e.pair = affordable_pair (&e);
  if ((e.pair && !e.crosscoder && !(e.crosscoder = cs_crosscoder_load (run_folder, error))) ||
      !count_activations (&e, job, error))
    return false;
  g_autoptr (CsFileReplace) file = cs_file_replace_new (path, error);
  return file && write_head (&e, file, error) && write_features (&e, job, file, error) &&
         cs_file_replace_write (file, "]}\n", 3, error) && cs_file_replace_commit (file, error);
}
