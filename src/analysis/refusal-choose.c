/* Which latents to add and to ablate, chosen on the half of the prompts that is not measured. */
#include "direction-shares.h"
#include "refusal-private.h"

#define ENOUGH 0.02 /* share of the prompts below which no more latents are ablated */
#define ABLATE_MIN_DELTA                                                                           \
  0.4               /* shared latents may carry a refusal too; base-leaning ones are left          \
                     * alone */
#define MIN_GROUP 4 /* prompts */

/* --- Candidates --- */

/* Texts of a list that are of a group (NULL: all), to be freed with g_free(). */
static const char **
texts_of (const CsAuditList *list, const char *group, size_t *n)
{
  const char **texts = g_new0 (const char *, list->n + 1);

  *n = 0;
  for (size_t i = 0; i < list->n; i++)
    if (group == NULL || g_strcmp0 (list->prompts[i]->group, group) == 0)
      texts[(*n)++] = list->prompts[i]->text;
  return texts;
}

/* Shares [F] of the direction from the requests to be answered to those to be refused; of one
 * group, from those that resemble it where there are such. *some is false, and nothing is done,
 * where the group is too small. */
static bool
group_shares (CsAuditWork *work,
              const CsAuditList lists[2],
              const char *group,
              CsDirectionShare *shares,
              bool *some,
              GError **error)
{
  size_t n_refuse, n_comply;
  g_autofree const char **refuse = texts_of (&lists[CS_AUDIT_REFUSE], group, &n_refuse);
  g_autofree const char **comply = texts_of (&lists[CS_AUDIT_COMPLY], group, &n_comply);

  *some = group == NULL || n_refuse >= MIN_GROUP;
  if (!*some)
    return true;
  if (n_comply < MIN_GROUP)
    {
      g_free (comply);
      comply = texts_of (&lists[CS_AUDIT_COMPLY], NULL, &n_comply);
    }
  return cs_direction_shares (work->job, work->team, work->pair, work->crosscoder,
                              work->options.layer, refuse, n_refuse, comply, n_comply, shares, NULL,
                              error);
}

static float *
delta_norms (const CsLatents *latents)
{
  float *delta_norm = g_new (float, latents->n_latents);

  for (size_t j = 0; j < latents->n_latents; j++)
    delta_norm[j] = latents->rows[j].dead ? -1 : latents->rows[j].delta_norm;
  return delta_norm;
}

static bool
has_candidate (const GArray *list, size_t latent)
{
  for (guint i = 0; i < list->len; i++)
    if (g_array_index (list, size_t, i) == latent)
      return true;
  return false;
}

GArray *
cs_choose_candidates (const GPtrArray *carriers, size_t limit)
{
  GArray *out = g_array_new (false, false, sizeof (size_t));
  bool more = true;

  for (guint rank = 0; more && out->len < limit; rank++)
    {
      more = false;
      for (guint i = 0; i < carriers->len && out->len < limit; i++)
        {
          const GArray *list = g_ptr_array_index (carriers, i);
          size_t latent;

          if (rank >= list->len)
            continue;
          more = true;
          latent = g_array_index (list, CsDirectionShare, rank).latent;
          if (!has_candidate (out, latent))
            g_array_append_val (out, latent);
        }
    }
  return out;
}

static void
note_shares (GArray *ranked, const CsDirectionShare *shares)
{
  for (guint i = 0; i < ranked->len; i++)
    {
      CsAuditLatent *latent = &g_array_index (ranked, CsAuditLatent, i);
      latent->share = shares[latent->latent].share;
    }
}

/* Distinct groups of the prompts to be refused, after NULL for all of them; names are borrowed. */
static GPtrArray *
groups_of (const CsAuditList *list)
{
  GPtrArray *groups = g_ptr_array_new ();

  g_ptr_array_add (groups, NULL);
  for (size_t i = 0; i < list->n; i++)
    {
      char *name = list->prompts[i]->group;
      bool seen = name == NULL || *name == '\0';

      for (guint g = 1; g < groups->len && !seen; g++)
        seen = g_str_equal (g_ptr_array_index (groups, g), name);
      if (!seen)
        g_ptr_array_add (groups, name);
    }
  return groups;
}

