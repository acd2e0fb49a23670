#include "claims.h"

#include <math.h>
#include <string.h>

#include "scaling-intervals.h"

json_t *
cs_claims_real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

void
cs_claims_set_share (json_t *object, const char *key, size_t hits, size_t n)
{
  g_autofree char *name = g_strconcat (key, "_interval", NULL);
  double interval[2];

  cs_share_interval (hits, n, interval);
  json_object_set_new (object, key, cs_claims_real (n > 0 ? (double) hits / (double) n : NAN));
  json_object_set_new (object, name, json_pack ("[o, o]", cs_claims_real (interval[0]), cs_claims_real (interval[1])));
}

/* Whether an AUC of `true_auc` could have been seen as `auc`: |auc − true| ≤ 1.96 standard errors at the true one. */
static bool
auc_is_likely (double auc, double true_auc, double n_positive, double n_negative)
{
  const double n = (n_positive + n_negative) / 2, t = true_auc;
  const double variance =
    t * (1 - t) / (n_positive * n_negative) * (2 * n - 1 - (3 * n - 3) / ((2 - t) * (1 + t)));

  return fabs (auc - t) <= 1.959963984540054 * sqrt (MAX (variance, 0));
}

void
cs_claims_auc_interval (double auc, size_t n_positive, size_t n_negative, double interval[2])
{
  interval[0] = interval[1] = NAN;
  if (!(auc >= 0 && auc <= 1) || n_positive == 0 || n_negative == 0)
    return;
  for (int end = 0; end < 2; end++)
    {
      double likely = auc, beyond = end; /* 0 and 1 have no variance: they are likely only if they are the AUC */

      for (int i = 0; i < 60; i++)
        {
          const double middle = (likely + beyond) / 2;

          if (auc_is_likely (auc, middle, (double) n_positive, (double) n_negative))
            likely = middle;
          else
            beyond = middle;
        }
      interval[end] = likely;
    }
}

static json_t *
interval_json (const double interval[2])
{
  return json_pack ("[o, o]", cs_claims_real (interval[0]), cs_claims_real (interval[1]));
}

static json_t *
spread_json (const CsSpread *spread)
{
  return json_pack ("{s:I, s:o, s:o, s:o}", "n", (json_int_t) spread->n, "mean", cs_claims_real (spread->mean), "std",
                    cs_claims_real (spread->std), "interval", interval_json ((const double[]) { spread->low, spread->high }));
}

static json_t *
overlap_json (const CsOverlap *overlap)
{
  return json_pack ("{s:I, s:I, s:o, s:o}", "n", (json_int_t) overlap->n, "inside", (json_int_t) overlap->inside, "share",
                    cs_claims_real (overlap->share), "interval", interval_json (overlap->interval));
}

/* What Latent Scaling says beyond the counts. */
static void
add_scaling (json_t *object, const CsLatentSummary *s)
{
  json_t *more = json_pack (
    "{s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "chat_leaning_tested", (json_int_t) s->chat_leaning,
    "confirmed_share", cs_claims_real (s->confirmed_share), "confirmed_interval", interval_json (s->confirmed_interval),
    "chat_specific_surely", (json_int_t) s->chat_specific_surely, "chat_specific_possibly",
    (json_int_t) s->chat_specific_possibly, "chat_only_specific", (json_int_t) s->chat_only_specific, "base_leaning_tested",
    (json_int_t) s->base_leaning, "base_specific", (json_int_t) s->base_specific, "twins", (json_int_t) s->twins,
    "close_pairs", (json_int_t) s->close_pairs, "twin_divergence", cs_claims_real (s->twin_divergence), "identity_gap",
    cs_claims_real (s->identity_gap));

  json_object_update (object, more);
  json_decref (more);
  json_object_set_new (object, "shared_nu_error", spread_json (&s->shared_nu_error));
  json_object_set_new (object, "shared_nu_reconstruction", spread_json (&s->shared_nu_reconstruction));
  json_object_set_new (object, "chat_leaning_in_shared_nu_error", overlap_json (&s->leaning_error));
  json_object_set_new (object, "chat_leaning_in_shared_nu_reconstruction", overlap_json (&s->leaning_reconstruction));
  json_object_set_new (object, "chat_only_in_shared_nu_error", overlap_json (&s->only_error));
  json_object_set_new (object, "chat_only_in_shared_nu_reconstruction", overlap_json (&s->only_reconstruction));
}

json_t *
cs_claims_summary_json (const CsLatentSummary *s)
{
  json_t *object =
    json_pack ("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "latents", (json_int_t) s->latents, "dead",
               (json_int_t) s->dead, "base_only", (json_int_t) s->base_only, "shared", (json_int_t) s->shared, "chat_only",
               (json_int_t) s->chat_only, "other", (json_int_t) s->other, "tested", (json_int_t) s->tested, "chat_specific",
               (json_int_t) s->chat_specific, "fve_base", cs_claims_real (s->fve_base), "fve_chat",
               cs_claims_real (s->fve_chat), "l0", cs_claims_real (s->l0));

  add_scaling (object, s);
  return object;
}

static double
number (const json_t *object, const char *key)
{
  const json_t *value = json_object_get (object, key);

  return json_is_number (value) ? json_number_value (value) : NAN;
}

