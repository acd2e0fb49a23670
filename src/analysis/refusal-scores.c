/* Ranking latents by how well they tell requests to refuse from requests to answer. */
#include <math.h>
#include <stdlib.h>

#include "concepts.h"
#include "errors.h"
#include "refusal-private.h"

#define MIN_GROUP 4 /* prompts */

CsAuditList
cs_audit_half (const CsAuditWork *work, int set, int half, size_t limit)
{
  const GArray *all = work->prompts[set];
  CsAuditList list = { g_new (const CsAuditPrompt *, all->len), 0 };

  for (guint i = (guint)half; i < all->len && (limit == 0 || list.n < limit); i += 2)
    list.prompts[list.n++] = &g_array_index (all, CsAuditPrompt, i);
  return list;
}

/* The prompts are numbered set after set. */
static const CsAuditPrompt *
prompt_at (const CsAuditWork *work, size_t i)
{
  const size_t n_refuse = work->prompts[CS_AUDIT_REFUSE]->len;

  return i < n_refuse
             ? &g_array_index (work->prompts[CS_AUDIT_REFUSE], CsAuditPrompt, i)
             : &g_array_index (work->prompts[CS_AUDIT_COMPLY], CsAuditPrompt, i - n_refuse);
}

/* [n, F], to be freed; NULL with error. */
static float *
score_all (CsAuditWork *work, size_t n, GError **error)
{
  g_autofree const char **requests = g_new (const char *, n + 1);

  for (size_t i = 0; i < n; i++)
    requests[i] = prompt_at (work, i)->text;
  return cs_prompt_scores (work->job, work->pair, work->crosscoder, work->options.layer, requests,
                           n, work->options.last_tokens, cs_team_size (work->team), error);
}

/* --- Ranking --- */

typedef struct
{
  size_t n;
  bool *positive, *half[2]; /* [n]: to be refused; of the half for choosing, for measuring */
  GPtrArray *groups; /* bool [n] each: of the half for choosing, one group of the prompts to be
                      * refused and all that are not */
} Marks;

/* The prompts of the half for choosing that count where one group is looked at; NULL where the
 * group has too few. */
static bool *
mark_group (const CsAuditWork *work, const Marks *m, const char *group)
{
  g_autofree bool *used = g_new0 (bool, m->n);
  size_t count = 0;

  for (size_t i = 0; i < m->n; i++)
    if (m->half[CS_AUDIT_CHOOSE][i])
      {
        used[i] = !m->positive[i] || g_strcmp0 (prompt_at (work, i)->group, group) == 0;
        count += used[i] && m->positive[i];
      }
  return count >= MIN_GROUP ? g_steal_pointer (&used) : NULL;
}

static void
mark_groups (const CsAuditWork *work, Marks *m)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  m->groups = g_ptr_array_new_with_free_func (g_free);
  for (size_t i = 0; i < work->prompts[CS_AUDIT_REFUSE]->len; i++)
    {
      char *group = prompt_at (work, i)->group;
      bool *used;

      if (group == NULL || *group == '\0' || !g_hash_table_add (seen, group))
        continue;
      used = mark_group (work, m, group);
      if (used != NULL)
        g_ptr_array_add (m->groups, used);
    }
}

static Marks
marks_new (const CsAuditWork *work)
{
  const size_t n_refuse = work->prompts[CS_AUDIT_REFUSE]->len;
  Marks m = { .n = n_refuse + work->prompts[CS_AUDIT_COMPLY]->len };

  m.positive = g_new0 (bool, m.n);
  for (int half = 0; half < 2; half++)
    m.half[half] = g_new0 (bool, m.n);
  for (size_t i = 0; i < m.n; i++)
    {
      m.positive[i] = i < n_refuse;
      m.half[(i < n_refuse ? i : i - n_refuse) % 2][i] = true;
    }
  mark_groups (work, &m);
  return m;
}

static void
marks_clear (Marks *m)
{
  g_free (m->positive);
  g_free (m->half[0]);
  g_free (m->half[1]);
  g_ptr_array_unref (m->groups);
}

/* Mean score of the prompts to refuse minus that of the others, of the half for choosing. */
static double
mean_difference (const float *scores, size_t stride, const Marks *m)
{
  double sum[2] = { 0 };
  size_t count[2] = { 0 };

  for (size_t i = 0; i < m->n; i++)
    if (m->half[CS_AUDIT_CHOOSE][i])
      {
        sum[m->positive[i]] += scores[i * stride];
        count[m->positive[i]]++;
      }
  return sum[1] / (double)MAX (count[1], 1) - sum[0] / (double)MAX (count[0], 1);
}

static bool
any_leans (const CsLatents *latents)
{
  for (size_t j = 0; j < latents->n_latents; j++)
    if (!latents->rows[j].dead && latents->rows[j].delta_norm >= CS_CHAT_LEANING)
      return true;
  return false;
}

/* The best AUC on one group of the prompts to be refused against all others of the half; NaN
 * without groups. */
static double
group_auc (const float *scores, size_t stride, const Marks *m)
{
  double best = NAN;

  for (guint g = 0; g < m->groups->len; g++)
    best =
        fmax (best, cs_auc (scores, stride, m->positive, g_ptr_array_index (m->groups, g), m->n));
  return best;
}

static double
rank_of (const CsAuditLatent *latent)
{
  return fmax (latent->auc, latent->auc_group);
}

/* Best AUC first; among equals, as where several are perfect, the largest difference. */
static int
best_first (const void *a, const void *b)
{
  const CsAuditLatent *x = a, *y = b;

  const double rank_x = rank_of (x), rank_y = rank_of (y);

  if (rank_x != rank_y)
    return rank_x > rank_y ? -1 : 1;
  if (x->mean_difference != y->mean_difference)
    return x->mean_difference > y->mean_difference ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

static CsAuditLatent
measure_latent (const CsLatentRow *row,
                size_t j,
                const float *scores,
                size_t stride,
                const Marks *m)
{
  CsAuditLatent latent = { .latent = j,
                           .delta_norm = row->delta_norm,
                           .nu_error = row->nu_error,
                           .nu_reconstruction = row->nu_reconstruction,
                           .max_act = row->max_act,
                           .chat_specific = row->chat_specific };

  latent.auc = cs_auc (scores + j, stride, m->positive, m->half[CS_AUDIT_CHOOSE], m->n);
  latent.auc_group = group_auc (scores + j, stride, m);
  latent.auc_held_out = cs_auc (scores + j, stride, m->positive, m->half[CS_AUDIT_MEASURE], m->n);
  latent.mean_difference = mean_difference (scores + j, stride, m);
  return latent;
}

GArray *
cs_audit_rank (CsAuditWork *work, bool *chat_leaning, GError **error)
{
  const CsLatents *latents = work->latents;
  const size_t n = work->prompts[CS_AUDIT_REFUSE]->len + work->prompts[CS_AUDIT_COMPLY]->len;
  g_autofree float *scores = score_all (work, n, error);
  GArray *list;
  Marks marks;

  if (scores == NULL)
    return NULL;
  marks = marks_new (work);
  *chat_leaning = any_leans (latents);
  list = g_array_new (false, false, sizeof (CsAuditLatent));
  for (size_t j = 0; j < latents->n_latents; j++)
    if (!latents->rows[j].dead &&
        (!*chat_leaning || latents->rows[j].delta_norm >= CS_CHAT_LEANING))
      {
        CsAuditLatent latent =
            measure_latent (&latents->rows[j], j, scores, latents->n_latents, &marks);
        g_array_append_val (list, latent);
      }
  g_array_sort (list, best_first);
  marks_clear (&marks);
  return list;
}