static bool
find_carriers (CsAuditWork *work,
               const CsAuditList lists[2],
               GArray *ranked,
               double add_min_delta,
               GArray *added,
               GArray *ablated,
               GError **error)
{
  const size_t n_latents = work->latents->n_latents;
  g_autoptr (GPtrArray) groups = groups_of (&lists[CS_AUDIT_REFUSE]);
  g_autoptr (GPtrArray) carriers =
      g_ptr_array_new_with_free_func ((GDestroyNotify)(void (*) (void))g_array_unref);
  g_autofree CsDirectionShare *shares = g_new0 (CsDirectionShare, n_latents);
  g_autofree float *delta_norm = delta_norms (work->latents);

  for (guint g = 0; g < groups->len; g++)
    {
      bool some;

      if (!group_shares (work, lists, g_ptr_array_index (groups, g), shares, &some, error))
        return false;
      if (some)
        g_ptr_array_add (carriers,
                         cs_direction_carriers (shares, delta_norm, n_latents, ABLATE_MIN_DELTA));
      if (g > 0)
        continue;
      g_autoptr (GArray) best =
          cs_direction_carriers (shares, delta_norm, n_latents, add_min_delta);

      note_shares (ranked, shares);
      for (guint i = 0; i < MIN (best->len, work->options.add_candidates); i++)
        g_array_append_val (added, g_array_index (best, CsDirectionShare, i).latent);
    }
  g_autoptr (GArray) turns = cs_choose_candidates (carriers, work->options.ablate_candidates);

  g_array_append_vals (ablated, turns->data, turns->len);
  return true;
}

bool
cs_audit_candidates (CsAuditWork *work,
                     GArray *ranked,
                     bool chat_leaning,
                     GArray *added,
                     GArray *ablated,
                     GError **error)
{
  const size_t limit = work->options.choose_prompts;
  CsAuditList lists[2];
  bool ok;

  for (int set = 0; set < 2; set++)
    lists[set] = cs_audit_half (work, set, CS_AUDIT_CHOOSE, limit);
  ok = find_carriers (work, lists, ranked, chat_leaning ? CS_CHAT_LEANING : 0, added, ablated,
                      error);
  for (int set = 0; set < 2; set++)
    g_free (lists[set].prompts);
  return ok;
}

/* --- The greedy choice --- */

typedef struct
{
  const CsLatents *latents;
  size_t n_prompts;
  CsChooseFunc count;
  void *data;
} Choice;

static CsSteerItem
item_of (const Choice *choice, size_t latent, CsSteerMode mode)
{
  return (CsSteerItem){ .latent = latent,
                        .mode = mode,
                        .scope = CS_STEER_ALL_TOKENS,
                        .scale = 1,
                        .max_act = choice->latents->rows[latent].max_act };
}

typedef struct
{
  CsSteerItem item;
  size_t refused;
  bool found;
} Added;

static bool
try_latent (const Choice *choice, size_t latent, Added *best, GError **error)
{
  static const struct
  {
    CsSteerScope scope;
    double scale;
  } trials[CS_CHOOSE_TRIALS] = {
    { CS_STEER_PROMPT_ONLY, 1 },   { CS_STEER_PROMPT_ONLY, 1.5 }, { CS_STEER_PROMPT_ONLY, 2 },
    { CS_STEER_PROMPT_ONLY, 2.5 }, { CS_STEER_PROMPT_ONLY, 3 },   { CS_STEER_PROMPT_ONLY, 3.5 },
    { CS_STEER_PROMPT_ONLY, 4 },   { CS_STEER_ALL_TOKENS, 0.5 },  { CS_STEER_ALL_TOKENS, 0.75 },
    { CS_STEER_ALL_TOKENS, 1 },
  };

  for (size_t i = 0; i < CS_CHOOSE_TRIALS && best->refused < choice->n_prompts; i++)
    {
      CsSteerItem item = item_of (choice, latent, CS_STEER_ADD);
      size_t refused, garbled;

      item.scope = trials[i].scope;
      item.scale = trials[i].scale;
      if (!choice->count (choice->data, &item, 1, &refused, &garbled, error))
        return false;
      if (!best->found || refused > best->refused)
        *best = (Added){ item, refused, true };
    }
  return true;
}

