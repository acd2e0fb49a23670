/* RUN/causality.json, and the same as a table to read. */
#include "causality.h"

#include <string.h>

#include "result-json.h"

#define FORMAT_VERSION 1

const char *
cs_causality_span_name (CsCausalitySpan span)
{
  static const char *const names[] = { "all", "first9", "opening" };

  return names[span];
}

void
cs_causality_free (CsCausality *c)
{
  if (c == NULL)
    return;
  for (size_t i = 0; i < c->n_arms && c->arms != NULL; i++)
    g_free (c->arms[i].name);
  for (size_t i = 0; i < c->n_contrasts && c->contrasts != NULL; i++)
    {
      g_free (c->contrasts[i].a);
      g_free (c->contrasts[i].b);
    }
  g_free (c->arms);
  g_free (c->contrasts);
  g_free (c->base_model);
  g_free (c->chat_model);
  g_free (c->base_hash);
  g_free (c->chat_hash);
  g_strfreev (c->corpora);
  g_free (c);
}

/* --- Writing --- */

static json_t *
value_json (const CsCausalityValue *v)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kl", cs_result_real (v->kl), "lo",
                    cs_result_real (v->lo), "hi", cs_result_real (v->hi), "reduction",
                    cs_result_real (v->reduction), "reduction_lo", cs_result_real (v->reduction_lo),
                    "reduction_hi", cs_result_real (v->reduction_hi), "agreement",
                    cs_result_real (v->agreement));
}

static json_t *
arm_json (const CsCausalityArm *arm)
{
  json_t *object = json_pack ("{s:o, s:b, s:o}", "name", cs_result_text (arm->name), "from_chat",
                              (int)arm->from_chat, "latents", cs_result_size (arm->n_latents));

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    json_object_set_new (object, cs_causality_span_name (span), value_json (&arm->value[span]));
  return object;
}

static json_t *
contrast_json (const CsCausalityContrast *c)
{
  json_t *object = json_pack ("{s:o, s:o}", "a", cs_result_text (c->a), "b", cs_result_text (c->b));

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    json_object_set_new (
        object, cs_causality_span_name (span),
        json_pack ("{s:o, s:o, s:o}", "difference", cs_result_real (c->difference[span]), "lo",
                   cs_result_real (c->lo[span]), "hi", cs_result_real (c->hi[span])));
  return object;
}

static json_t *
settings_json (const CsCausality *c)
{
  json_t *positions = json_object ();

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    json_object_set_new (positions, cs_causality_span_name (span),
                         cs_result_size (c->n_positions[span]));
  return json_pack (
      "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, "
      "s:o, s:o}}",
      "format_version", FORMAT_VERSION, "base_model", cs_result_text (c->base_model), "base_hash",
      cs_result_text (c->base_hash), "chat_model", cs_result_text (c->chat_model), "chat_hash",
      cs_result_text (c->chat_hash), "layer", cs_result_size (c->layer), "corpora",
      cs_result_names (c->corpora), "documents", cs_result_size (c->n_documents),
      "skipped_documents", cs_result_size (c->skip_documents), "positions", positions,
      "bootstrap_draws", cs_result_size (c->n_draws), "random_draws", cs_result_size (c->n_random),
      "seed", json_integer ((json_int_t)c->seed), "set_asked", cs_result_size (c->n_set),
      "set_size", cs_result_size (c->n_filtered), "set_lowest_delta_norm",
      cs_result_real (c->set_delta_norm), "self_checks", "chat_into_chat_kl",
      cs_result_real (c->check_chat), "empty_set_difference", cs_result_real (c->check_empty),
      "all_latents_identity", cs_result_real (c->check_all));
}

