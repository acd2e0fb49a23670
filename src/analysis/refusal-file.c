/* Audits on disk: prompts as text, results as JSON and as tables. */
#include <math.h>
#include <string.h>

#include "errors.h"
#include "result-json.h"
#include "refusal-private.h"

#define FORMAT_VERSION 1
#define MAX_PROMPT_BYTES (16 << 20)
#define MAX_AUDIT_BYTES (64 << 20)
#define MAX_COUNT ((size_t)1 << 40)

static const char *const arm_names[CS_AUDIT_N_ARMS] = { "plain", "added", "ablated", "random-added",
                                                        "random-ablated" };
static const char *const set_names[2] = { "refuse", "comply" };

const char *
cs_audit_arm_name (CsAuditArm arm)
{
  g_return_val_if_fail ((unsigned)arm < CS_AUDIT_N_ARMS, NULL);
  return arm_names[arm];
}

/* --- Life --- */

void
cs_audit_prompt_clear (CsAuditPrompt *prompt)
{
  g_free (prompt->text);
  g_free (prompt->group);
}

static void
clear_prompt (void *data)
{
  cs_audit_prompt_clear (data);
}

static void
clear_group (void *data)
{
  g_free (((CsAuditGroup *)data)->group);
}

static void
clear_example (void *data)
{
  CsAuditExample *example = data;

  g_free (example->prompt);
  g_free (example->group);
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    g_free (example->answers[arm]);
}

GArray *
cs_audit_prompts_new (void)
{
  GArray *list = g_array_new (false, true, sizeof (CsAuditPrompt));

  g_array_set_clear_func (list, clear_prompt);
  return list;
}

void
cs_audit_init_lists (CsRefusalAudit *audit)
{
  audit->groups = g_array_new (false, true, sizeof (CsAuditGroup));
  audit->examples = g_array_new (false, true, sizeof (CsAuditExample));
  g_array_set_clear_func (audit->groups, clear_group);
  g_array_set_clear_func (audit->examples, clear_example);
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    audit->arms[arm].items = g_array_new (false, false, sizeof (CsSteerItem));
}

void
cs_refusal_audit_free (CsRefusalAudit *audit)
{
  if (audit == NULL)
    return;
  g_clear_pointer (&audit->latents, g_array_unref);
  g_clear_pointer (&audit->groups, g_array_unref);
  g_clear_pointer (&audit->examples, g_array_unref);
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    g_clear_pointer (&audit->arms[arm].items, g_array_unref);
  g_strfreev (audit->phrases);
  g_free (audit);
}

/* --- Prompts --- */

GArray *
cs_audit_prompts_load_text (const char *path, GError **error)
{
  g_autoptr (GArray) list = cs_audit_prompts_new ();
  g_autoptr (GError) reading = NULL;
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  size_t size = 0;

  if (!g_file_get_contents (path, &text, &size, &reading))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The prompts cannot be read: %s.",
                   reading->message);
      return NULL;
    }
  if (size > MAX_PROMPT_BYTES || !g_utf8_validate (text, (gssize)size, NULL))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s is not a list of prompts: it has to be UTF-8 text of at most 16 MiB.", path);
      return NULL;
    }
  lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    if (*g_strstrip (*line) != '\0')
      {
        CsAuditPrompt prompt = { g_strdup (*line), NULL };
        g_array_append_val (list, prompt);
      }
  return g_steal_pointer (&list);
}

/* --- To JSON --- */

static json_t *
string (const char *text)
{
  g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

  return valid != NULL ? json_string (valid) : json_null ();
}

static json_t *
rate_json (const CsAuditRate *rate)
{
  return json_pack ("{s:I, s:I, s:I, s:o, s:o, s:o}", "n", (json_int_t)rate->n, "refused",
                    (json_int_t)rate->refused, "garbled", (json_int_t)rate->garbled, "rate",
                    cs_result_real (rate->rate), "low", cs_result_real (rate->low), "high", cs_result_real (rate->high));
}