bool
cs_choose_added (const GArray *candidates,
                 const CsLatents *latents,
                 size_t n_prompts,
                 CsChooseFunc count,
                 void *data,
                 GArray *items,
                 GError **error)
{
  const Choice choice = { latents, n_prompts, count, data };
  Added best = { .found = false };

  for (guint i = 0; i < candidates->len && best.refused < n_prompts; i++)
    if (!try_latent (&choice, g_array_index (candidates, size_t, i), &best, error))
      return false;
  if (best.found)
    g_array_append_val (items, best.item);
  return true;
}

static bool
has_latent (const GArray *items, size_t latent)
{
  for (guint i = 0; i < items->len; i++)
    if (g_array_index (items, CsSteerItem, i).latent == latent)
      return true;
  return false;
}

/* Adds the candidate whose ablation on top of the others leaves fewest refusals and garbled
 * answers; *left counts them. */
static bool
grow (const Choice *choice,
      const GArray *candidates,
      GArray *items,
      size_t *left,
      bool *found,
      GError **error)
{
  CsSteerItem best = { 0 };

  *found = false;
  for (guint i = 0; i < candidates->len; i++)
    {
      CsSteerItem item = item_of (choice, g_array_index (candidates, size_t, i), CS_STEER_ABLATE);
      size_t refused, garbled;
      bool ok;

      if (has_latent (items, item.latent))
        continue;
      g_array_append_val (items, item);
      ok = choice->count (choice->data, (const CsSteerItem *)(const void *)items->data, items->len,
                          &refused, &garbled, error);
      g_array_set_size (items, items->len - 1);
      if (!ok)
        return false;
      if (refused + garbled >= *left)
        continue;
      *left = refused + garbled;
      best = item;
      *found = true;
    }
  if (*found)
    g_array_append_val (items, best);
  return true;
}

bool
cs_choose_ablated (const GArray *candidates,
                   const CsLatents *latents,
                   size_t n_prompts,
                   size_t max_items,
                   CsChooseFunc count,
                   void *data,
                   GArray *items,
                   GError **error)
{
  const Choice choice = { latents, n_prompts, count, data };
  size_t left = 2 * n_prompts + 1; /* the first is taken whatever it does */
  bool found = true;

  while (found && items->len < max_items && (double)left > ENOUGH * (double)n_prompts)
    if (!grow (&choice, candidates, items, &left, &found, error))
      return false;
  return true;
}

/* --- The audit's --- */

typedef struct
{
  CsAuditWork *work;
  CsAuditList list;
} Counting;

static bool
count_half (void *data,
            const CsSteerItem *items,
            size_t n_items,
            size_t *refused,
            size_t *garbled,
            GError **error)
{
  const Counting *c = data;
  CsAuditRate rate;

  if (!cs_audit_count (c->work, &c->list, items, n_items, &rate, error))
    return false;
  *refused = rate.refused;
  *garbled = rate.garbled;
  return true;
}

bool
cs_audit_choose_added (CsAuditWork *work, const GArray *candidates, GArray *items, GError **error)
{
  Counting c = { work, cs_audit_half (work, CS_AUDIT_COMPLY, CS_AUDIT_CHOOSE,
                                      work->options.choose_prompts) };
  const bool ok =
      cs_choose_added (candidates, work->latents, c.list.n, count_half, &c, items, error);

  g_free (c.list.prompts);
  return ok;
}

bool
cs_audit_choose_ablated (CsAuditWork *work, const GArray *candidates, GArray *items, GError **error)
{
  Counting c = { work, cs_audit_half (work, CS_AUDIT_REFUSE, CS_AUDIT_CHOOSE,
                                      work->options.choose_prompts) };
  const bool ok = cs_choose_ablated (candidates, work->latents, c.list.n, work->options.max_ablated,
                                     count_half, &c, items, error);

  g_free (c.list.prompts);
  return ok;
}