bool
cs_causality_save (const CsCausality *causality, const char *run_folder, GError **error)
{
  g_autoptr (json_t) root = settings_json (causality);
  g_autofree char *path = g_build_filename (run_folder, "causality.json", NULL);
  json_t *arms = json_array (), *contrasts = json_array ();

  for (size_t i = 0; i < causality->n_arms; i++)
    json_array_append_new (arms, arm_json (&causality->arms[i]));
  for (size_t i = 0; i < causality->n_contrasts; i++)
    json_array_append_new (contrasts, contrast_json (&causality->contrasts[i]));
  json_object_set_new (root, "arms", arms);
  json_object_set_new (root, "contrasts", contrasts);
  return cs_json_save (root, path, error);
}

/* --- Reading --- */

static bool
read_reals (json_t *object,
            const char *name,
            const char *const *keys,
            double *const *out,
            size_t n,
            GError **error)
{
  for (size_t i = 0; i < n; i++)
    if (!cs_result_get_real (object, name, keys[i], out[i], error))
      return false;
  return true;
}

static bool
read_value (json_t *object, const char *name, CsCausalityValue *v, GError **error)
{
  static const char *const keys[] = { "kl",           "lo",           "hi",       "reduction",
                                      "reduction_lo", "reduction_hi", "agreement" };
  double *const out[] = { &v->kl,           &v->lo,           &v->hi,       &v->reduction,
                          &v->reduction_lo, &v->reduction_hi, &v->agreement };

  return read_reals (object, name, keys, out, G_N_ELEMENTS (out), error);
}

static bool
read_arm (json_t *object, const char *name, void *item, GError **error)
{
  CsCausalityArm *arm = item;

  if (!cs_result_get_text (object, name, "name", &arm->name, error) ||
      !cs_json_get_bool (object, name, "from_chat", false, &arm->from_chat, error) ||
      !cs_result_get_size (object, name, "latents", &arm->n_latents, error))
    return false;
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      json_t *value = json_object_get (object, cs_causality_span_name (span));

      if (!json_is_object (value))
        return cs_result_refuse (name, "an arm lacks a span", error);
      if (!read_value (value, name, &arm->value[span], error))
        return false;
    }
  return true;
}

static bool
read_contrast (json_t *object, const char *name, void *item, GError **error)
{
  static const char *const keys[] = { "difference", "lo", "hi" };
  CsCausalityContrast *c = item;

  if (!cs_result_get_text (object, name, "a", &c->a, error) ||
      !cs_result_get_text (object, name, "b", &c->b, error))
    return false;
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      double *const out[] = { &c->difference[span], &c->lo[span], &c->hi[span] };
      json_t *value = json_object_get (object, cs_causality_span_name (span));

      if (!json_is_object (value))
        return cs_result_refuse (name, "a difference lacks a span", error);
      if (!read_reals (value, name, keys, out, 3, error))
        return false;
    }
  return true;
}

static bool
read_positions (json_t *root, const char *name, CsCausality *c, GError **error)
{
  json_t *positions = json_object_get (root, "positions");

  if (!json_is_object (positions))
    return cs_result_refuse (name, "“positions” is missing", error);
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    if (!cs_result_get_size (positions, name, cs_causality_span_name (span), &c->n_positions[span],
                             error))
      return false;
  return true;
}

static bool
read_checks (json_t *root, const char *name, CsCausality *c, GError **error)
{
  json_t *checks = json_object_get (root, "self_checks");

  if (!json_is_object (checks))
    return cs_result_refuse (name, "“self_checks” is missing", error);
  return cs_result_get_real (checks, name, "chat_into_chat_kl", &c->check_chat, error) &&
         cs_result_get_real (checks, name, "empty_set_difference", &c->check_empty, error) &&
         cs_result_get_real (checks, name, "all_latents_identity", &c->check_all, error);
}

