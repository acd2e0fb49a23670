/* Which latents to add and to ablate, chosen on the half of the prompts that is not measured. */
#include "refusal-private.h"

#define ENOUGH 0.02 /* share of refusals below which no more latents are ablated */

static CsSteerItem
item_of (const CsAuditLatent *latent, CsSteerMode mode)
{
  return (CsSteerItem){ .latent = latent->latent,
                        .mode = mode,
                        .scope = CS_STEER_ALL_TOKENS,
                        .scale = 1,
                        .max_act = latent->max_act };
}

static const CsSteerItem *
items_of (const GArray *items)
{
  return (const CsSteerItem *)(const void *)items->data;
}

/* The smallest scale among equals, since larger ones break the text. */
static bool
try_latent (CsAuditWork *work,
            const CsAuditList *list,
            const CsAuditLatent *latent,
            size_t *most,
            CsSteerItem *best,
            GError **error)
{
  static const double scales[] = { 0.5, 0.75, 1, 1.5 };

  for (int scope = CS_STEER_PROMPT_ONLY; scope >= CS_STEER_ALL_TOKENS; scope--)
    for (size_t s = 0; s < G_N_ELEMENTS (scales) && *most < list->n; s++)
      {
        CsSteerItem item = item_of (latent, CS_STEER_ADD);
        size_t refused;

        item.scope = (CsSteerScope)scope;
        item.scale = scales[s];
        if (!cs_audit_count (work, list, &item, 1, &refused, error))
          return false;
        if (best->max_act > 0 && refused <= *most)
          continue;
        *most = refused;
        *best = item;
      }
  return true;
}

bool
cs_audit_choose_added (CsAuditWork *work, const GArray *ranked, GArray *items, GError **error)
{
  CsAuditList list =
      cs_audit_half (work, CS_AUDIT_COMPLY, CS_AUDIT_CHOOSE, work->options.choose_prompts);
  const size_t n = MIN (ranked->len, work->options.add_candidates);
  CsSteerItem best = { 0 };
  size_t most = 0;
  bool ok = true;

  for (guint i = 0; i < n && ok && most < list.n; i++)
    ok = try_latent (work, &list, &g_array_index (ranked, CsAuditLatent, i), &most, &best, error);
  if (ok && best.max_act > 0)
    g_array_append_val (items, best);
  g_free (list.prompts);
  return ok;
}

static bool
has_latent (const GArray *items, size_t latent)
{
  for (guint i = 0; i < items->len; i++)
    if (g_array_index (items, CsSteerItem, i).latent == latent)
      return true;
  return false;
}

/* Adds the candidate whose ablation on top of the others lowers refusals most. */
static bool
grow (CsAuditWork *work,
      const CsAuditList *list,
      const GArray *ranked,
      GArray *items,
      size_t *left,
      bool *found,
      GError **error)
{
  const size_t n = MIN (ranked->len, work->options.ablate_candidates);
  CsSteerItem best = { 0 };

  *found = false;
  for (guint i = 0; i < n; i++)
    {
      CsSteerItem item = item_of (&g_array_index (ranked, CsAuditLatent, i), CS_STEER_ABLATE);
      size_t refused;

      if (has_latent (items, item.latent))
        continue;
      g_array_append_val (items, item);
      if (!cs_audit_count (work, list, items_of (items), items->len, &refused, error))
        return false;
      g_array_set_size (items, items->len - 1);
      if (refused >= *left)
        continue;
      *left = refused;
      best = item;
      *found = true;
    }
  if (*found)
    g_array_append_val (items, best);
  return true;
}

bool
cs_audit_choose_ablated (CsAuditWork *work, const GArray *ranked, GArray *items, GError **error)
{
  CsAuditList list =
      cs_audit_half (work, CS_AUDIT_REFUSE, CS_AUDIT_CHOOSE, work->options.choose_prompts);
  size_t left = list.n + 1; /* the first is taken whatever it does */
  bool found = true, ok = true;

  while (ok && found && items->len < work->options.max_ablated &&
         (double)left > ENOUGH * (double)list.n)
    ok = grow (work, &list, ranked, items, &left, &found, error);
  g_free (list.prompts);
  return ok;
}