static json_t *
arm_json (const CsAuditArmResult *arm)
{
  json_t *object = json_object (), *items = json_array ();

  for (guint i = 0; i < arm->items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (arm->items, CsSteerItem, i);
      json_array_append_new (
          items, json_pack ("{s:I, s:s, s:s, s:o, s:o}", "latent", (json_int_t)item->latent, "mode",
                            cs_steer_mode_name (item->mode), "scope",
                            item->scope == CS_STEER_PROMPT_ONLY ? "prompt" : "all", "scale",
                            cs_result_real (item->scale), "max_act", cs_result_real (item->max_act)));
    }
  json_object_set_new (object, "items", items);
  for (int set = 0; set < 2; set++)
    {
      json_t *side = rate_json (&arm->rate[set]);

      json_object_set_new (side, "kl", cs_result_real (arm->kl[set]));
      json_object_set_new (side, "kl_first", cs_result_real (arm->kl_first[set]));
      json_object_set_new (object, set_names[set], side);
    }
  return object;
}

static json_t *
latent_json (const CsAuditLatent *l)
{
  return json_pack ("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "latent",
                    (json_int_t)l->latent, "auc", cs_result_real (l->auc), "auc_group", cs_result_real (l->auc_group),
                    "auc_held_out", cs_result_real (l->auc_held_out), "share", cs_result_real (l->share),
                    "mean_difference", cs_result_real (l->mean_difference), "delta_norm",
                    cs_result_real (l->delta_norm), "nu_error", cs_result_real (l->nu_error), "nu_reconstruction",
                    cs_result_real (l->nu_reconstruction), "max_act", cs_result_real (l->max_act), "chat_specific",
                    (int)l->chat_specific);
}

static json_t *
example_json (const CsAuditExample *example)
{
  json_t *object = json_pack ("{s:o, s:o, s:s}", "prompt", string (example->prompt), "group",
                              string (example->group), "set", set_names[example->set]);

  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    if (example->answers[arm] != NULL)
      json_object_set_new (object, arm_names[arm],
                           json_pack ("{s:o, s:b}", "answer", string (example->answers[arm]),
                                      "refused", (int)example->refused[arm]));
  return object;
}

static json_t *
groups_json (const CsRefusalAudit *audit)
{
  json_t *groups = json_array ();

  for (guint i = 0; i < audit->groups->len; i++)
    {
      const CsAuditGroup *g = &g_array_index (audit->groups, CsAuditGroup, i);
      json_array_append_new (
          groups, json_pack ("{s:o, s:s, s:o, s:o, s:o}", "group", string (g->group), "set",
                             set_names[g->set], "plain", rate_json (&g->plain), "ablated",
                             rate_json (&g->ablated), "added", rate_json (&g->added)));
    }
  return groups;
}

json_t *
cs_refusal_audit_to_json (const CsRefusalAudit *audit)
{
  json_t *root = json_pack (
      "{s:i, s:I, s:I, s:I, s:I, s:b}", "format_version", FORMAT_VERSION, "layer",
      (json_int_t)audit->layer, "refuse_prompts", (json_int_t)audit->n_prompts[CS_AUDIT_REFUSE],
      "comply_prompts", (json_int_t)audit->n_prompts[CS_AUDIT_COMPLY], "last_tokens",
      (json_int_t)audit->last_tokens, "chat_leaning", (int)audit->chat_leaning);
  json_t *arms = json_object (), *latents = json_array (), *examples = json_array (),
         *phrases = json_array ();

  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    json_object_set_new (arms, arm_names[arm], arm_json (&audit->arms[arm]));
  for (guint i = 0; i < audit->latents->len; i++)
    json_array_append_new (latents,
                           latent_json (&g_array_index (audit->latents, CsAuditLatent, i)));
  for (guint i = 0; i < audit->examples->len; i++)
    json_array_append_new (examples,
                           example_json (&g_array_index (audit->examples, CsAuditExample, i)));
  for (char **phrase = audit->phrases; phrase != NULL && *phrase != NULL; phrase++)
    json_array_append_new (phrases, string (*phrase));
  json_object_set_new (root, "arms", arms);
  json_object_set_new (root, "latents", latents);
  json_object_set_new (root, "groups", groups_json (audit));
  json_object_set_new (root, "examples", examples);
  json_object_set_new (root, "phrases", phrases);
  return root;
}

