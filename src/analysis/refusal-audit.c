/* The order of a refusal audit. */
#include "refusal-audit.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "random.h"
#include "refusal-private.h"

#define MIN_PROMPTS 4
#define MAX_PROMPTS 100000
#define RANDOM_STREAM 0x617564 /* of the seed: random latents */

/* --- Defaults and checks --- */

static size_t
or_default (size_t value, size_t otherwise)
{
  return value > 0 ? value : otherwise;
}

static CsAuditOptions
fill_options (const CsAuditOptions *given)
{
  CsAuditOptions o = *given;

  o.last_tokens = or_default (o.last_tokens, 5);
  o.keep_latents = or_default (o.keep_latents, 20);
  o.max_tokens = or_default (o.max_tokens, 32);
  o.choose_prompts = or_default (o.choose_prompts, 32);
  o.add_candidates = or_default (o.add_candidates, 4);
  o.ablate_candidates = or_default (o.ablate_candidates, 12);
  o.max_ablated = or_default (o.max_ablated, 6);
  o.n_examples = or_default (o.n_examples, 6);
  return o;
}

static bool
usage (GError **error, const char *sentence)
{
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, sentence);
  return false;
}

static bool
check (const CsAuditWork *work, GError **error)
{
  for (int set = 0; set < 2; set++)
    if (work->prompts[set]->len < MIN_PROMPTS || work->prompts[set]->len > MAX_PROMPTS)
      return usage (error, "An audit needs 4 to 100,000 prompts of each kind: those to be refused "
                           "and those to be answered.");
  if (work->pair->chat == NULL)
    return usage (error, "The chat model has no chat template that this version knows: refusals "
                         "cannot be audited without one.");
  if (work->latents->n_latents != work->crosscoder->n_latents)
    return usage (error, "The analysis is of another crosscoder than the run holds: analyse the "
                         "run again.");
  if (work->crosscoder->d_model != cs_model_config (work->pair->model[0])->d_model)
    return usage (error, "The crosscoder was trained on models of another width: name the pair "
                         "that it was trained on.");
  for (size_t i = 0; i < work->options.n_chosen; i++)
    if (work->options.chosen[i] >= work->latents->n_latents)
      return usage (error, "A chosen latent is not one of the crosscoder's: choose others.");
  return true;
}

/* --- Arms --- */

static CsSteerItem
chosen_item (const CsAuditWork *work, size_t latent, CsSteerMode mode)
{
  return (CsSteerItem){ .latent = latent,
                        .mode = mode,
                        .scope = CS_STEER_ALL_TOKENS,
                        .scale = 1,
                        .max_act = work->latents->rows[latent].max_act };
}

/* The user's own latents: all are ablated; the first is added, at the scale that does most. */
static bool
use_chosen (CsAuditWork *work, CsRefusalAudit *audit, GError **error)
{
  const size_t first = work->options.chosen[0];
  g_autoptr (GArray) candidates = g_array_new (false, false, sizeof (size_t));

  for (size_t i = 0; i < work->options.n_chosen; i++)
    {
      CsSteerItem item = chosen_item (work, work->options.chosen[i], CS_STEER_ABLATE);
      g_array_append_val (audit->arms[CS_AUDIT_ABLATED].items, item);
    }
  g_array_append_val (candidates, first);
  return cs_audit_choose_added (work, candidates, audit->arms[CS_AUDIT_ADDED].items, error);
}

static bool
is_used (const CsRefusalAudit *audit, const GArray *items, size_t latent)
{
  const GArray *lists[] = { items, audit->arms[CS_AUDIT_ADDED].items,
                            audit->arms[CS_AUDIT_ABLATED].items };

  for (size_t k = 0; k < G_N_ELEMENTS (lists); k++)
    for (guint i = 0; i < lists[k]->len; i++)
      if (g_array_index (lists[k], CsSteerItem, i).latent == latent)
        return true;
  return false;
}

/* Latents drawn from all that are alive and not among the chosen; fewer where there are no more. */
static void
draw_controls (const CsAuditWork *work, CsRefusalAudit *audit, CsAuditArm like, CsAuditArm arm)
{
  const GArray *model = audit->arms[like].items;
  GArray *items = audit->arms[arm].items;
  const size_t n = work->latents->n_latents;
  g_autofree uint32_t *order = g_new (uint32_t, MAX (n, 1));
  CsRandom random;

  cs_random_init (&random, work->options.seed, RANDOM_STREAM + (uint64_t)arm);
  cs_random_permutation (&random, order, n);
  for (size_t i = 0; i < n && items->len < model->len; i++)
    if (!work->latents->rows[order[i]].dead && !is_used (audit, items, order[i]))
      {
        CsSteerItem item = g_array_index (model, CsSteerItem, items->len);

        item.latent = order[i];
        item.max_act = work->latents->rows[order[i]].max_act;
        g_array_append_val (items, item);
      }
}

