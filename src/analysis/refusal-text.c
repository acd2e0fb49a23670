/* An audit as tables that people read. */
#include <math.h>

#include "refusal-audit.h"

#define SHOWN_LATENTS 12
#define SHOWN_EXAMPLES 3 /* of each set */

static const char *const arm_titles[CS_AUDIT_N_ARMS] = {
  "plain", "latent added", "latents ablated", "random added", "random ablated",
};

/* Eight wide, three decimals. */
static void
append_real (GString *text, double value)
{
  if (isfinite (value))
    g_string_append_printf (text, "%8.3f", value);
  else
    g_string_append (text, "       –");
}

static void
append_rate (GString *text, const CsAuditRate *rate)
{
  if (rate->n == 0)
    g_string_append (text, "                –");
  else
    g_string_append_printf (text, " %5.1f %% [%3.0f–%3.0f]", 100 * rate->rate, 100 * rate->low,
                            100 * rate->high);
}

static void
append_arms (GString *text, const CsRefusalAudit *audit)
{
  g_string_append_printf (text,
                          "refused (95 %% interval), held-out half: %zu to be refused, %zu to be "
                          "answered\n",
                          audit->arms[CS_AUDIT_PLAIN].rate[CS_AUDIT_REFUSE].n,
                          audit->arms[CS_AUDIT_PLAIN].rate[CS_AUDIT_COMPLY].n);
  g_string_append (
      text, "chat model             should refuse    should answer     KL  first 9  garbled\n");
  for (int i = 0; i < CS_AUDIT_N_ARMS; i++)
    {
      const CsAuditArmResult *arm = &audit->arms[i];
      const int set =
          i == CS_AUDIT_ADDED || i == CS_AUDIT_RANDOM_ADDED ? CS_AUDIT_COMPLY : CS_AUDIT_REFUSE;

      g_string_append_printf (text, "%-16s", arm_titles[i]);
      append_rate (text, &arm->rate[CS_AUDIT_REFUSE]);
      append_rate (text, &arm->rate[CS_AUDIT_COMPLY]);
      g_string_append (text, "   ");
      append_real (text, arm->kl[set]);
      append_real (text, arm->kl_first[set]);
      g_string_append_printf (text, "  %7zu", arm->rate[0].garbled + arm->rate[1].garbled);
      g_string_append_c (text, '\n');
    }
  g_string_append (text, "KL is over the set that the change is meant for: answers for adding, "
                         "refusals for ablating. Garbled: texts that are no answers, never "
                         "counted as refusals.\n");
}

static void
append_items (GString *text, const CsRefusalAudit *audit)
{
  const GArray *added = audit->arms[CS_AUDIT_ADDED].items;
  const GArray *ablated = audit->arms[CS_AUDIT_ABLATED].items;

  if (added->len > 0)
    {
      const CsSteerItem *item = &g_array_index (added, CsSteerItem, 0);
      g_string_append_printf (text, "added: latent %zu, %.2f × its maximum, %s\n", item->latent,
                              item->scale,
                              item->scope == CS_STEER_PROMPT_ONLY ? "prompt only" : "all tokens");
    }
  if (ablated->len > 0)
    g_string_append (text, "ablated: latents");
  for (guint i = 0; i < ablated->len; i++)
    g_string_append_printf (text, " %zu", g_array_index (ablated, CsSteerItem, i).latent);
  g_string_append (text, ablated->len > 0 ? "\n" : "");
}

static void
append_latents (GString *text, const CsRefusalAudit *audit)
{
  g_string_append_printf (
      text, "\nlatents that tell the two apart (%s; last %zu tokens of the prompt)\n",
      audit->chat_leaning ? "chat-leaning ones" : "all: none leans to chat", audit->last_tokens);
  g_string_append (
      text,
      " latent     AUC  held out  of a group   share  mean difference  Δ_norm     ν^ε     ν^r  "
      "Latent Scaling\n");
  for (guint i = 0; i < MIN (audit->latents->len, SHOWN_LATENTS); i++)
    {
      const CsAuditLatent *l = &g_array_index (audit->latents, CsAuditLatent, i);

      g_string_append_printf (text, "%7zu  %6.3f    %6.3f    ", l->latent, l->auc, l->auc_held_out);
      append_real (text, l->auc_group);
      append_real (text, l->share);
      g_string_append_printf (text, "  %15.3f  %6.3f", l->mean_difference, (double)l->delta_norm);
      append_real (text, l->nu_error);
      append_real (text, l->nu_reconstruction);
      g_string_append (text, l->chat_specific ? "  chat-specific\n" : "  not confirmed\n");
    }
}

static void
append_groups (GString *text, const CsRefusalAudit *audit)
{
  if (audit->groups->len > 0)
    g_string_append (text, "\ngroup                            set              plain          "
                           "ablated            added\n");
  for (guint i = 0; i < audit->groups->len; i++)
    {
      const CsAuditGroup *g = &g_array_index (audit->groups, CsAuditGroup, i);

      g_string_append_printf (text, "%-32s %-7s", g->group,
                              g->set == CS_AUDIT_REFUSE ? "refuse" : "answer");
      append_rate (text, &g->plain);
      append_rate (text, &g->ablated);
      append_rate (text, &g->added);
      g_string_append_c (text, '\n');
    }
}

static void
append_examples (GString *text, const CsRefusalAudit *audit)
{
  size_t shown[2] = { 0 };

  for (guint i = 0; i < audit->examples->len; i++)
    {
      const CsAuditExample *e = &g_array_index (audit->examples, CsAuditExample, i);
      const int arm = e->set == CS_AUDIT_REFUSE ? CS_AUDIT_ABLATED : CS_AUDIT_ADDED;

      if (shown[e->set]++ >= SHOWN_EXAMPLES || e->answers[CS_AUDIT_PLAIN] == NULL)
        continue;
      g_string_append_printf (text, "\n› %s\n  plain%s: %s\n", e->prompt,
                              e->refused[CS_AUDIT_PLAIN] ? " (refusal)" : "",
                              e->answers[CS_AUDIT_PLAIN]);
      if (e->answers[arm] != NULL)
        g_string_append_printf (text, "  %s%s: %s\n", arm == CS_AUDIT_ADDED ? "added" : "ablated",
                                e->refused[arm] ? " (refusal)" : "", e->answers[arm]);
    }
}

char *
cs_refusal_audit_text (const CsRefusalAudit *audit)
{
  GString *text = g_string_new (NULL);

  append_arms (text, audit);
  append_items (text, audit);
  append_latents (text, audit);
  append_groups (text, audit);
  append_examples (text, audit);
  return g_string_free (text, false);
}