bool
cs_refusal_audit_save (const CsRefusalAudit *audit, const char *run_folder, GError **error)
{
  g_autoptr (json_t) root = cs_refusal_audit_to_json (audit);
  g_autofree char *path = g_build_filename (run_folder, "audit.json", NULL);

  return cs_json_save (root, path, error);
}

/* --- From JSON: what is not there or of another type is NaN, 0 or empty; what is wrong is refused
 * --- */

typedef struct
{
  const char *path;
  GError **error;
  bool ok;
} Reader;

static size_t
read_size (Reader *r, json_t *object, const char *key)
{
  size_t value = 0;

  r->ok = r->ok && cs_json_get_size (object, r->path, key, 0, MAX_COUNT, 0, &value, r->error);
  return value;
}

static double
read_real (Reader *r, json_t *object, const char *key)
{
  double value = NAN;

  r->ok = r->ok && cs_json_get_double (object, r->path, key, NAN, &value, r->error);
  return value;
}

static bool
read_bool (Reader *r, json_t *object, const char *key)
{
  bool value = false;

  r->ok = r->ok && cs_json_get_bool (object, r->path, key, false, &value, r->error);
  return value;
}

static char *
read_string (Reader *r, json_t *object, const char *key, const char *fallback)
{
  const char *value = fallback;

  r->ok = r->ok && cs_json_get_string (object, r->path, key, fallback, &value, r->error);
  return g_strdup (value);
}

static CsAuditRate
read_rate (Reader *r, json_t *object)
{
  const size_t n = read_size (r, object, "n"), refused = read_size (r, object, "refused");

  return cs_audit_rate (MIN (refused, n), MIN (read_size (r, object, "garbled"), n), n);
}

static int
read_set (json_t *object)
{
  return g_strcmp0 (json_string_value (json_object_get (object, "set")), set_names[1]) == 0;
}

static CsSteerItem
read_item (Reader *r, json_t *object)
{
  CsSteerItem item = { .latent = read_size (r, object, "latent") };
  const char *mode = json_string_value (json_object_get (object, "mode"));
  const char *scope = json_string_value (json_object_get (object, "scope"));

  item.mode =
      g_strcmp0 (mode, cs_steer_mode_name (CS_STEER_ABLATE)) == 0 ? CS_STEER_ABLATE : CS_STEER_ADD;
  item.scope = g_strcmp0 (scope, "prompt") == 0 ? CS_STEER_PROMPT_ONLY : CS_STEER_ALL_TOKENS;
  item.scale = read_real (r, object, "scale");
  item.max_act = read_real (r, object, "max_act");
  return item;
}

static void
read_arm (Reader *r, json_t *object, CsAuditArmResult *arm)
{
  json_t *value;
  size_t i;

  json_array_foreach (json_object_get (object, "items"), i, value)
  {
    CsSteerItem item = read_item (r, value);
    g_array_append_val (arm->items, item);
  }
  for (int set = 0; set < 2; set++)
    {
      json_t *side = json_object_get (object, set_names[set]);

      arm->rate[set] = read_rate (r, side);
      arm->kl[set] = read_real (r, side, "kl");
      arm->kl_first[set] = read_real (r, side, "kl_first");
    }
}