static bool
read_settings (json_t *root, const char *name, CsCausality *c, GError **error)
{
  size_t seed = 0;

  if (!cs_result_get_size (root, name, "seed", &seed, error))
    return false;
  c->seed = seed;
  return cs_result_get_text (root, name, "base_model", &c->base_model, error) &&
         cs_result_get_text (root, name, "base_hash", &c->base_hash, error) &&
         cs_result_get_text (root, name, "chat_model", &c->chat_model, error) &&
         cs_result_get_text (root, name, "chat_hash", &c->chat_hash, error) &&
         cs_result_get_size (root, name, "layer", &c->layer, error) &&
         cs_result_get_size (root, name, "documents", &c->n_documents, error) &&
         cs_result_get_size (root, name, "skipped_documents", &c->skip_documents, error) &&
         cs_result_get_size (root, name, "bootstrap_draws", &c->n_draws, error) &&
         cs_result_get_size (root, name, "random_draws", &c->n_random, error) &&
         cs_result_get_size (root, name, "set_asked", &c->n_set, error) &&
         cs_result_get_size (root, name, "set_size", &c->n_filtered, error) &&
         cs_result_get_real (root, name, "set_lowest_delta_norm", &c->set_delta_norm, error) &&
         cs_result_get_names (root, name, "corpora", &c->corpora, error);
}

CsCausality *
cs_causality_load (const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "causality.json", NULL);
  g_autoptr (json_t) root = cs_result_open (path, FORMAT_VERSION, error);
  g_autoptr (CsCausality) c = g_new0 (CsCausality, 1);

  if (root == NULL || !read_settings (root, path, c, error) ||
      !read_positions (root, path, c, error) || !read_checks (root, path, c, error) ||
      !cs_result_get_list (root, path, "arms", read_arm, sizeof *c->arms, (void **)&c->arms,
                           &c->n_arms, error) ||
      !cs_result_get_list (root, path, "contrasts", read_contrast, sizeof *c->contrasts,
                           (void **)&c->contrasts, &c->n_contrasts, error))
    return NULL;
  return g_steal_pointer (&c);
}

/* --- Text --- */

static void
append_arm (GString *text, const CsCausalityArm *arm)
{
  g_autofree char *latents =
      arm->n_latents > 0 ? g_strdup_printf ("%zu", arm->n_latents) : g_strdup ("");

  g_string_append_printf (text, "%-22s %7s", arm->name, latents);
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      const CsCausalityValue *v = &arm->value[span];
      g_autofree char *interval = g_strdup_printf ("[%.3f, %.3f]", v->lo, v->hi);

      g_string_append_printf (text, "  %6.3f %-15s %4.0f %%", v->kl, interval, 100 * v->reduction);
    }
  g_string_append_c (text, '\n');
}

static void
append_contrast (GString *text, const CsCausalityContrast *c)
{
  g_autofree char *name = g_strdup_printf ("%s − %s", c->a, c->b);

  g_string_append_printf (text, "%s%*s", name, (int)MAX (0, 44 - g_utf8_strlen (name, -1)), "");
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    g_string_append_printf (text, "  %+.3f [%+.3f, %+.3f]", c->difference[span], c->lo[span],
                            c->hi[span]);
  g_string_append_c (text, '\n');
}

char *
cs_causality_text (const CsCausality *c)
{
  GString *text = g_string_new (NULL);

  g_string_append_printf (
      text,
      "KL to the chat model with 95 %% intervals, and the part of “none” that is gone; %zu "
      "conversations, layer %zu.\n%-22s %7s  %-29s  %-29s  %s\n",
      c->n_documents, c->layer, "", "latents", "all answer tokens", "first 9", "first token");
  for (size_t i = 0; i < c->n_arms; i++)
    append_arm (text, &c->arms[i]);
  g_string_append (text, "\nDifferences of KL (above 0: the second is nearer to chat)\n");
  for (size_t i = 0; i < c->n_contrasts; i++)
    append_contrast (text, &c->contrasts[i]);
  g_string_append_printf (
      text,
      "\nThe set: the %zu latents that lean furthest to chat (Δ_norm ≥ %.2f), %zu with usable "
      "ratios; halves of %zu.\nSelf-checks: chat into chat KL %.1e; empty set off by %.1e; all "
      "latents off by %.1e of the activations' norm.\n",
      c->n_set, c->set_delta_norm, c->n_filtered, c->n_filtered / 2, c->check_chat, c->check_empty,
      c->check_all);
  return g_string_free (text, FALSE);
}