/* --- Measuring --- */

typedef struct
{
  CsAuditList list;
  char **answers[CS_AUDIT_N_ARMS]; /* [n] each; NULL where the arm was not measured */
  GArray **plain_ids;              /* [n] */
} Measured;

static void
measured_clear (Measured *m)
{
  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    {
      for (size_t i = 0; m->answers[arm] != NULL && i < m->list.n; i++)
        g_free (m->answers[arm][i]);
      g_free (m->answers[arm]);
    }
  for (size_t i = 0; m->plain_ids != NULL && i < m->list.n; i++)
    g_clear_pointer (&m->plain_ids[i], g_array_unref);
  g_free (m->plain_ids);
  g_free (m->list.prompts);
}

/* The rate of one arm over the prompts of a group; NULL: of all. */
static CsAuditRate
rate_of (const CsAuditWork *work, const Measured *m, CsAuditArm arm, const char *group)
{
  size_t n = 0, refused = 0, garbled = 0;

  for (size_t i = 0; m->answers[arm] != NULL && i < m->list.n; i++)
    if (group == NULL || g_strcmp0 (m->list.prompts[i]->group, group) == 0)
      {
        bool is_refusal, is_garbled;

        cs_audit_judge (work->rule, m->answers[arm][i], &is_refusal, &is_garbled);
        n++;
        refused += is_refusal;
        garbled += is_garbled;
      }
  return cs_audit_rate (refused, garbled, n);
}

static bool
measure_arm (CsAuditWork *work,
             CsRefusalAudit *audit,
             CsAuditArm arm,
             int set,
             Measured *m,
             GError **error)
{
  CsAuditArmResult *result = &audit->arms[arm];
  const CsSteerItem *items = (const CsSteerItem *)(const void *)result->items->data;
  const size_t n_items = result->items->len;

  result->kl[set] = result->kl_first[set] = arm == CS_AUDIT_PLAIN ? 0 : NAN;
  result->rate[set] = cs_audit_rate (0, 0, 0);
  if (arm != CS_AUDIT_PLAIN && n_items == 0)
    return true;
  m->answers[arm] = g_new0 (char *, m->list.n + 1);
  if (!cs_audit_answers (work, &m->list, items, n_items, m->answers[arm],
                         arm == CS_AUDIT_PLAIN ? m->plain_ids : NULL, error))
    return false;
  result->rate[set] = rate_of (work, m, arm, NULL);
  return arm == CS_AUDIT_PLAIN || cs_audit_kl (work, &m->list, m->plain_ids, items, n_items,
                                               &result->kl[set], &result->kl_first[set], error);
}

static bool
has_group (const CsRefusalAudit *audit, int set, const char *group)
{
  for (guint i = 0; i < audit->groups->len; i++)
    {
      const CsAuditGroup *g = &g_array_index (audit->groups, CsAuditGroup, i);
      if (g->set == set && g_str_equal (g->group, group))
        return true;
    }
  return false;
}

static void
add_groups (const CsAuditWork *work, CsRefusalAudit *audit, int set, const Measured *m)
{
  for (size_t i = 0; i < m->list.n; i++)
    {
      const char *name = m->list.prompts[i]->group;
      CsAuditGroup group = { .set = set };

      if (name == NULL || *name == '\0' || has_group (audit, set, name))
        continue;
      group.group = g_strdup (name);
      group.plain = rate_of (work, m, CS_AUDIT_PLAIN, name);
      group.ablated = rate_of (work, m, CS_AUDIT_ABLATED, name);
      group.added = rate_of (work, m, CS_AUDIT_ADDED, name);
      g_array_append_val (audit->groups, group);
    }
}

static void
add_examples (const CsAuditWork *work, CsRefusalAudit *audit, int set, const Measured *m)
{
  for (size_t i = 0; i < MIN (m->list.n, work->options.n_examples); i++)
    {
      CsAuditExample example = { .set = set };
      bool garbled;

      example.prompt = g_strdup (m->list.prompts[i]->text);
      example.group = g_strdup (m->list.prompts[i]->group);
      for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
        if (m->answers[arm] != NULL)
          {
            example.answers[arm] = g_strdup (m->answers[arm][i]);
            cs_audit_judge (work->rule, m->answers[arm][i], &example.refused[arm], &garbled);
          }
      g_array_append_val (audit->examples, example);
    }
}