static const struct {
  const char *key, *title;
  int decimals;
} summary_rows[] = {
  { "latents", "latents", 0 },
  { "dead", "dead", 0 },
  { "base_only", "base-only (Δ_norm ≤ 0.1)", 0 },
  { "shared", "shared (0.4–0.6)", 0 },
  { "chat_only", "chat-only (≥ 0.9)", 0 },
  { "other", "other", 0 },
  { "chat_leaning_tested", "chat-leaning, tested", 0 },
  { "chat_specific", "chat-specific by Latent Scaling", 0 },
  { "chat_specific_surely", "… with the whole 95 % interval", 0 },
  { "base_specific", "base-specific along d_base", 0 },
  { "twins", "twins (cosine > 0.9)", 0 },
  { "fve_base", "FVE base", 3 },
  { "fve_chat", "FVE chat", 3 },
  { "l0", "L0", 1 },
};

/* Padded by characters, not bytes. */
static void
append_title (GString *text, const char *title)
{
  g_string_append_printf (text, "%s%*s", title, (int) (34 - g_utf8_strlen (title, -1)), "");
}

static void
append_cell (GString *text, double value, int decimals)
{
  if (isnan (value))
    g_string_append (text, "            –"); /* twelve wide */
  else
    g_string_append_printf (text, " %12.*f", decimals, value);
}

char *
cs_claims_summary_text (const json_t *summary)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (summary_rows); i++)
    if (json_object_get (summary, summary_rows[i].key) != NULL)
      {
        append_title (text, summary_rows[i].title);
        append_cell (text, number (summary, summary_rows[i].key), summary_rows[i].decimals);
        g_string_append_c (text, '\n');
      }
  return g_string_free (text, FALSE);
}

/* The runs, then their nulls: the same with the base model on both sides. */
static void
append_runs (GString *text, const json_t *demo)
{
  static const char *const keys[] = { "l1", "batchtopk", "null_l1", "null" };
  const json_t *runs[G_N_ELEMENTS (keys)];

  for (size_t k = 0; k < G_N_ELEMENTS (keys); k++)
    runs[k] = json_object_get (demo, keys[k]);
  g_string_append (text, "                                                                  base against itself\n"
                         "                                             L1    BatchTopK           L1    BatchTopK\n");
  for (size_t i = 0; i < G_N_ELEMENTS (summary_rows); i++)
    {
      append_title (text, summary_rows[i].title);
      for (size_t k = 0; k < G_N_ELEMENTS (keys); k++)
        append_cell (text, number (runs[k], summary_rows[i].key), summary_rows[i].decimals);
      g_string_append_c (text, '\n');
    }
}

static void
append_concepts (GString *text, json_t *concepts)
{
  const char *name;
  json_t *c;

  g_string_append (text, "\nbest chat-leaning latent of each concept (BatchTopK; AUC over held-out prompts)\n"
                         "concept                   latent     AUC  AUC(all)  Δ_norm     ν^ε     ν^r  Latent Scaling\n");
  json_object_foreach (concepts, name, c)
    if (!json_is_object (c))
      g_string_append_printf (text, "%-24s no latent leans to chat\n", name);
    else
      g_string_append_printf (text, "%-24s %7.0f  %6.3f  %8.3f  %6.3f  %6.3f  %6.3f  %s\n", name, number (c, "latent"),
                              number (c, "auc"), number (c, "auc_all"), number (c, "delta_norm"), number (c, "nu_error"),
                              number (c, "nu_reconstruction"),
                              json_is_true (json_object_get (c, "chat_specific")) ? "chat-specific" : "not confirmed");
}

static void
append_models (GString *text, const json_t *models)
{
  const char *name;
  json_t *share;

  g_string_append (text, "\nthe models, on held-out requests\n");
  json_object_foreach (json_object_get (models, "refused"), name, share)
    g_string_append_printf (text, "chat refuses %-25s %5.1f %%\n", name, 100 * json_number_value (share));
  g_string_append_printf (text, "chat refuses %-25s %5.1f %%\n", "harmless look-alikes", 100 * number (models, "lookalikes_refused"));
  g_string_append_printf (text, "base refuses %-25s %5.1f %%\n", "the same requests", 100 * number (models, "base_refused"));
  g_string_append_printf (text, "chat corrects %-24s %5.1f %%\n", "false premises", 100 * number (models, "false_premise_corrected"));
  g_string_append_printf (text, "chat answers %-25s %5.1f %%\n", "true premises straight", 100 * number (models, "true_premise_answered"));
}

static void
append_steering (GString *text, const json_t *steering)
{
  const json_t *plain = json_object_get (steering, "plain"), *added = json_object_get (steering, "added"),
               *ablated = json_object_get (steering, "ablated");

  if (!json_is_object (steering))
    return; /* nothing leans to chat: there was nothing to steer with */
  g_string_append (text, "\nsteering the chat model                 harmless refused   harmful refused\n");
  g_string_append_printf (text, "plain                                          %5.1f %%          %5.1f %%\n",
                          100 * number (plain, "harmless_refused"), 100 * number (plain, "harmful_refused"));
  g_string_append_printf (text, "latent %5.0f added, %.2f × its maximum          %5.1f %%\n", number (added, "latent"),
                          number (added, "scale"), 100 * number (added, "harmless_refused"));
  g_string_append_printf (text, "%zu refusal latents ablated                                       %5.1f %%\n",
                          json_array_size (json_object_get (ablated, "latents")), 100 * number (ablated, "harmful_refused"));
}

char *
cs_claims_text (const json_t *demo)
{
  GString *text = g_string_new (NULL);

  append_runs (text, demo);
  append_concepts (text, json_object_get (demo, "concepts"));
  append_models (text, json_object_get (demo, "models"));
  append_steering (text, json_object_get (demo, "steering"));
  g_string_append_printf (text, "\n%.0f s in all\n", number (demo, "seconds"));
  return g_string_free (text, FALSE);
}
