/* RUN/causality.json, and the same as a table to read. */
#include "causality.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

#define FORMAT_VERSION 1
#define MAX_ITEMS 4096

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
real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

static json_t *
string (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);

  return json_string (valid);
}

static json_t *
integer (size_t value)
{
  return json_integer ((json_int_t)value);
}

static json_t *
value_json (const CsCausalityValue *v)
{
  return json_pack ("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kl", real (v->kl), "lo", real (v->lo),
                    "hi", real (v->hi), "reduction", real (v->reduction), "reduction_lo",
                    real (v->reduction_lo), "reduction_hi", real (v->reduction_hi), "agreement",
                    real (v->agreement));
}

static json_t *
arm_json (const CsCausalityArm *arm)
{
  json_t *object = json_pack ("{s:o, s:b, s:o}", "name", string (arm->name), "from_chat",
                              (int)arm->from_chat, "latents", integer (arm->n_latents));

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    json_object_set_new (object, cs_causality_span_name (span), value_json (&arm->value[span]));
  return object;
}

static json_t *
contrast_json (const CsCausalityContrast *c)
{
  json_t *object = json_pack ("{s:o, s:o}", "a", string (c->a), "b", string (c->b));

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    json_object_set_new (object, cs_causality_span_name (span),
                         json_pack ("{s:o, s:o, s:o}", "difference", real (c->difference[span]),
                                    "lo", real (c->lo[span]), "hi", real (c->hi[span])));
  return object;
}

static json_t *
settings_json (const CsCausality *c)
{
  json_t *corpora = json_array (), *positions = json_object ();

  for (size_t i = 0; c->corpora != NULL && c->corpora[i] != NULL; i++)
    json_array_append_new (corpora, string (c->corpora[i]));
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    json_object_set_new (positions, cs_causality_span_name (span), integer (c->n_positions[span]));
  return json_pack (
      "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, "
      "s:o, s:o}}",
      "format_version", FORMAT_VERSION, "base_model", string (c->base_model), "base_hash",
      string (c->base_hash), "chat_model", string (c->chat_model), "chat_hash",
      string (c->chat_hash), "layer", integer (c->layer), "corpora", corpora, "documents",
      integer (c->n_documents), "skipped_documents", integer (c->skip_documents), "positions",
      positions, "bootstrap_draws", integer (c->n_draws), "random_draws", integer (c->n_random),
      "seed", json_integer ((json_int_t)c->seed), "set_asked", integer (c->n_set), "set_size",
      integer (c->n_filtered), "set_lowest_delta_norm", real (c->set_delta_norm), "self_checks",
      "chat_into_chat_kl", real (c->check_chat), "empty_set_difference", real (c->check_empty),
      "all_latents_identity", real (c->check_all));
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
read_doubles (json_t *object,
              const char *name,
              const char *const *keys,
              double *const *out,
              size_t n,
              GError **error)
{
  for (size_t i = 0; i < n; i++)
    if (!cs_json_get_double (object, name, keys[i], NAN, out[i], error))
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

  return read_doubles (object, name, keys, out, G_N_ELEMENTS (out), error);
}

static bool
bad (const char *name, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: %s; run the experiment again.", name, what);
  return false;
}

static bool
read_string (json_t *object, const char *name, const char *key, char **out, GError **error)
{
  const char *text;

  if (!cs_json_get_string (object, name, key, "", &text, error))
    return false;
  *out = g_strdup (text);
  return true;
}

static bool
read_arm (json_t *object, const char *name, CsCausalityArm *arm, GError **error)
{
  if (!json_is_object (object))
    return bad (name, "an arm is no object", error);
  if (!read_string (object, name, "name", &arm->name, error) ||
      !cs_json_get_bool (object, name, "from_chat", false, &arm->from_chat, error) ||
      !cs_json_get_size (object, name, "latents", 0, G_MAXUINT32, 0, &arm->n_latents, error))
    return false;
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      json_t *value = json_object_get (object, cs_causality_span_name (span));

      if (!json_is_object (value))
        return bad (name, "an arm lacks a span", error);
      if (!read_value (value, name, &arm->value[span], error))
        return false;
    }
  return true;
}

static bool
read_contrast (json_t *object, const char *name, CsCausalityContrast *c, GError **error)
{
  static const char *const keys[] = { "difference", "lo", "hi" };

  if (!json_is_object (object))
    return bad (name, "a difference is no object", error);
  if (!read_string (object, name, "a", &c->a, error) ||
      !read_string (object, name, "b", &c->b, error))
    return false;
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      double *const out[] = { &c->difference[span], &c->lo[span], &c->hi[span] };
      json_t *value = json_object_get (object, cs_causality_span_name (span));

      if (!json_is_object (value))
        return bad (name, "a difference lacks a span", error);
      if (!read_doubles (value, name, keys, out, 3, error))
        return false;
    }
  return true;
}