static bool
measure_set (CsAuditWork *work, CsRefusalAudit *audit, int set, GError **error)
{
  Measured m = { .list = cs_audit_half (work, set, CS_AUDIT_MEASURE, 0) };
  bool ok = true;

  m.plain_ids = g_new0 (GArray *, m.list.n + 1);
  for (int arm = 0; arm < CS_AUDIT_N_ARMS && ok; arm++)
    ok = measure_arm (work, audit, (CsAuditArm)arm, set, &m, error);
  if (ok)
    {
      add_groups (work, audit, set, &m);
      add_examples (work, audit, set, &m);
    }
  measured_clear (&m);
  return ok;
}

/* --- The whole --- */

static void
say (const CsAuditWork *work, const char *phase)
{
  if (work->job != NULL)
    cs_job_phase (work->job, phase);
}

static void
plan (CsAuditWork *work)
{
  const CsAuditOptions *o = &work->options;
  const size_t chosen = MIN (o->choose_prompts, work->prompts[CS_AUDIT_COMPLY]->len / 2);

  work->planned = o->add_candidates * CS_CHOOSE_TRIALS * chosen;
  if (o->n_chosen == 0)
    work->planned += o->ablate_candidates * 3 * chosen;
  work->planned += CS_AUDIT_N_ARMS * (work->prompts[0]->len + work->prompts[1]->len) / 2;
}

static bool
choose (CsAuditWork *work, CsRefusalAudit *audit, GError **error)
{
  g_autoptr (GArray) added = g_array_new (false, false, sizeof (size_t));
  g_autoptr (GArray) ablated = g_array_new (false, false, sizeof (size_t));

  if (!cs_audit_candidates (work, audit->latents, audit->chat_leaning, added, ablated, error))
    return false;
  if (work->options.n_chosen > 0)
    return use_chosen (work, audit, error);
  return cs_audit_choose_added (work, added, audit->arms[CS_AUDIT_ADDED].items, error) &&
         cs_audit_choose_ablated (work, ablated, audit->arms[CS_AUDIT_ABLATED].items, error);
}

static bool
carry_out (CsAuditWork *work, CsRefusalAudit *audit, GError **error)
{
  say (work, "Ranking the latents");
  audit->latents = cs_audit_rank (work, &audit->chat_leaning, error);
  if (audit->latents == NULL)
    return false;
  say (work, "Choosing what to add and what to ablate");
  if (!choose (work, audit, error))
    return false;
  if (audit->latents->len > work->options.keep_latents)
    g_array_set_size (audit->latents, (guint)work->options.keep_latents);
  draw_controls (work, audit, CS_AUDIT_ADDED, CS_AUDIT_RANDOM_ADDED);
  draw_controls (work, audit, CS_AUDIT_ABLATED, CS_AUDIT_RANDOM_ABLATED);
  say (work, "Measuring refusals");
  return measure_set (work, audit, CS_AUDIT_REFUSE, error) &&
         measure_set (work, audit, CS_AUDIT_COMPLY, error);
}

CsRefusalAudit *
cs_refusal_audit (CsJob *job,
                  const CsPair *pair,
                  const CsCrosscoder *crosscoder,
                  const CsLatents *latents,
                  const GArray *refuse,
                  const GArray *comply,
                  const CsRefusalRule *rule,
                  const CsAuditOptions *options,
                  GError **error)
{
  g_autoptr (CsRefusalAudit) audit = g_new0 (CsRefusalAudit, 1);
  CsAuditWork work = { .job = job,
                       .pair = pair,
                       .crosscoder = crosscoder,
                       .latents = latents,
                       .rule = rule,
                       .options = fill_options (options),
                       .prompts = { refuse, comply } };
  bool ok;

  cs_audit_init_lists (audit);
  if (!check (&work, error))
    return NULL;
  work.team = cs_team_new (options->n_threads);
  audit->n_prompts[CS_AUDIT_REFUSE] = refuse->len;
  audit->n_prompts[CS_AUDIT_COMPLY] = comply->len;
  audit->layer = options->layer;
  audit->last_tokens = work.options.last_tokens;
  audit->phrases = g_strdupv ((char **)(uintptr_t)cs_refusal_rule_phrases (rule));
  plan (&work);
  ok = carry_out (&work, audit, error);
  cs_team_free (work.team);
  return ok ? g_steal_pointer (&audit) : NULL;
}