static CsAuditLatent
read_latent (Reader *r, json_t *object)
{
  return (CsAuditLatent){ .latent = read_size (r, object, "latent"),
                          .auc = read_real (r, object, "auc"),
                          .auc_group = read_real (r, object, "auc_group"),
                          .auc_held_out = read_real (r, object, "auc_held_out"),
                          .share = read_real (r, object, "share"),
                          .mean_difference = read_real (r, object, "mean_difference"),
                          .delta_norm = (float)read_real (r, object, "delta_norm"),
                          .nu_error = (float)read_real (r, object, "nu_error"),
                          .nu_reconstruction = (float)read_real (r, object, "nu_reconstruction"),
                          .max_act = (float)read_real (r, object, "max_act"),
                          .chat_specific = read_bool (r, object, "chat_specific") };
}

static void
read_example (Reader *r, json_t *object, GArray *examples)
{
  CsAuditExample example = { .set = read_set (object) };

  example.prompt = read_string (r, object, "prompt", "");
  example.group = read_string (r, object, "group", NULL);
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    {
      json_t *answer = json_object_get (object, arm_names[arm]);

      if (answer == NULL)
        continue;
      example.answers[arm] = read_string (r, answer, "answer", "");
      example.refused[arm] = read_bool (r, answer, "refused");
    }
  g_array_append_val (examples, example);
}

static void
read_lists (Reader *r, json_t *root, CsRefusalAudit *audit)
{
  g_autoptr (GStrvBuilder) phrases = g_strv_builder_new ();
  json_t *value;
  size_t i;

  json_array_foreach (json_object_get (root, "latents"), i, value)
  {
    CsAuditLatent latent = read_latent (r, value);
    g_array_append_val (audit->latents, latent);
  }
  json_array_foreach (json_object_get (root, "groups"), i, value)
  {
    CsAuditGroup group = { .set = read_set (value) };

    group.group = read_string (r, value, "group", "");
    group.plain = read_rate (r, json_object_get (value, "plain"));
    group.ablated = read_rate (r, json_object_get (value, "ablated"));
    group.added = read_rate (r, json_object_get (value, "added"));
    g_array_append_val (audit->groups, group);
  }
  json_array_foreach (json_object_get (root, "examples"), i, value)
      read_example (r, value, audit->examples);
  json_array_foreach (json_object_get (root, "phrases"), i, value) if (json_is_string (value))
      g_strv_builder_add (phrases, json_string_value (value));
  audit->phrases = g_strv_builder_end (phrases);
}

static bool
has_arms (json_t *arms)
{
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    for (int set = 0; set < 2; set++)
      if (!json_is_object (
              json_object_get (json_object_get (arms, arm_names[arm]), set_names[set])))
        return false;
  return true;
}

CsRefusalAudit *
cs_refusal_audit_load (const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "audit.json", NULL);
  g_autoptr (json_t) root = cs_json_load (path, MAX_AUDIT_BYTES, error);
  g_autoptr (CsRefusalAudit) audit = NULL;
  Reader r = { path, error, true };
  json_t *arms = json_object_get (root, "arms");

  if (root == NULL)
    return NULL;
  if (!has_arms (arms) || read_size (&r, root, "format_version") != FORMAT_VERSION)
    {
      if (r.ok)
        g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                     "%s is not an audit that this version reads: audit the run again.", path);
      return NULL;
    }
  audit = g_new0 (CsRefusalAudit, 1);
  audit->latents = g_array_new (false, false, sizeof (CsAuditLatent));
  cs_audit_init_lists (audit);
  audit->n_prompts[CS_AUDIT_REFUSE] = read_size (&r, root, "refuse_prompts");
  audit->n_prompts[CS_AUDIT_COMPLY] = read_size (&r, root, "comply_prompts");
  audit->layer = read_size (&r, root, "layer");
  audit->last_tokens = read_size (&r, root, "last_tokens");
  audit->chat_leaning = read_bool (&r, root, "chat_leaning");
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    read_arm (&r, json_object_get (arms, arm_names[arm]), &audit->arms[arm]);
  read_lists (&r, root, audit);
  return r.ok ? g_steal_pointer (&audit) : NULL;
}