static bool
read_corpora (json_t *array, const char *name, CsCausality *c, GError **error)
{
  if (!json_is_array (array) || json_array_size (array) > MAX_ITEMS)
    return bad (name, "“corpora” is no list", error);
  c->corpora = g_new0 (char *, json_array_size (array) + 1);
  for (size_t i = 0; i < json_array_size (array); i++)
    {
      const char *text = json_string_value (json_array_get (array, i));

      if (text == NULL)
        return bad (name, "a corpus has no name", error);
      c->corpora[i] = g_strdup (text);
    }
  return true;
}

static bool
read_settings (json_t *root, const char *name, CsCausality *c, GError **error)
{
  json_t *positions = json_object_get (root, "positions");
  json_t *checks = json_object_get (root, "self_checks");
  size_t seed = 0;

  if (!json_is_object (positions) || !json_is_object (checks))
    return bad (name, "“positions” or “self_checks” is missing", error);
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    if (!cs_json_get_size (positions, name, cs_causality_span_name (span), 0, SIZE_MAX / 2, 0,
                           &c->n_positions[span], error))
      return false;
  if (!cs_json_get_size (root, name, "seed", 0, SIZE_MAX / 2, 0, &seed, error))
    return false;
  c->seed = seed;
  return read_string (root, name, "base_model", &c->base_model, error) &&
         read_string (root, name, "base_hash", &c->base_hash, error) &&
         read_string (root, name, "chat_model", &c->chat_model, error) &&
         read_string (root, name, "chat_hash", &c->chat_hash, error) &&
         cs_json_get_size (root, name, "layer", 0, 4096, 0, &c->layer, error) &&
         cs_json_get_size (root, name, "documents", 0, SIZE_MAX / 2, 0, &c->n_documents, error) &&
         cs_json_get_size (root, name, "skipped_documents", 0, SIZE_MAX / 2, 0, &c->skip_documents,
                           error) &&
         cs_json_get_size (root, name, "bootstrap_draws", 0, SIZE_MAX / 2, 0, &c->n_draws, error) &&
         cs_json_get_size (root, name, "random_draws", 0, MAX_ITEMS, 0, &c->n_random, error) &&
         cs_json_get_size (root, name, "set_asked", 0, G_MAXUINT32, 0, &c->n_set, error) &&
         cs_json_get_size (root, name, "set_size", 0, G_MAXUINT32, 0, &c->n_filtered, error) &&
         cs_json_get_double (root, name, "set_lowest_delta_norm", NAN, &c->set_delta_norm, error) &&
         cs_json_get_double (checks, name, "chat_into_chat_kl", NAN, &c->check_chat, error) &&
         cs_json_get_double (checks, name, "empty_set_difference", NAN, &c->check_empty, error) &&
         cs_json_get_double (checks, name, "all_latents_identity", NAN, &c->check_all, error) &&
         read_corpora (json_object_get (root, "corpora"), name, c, error);
}

static bool
read_lists (json_t *root, const char *name, CsCausality *c, GError **error)
{
  json_t *arms = json_object_get (root, "arms"), *contrasts = json_object_get (root, "contrasts");

  if (!json_is_array (arms) || !json_is_array (contrasts) || json_array_size (arms) > MAX_ITEMS ||
      json_array_size (contrasts) > MAX_ITEMS)
    return bad (name, "“arms” or “contrasts” is no list", error);
  c->arms = g_new0 (CsCausalityArm, json_array_size (arms) + 1);
  c->contrasts = g_new0 (CsCausalityContrast, json_array_size (contrasts) + 1);
  for (size_t i = 0; i < json_array_size (arms); i++)
    {
      c->n_arms = i + 1;
      if (!read_arm (json_array_get (arms, i), name, &c->arms[i], error))
        return false;
    }
  for (size_t i = 0; i < json_array_size (contrasts); i++)
    {
      c->n_contrasts = i + 1;
      if (!read_contrast (json_array_get (contrasts, i), name, &c->contrasts[i], error))
        return false;
    }
  return true;
}

CsCausality *
cs_causality_load (const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "causality.json", NULL);
  g_autoptr (json_t) root = cs_json_load (path, 0, error);
  g_autoptr (CsCausality) c = g_new0 (CsCausality, 1);
  size_t version = 0;

  if (root == NULL)
    return NULL;
  if (!json_is_object (root))
    {
      bad (path, "it is no object", error);
      return NULL;
    }
  if (!cs_json_get_size (root, path, "format_version", 1, 1 << 20, 0, &version, error))
    return NULL;
  if (version != FORMAT_VERSION)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s is of format %zu and this version reads %d: run the experiment again.", path,
                   version, FORMAT_VERSION);
      return NULL;
    }
  if (!read_settings (root, path, c, error) || !read_lists (root, path, c, error))
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
