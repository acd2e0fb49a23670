#include "audit-results.h"

#include <glib/gi18n.h>
#include <math.h>

#define SHOWN_LATENTS 12

static const char *const arm_titles[CS_AUDIT_N_ARMS] = {
  N_ ("The Chat Model as It Is"), N_ ("A Refusal Latent Added"), N_ ("Refusal Latents Ablated"),
  N_ ("A Random Latent Added"),   N_ ("Random Latents Ablated"),
};

static GtkWidget *
group_new (const char *title, const char *description)
{
  GtkWidget *group = adw_preferences_group_new ();

  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (group), title);
  adw_preferences_group_set_description (ADW_PREFERENCES_GROUP (group), description);
  return group;
}

static GtkWidget *
row_new (const char *title, const char *subtitle)
{
  GtkWidget *row = adw_action_row_new ();
  g_autofree char *title_text = g_markup_escape_text (title, -1);
  g_autofree char *subtitle_text = g_markup_escape_text (subtitle, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), title_text);
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), subtitle_text);
  adw_action_row_set_title_lines (ADW_ACTION_ROW (row), 3);
  return row;
}

static char *
describe_rate (const CsAuditRate *rate)
{
  if (rate->n == 0)
    return g_strdup ("–");
  return g_strdup_printf ("%.0f %% (%.0f–%.0f)", 100 * rate->rate, 100 * rate->low,
                          100 * rate->high);
}

static char *
describe_items (const GArray *items)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (items, CsSteerItem, i);

      g_string_append_printf (text, i == 0 ? _ ("Latent %zu") : ", %zu", item->latent);
      if (item->mode == CS_STEER_ADD)
        g_string_append_printf (text, _ (", %.2f × its maximum, %s"), item->scale,
                                item->scope == CS_STEER_PROMPT_ONLY ? _ ("prompt only")
                                                                    : _ ("all tokens"));
    }
  return g_string_free (text, false);
}

static GtkWidget *
arm_row (const CsRefusalAudit *audit, int arm)
{
  const CsAuditArmResult *result = &audit->arms[arm];
  const int set =
      arm == CS_AUDIT_ADDED || arm == CS_AUDIT_RANDOM_ADDED ? CS_AUDIT_COMPLY : CS_AUDIT_REFUSE;
  g_autofree char *refuse = describe_rate (&result->rate[CS_AUDIT_REFUSE]);
  g_autofree char *comply = describe_rate (&result->rate[CS_AUDIT_COMPLY]);
  g_autofree char *items = describe_items (result->items);
  g_autofree char *rates =
      g_strdup_printf (_ ("Refused: %s of what should be, %s of what should not"), refuse, comply);
  g_autofree char *kl =
      isfinite (result->kl[set]) && arm != CS_AUDIT_PLAIN
          ? g_strdup_printf (_ ("KL to the plain chat model: %.3f nats"), result->kl[set])
          : NULL;
  g_autofree char *text =
      kl != NULL ? g_strdup_printf ("%s\n%s · %s", rates, items, kl) : g_strdup (rates);

  return row_new (_ (arm_titles[arm]), text);
}

static GtkWidget *
latent_row (const CsAuditLatent *l)
{
  g_autofree char *title = g_strdup_printf (_ ("Latent %zu"), l->latent);
  g_autofree char *text = g_strdup_printf (
      _ ("AUC %.3f, held out %.3f · Δ_norm %.3f · %s"), l->auc, l->auc_held_out,
      (double)l->delta_norm,
      l->chat_specific ? _ ("chat-specific") : _ ("not confirmed by Latent Scaling"));

  return row_new (title, text);
}

static GtkWidget *
example_row (const CsAuditExample *e)
{
  const int arm = e->set == CS_AUDIT_REFUSE ? CS_AUDIT_ABLATED : CS_AUDIT_ADDED;
  const char *plain = e->answers[CS_AUDIT_PLAIN], *steered = e->answers[arm];
  g_autofree char *text = g_strdup_printf (
      arm == CS_AUDIT_ABLATED ? _ ("Plain: %s\nAblated: %s") : _ ("Plain: %s\nAdded: %s"),
      plain != NULL ? plain : "–", steered != NULL ? steered : "–");

  return row_new (e->prompt, text);
}

GtkWidget *
cs_audit_results_new (const CsRefusalAudit *audit)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24);
  GtkWidget *arms = group_new (_ ("Refusals"), _ ("Measured on the other half of the prompts; 95 % "
                                                  "intervals in parentheses"));
  GtkWidget *latents =
      group_new (_ ("Latents That Tell the Two Apart"),
                 audit->chat_leaning ? _ ("Among those that lean to chat, best first")
                                     : _ ("Among all: none leans to chat"));
  GtkWidget *examples = group_new (_ ("Examples"), NULL);

  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    adw_preferences_group_add (ADW_PREFERENCES_GROUP (arms), arm_row (audit, arm));
  for (guint i = 0; i < MIN (audit->latents->len, SHOWN_LATENTS); i++)
    adw_preferences_group_add (ADW_PREFERENCES_GROUP (latents),
                               latent_row (&g_array_index (audit->latents, CsAuditLatent, i)));
  for (guint i = 0; i < audit->examples->len; i++)
    adw_preferences_group_add (ADW_PREFERENCES_GROUP (examples),
                               example_row (&g_array_index (audit->examples, CsAuditExample, i)));
  gtk_box_append (GTK_BOX (box), arms);
  gtk_box_append (GTK_BOX (box), latents);
  gtk_box_append (GTK_BOX (box), examples);
  return box;
}
