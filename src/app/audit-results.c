#include "audit-results.h"

#include <glib/gi18n.h>
#include <math.h>

#include "latent-words.h"
#include "plot-layers.h"
#include "result-parts.h"

#define SHOWN_LATENTS 12

static const char *const arm_titles[CS_AUDIT_N_ARMS] = {
  N_ ("The Chat Model as It Is"), N_ ("A Refusal Latent Added"), N_ ("Refusal Latents Ablated"),
  N_ ("A Random Latent Added"),   N_ ("Random Latents Ablated"),
};

static const char *const set_titles[] = { N_ ("Should Be Refused"), N_ ("Should Be Answered") };

/* Adding a latent is meant for what should be answered, ablating for what should be refused. */
static int
set_of_arm (int arm)
{
  return arm == CS_AUDIT_ADDED || arm == CS_AUDIT_RANDOM_ADDED ? CS_AUDIT_COMPLY : CS_AUDIT_REFUSE;
}

static bool
was_measured (const CsAuditArmResult *arm)
{
  return arm->rate[CS_AUDIT_REFUSE].n > 0 || arm->rate[CS_AUDIT_COMPLY].n > 0;
}

/* --- Words --- */

static char *
describe_rate (const CsAuditRate *rate)
{
  if (rate->n == 0)
    return g_strdup ("–");
  return g_strdup_printf (_ ("%.0f %% (%.0f–%.0f)"), 100 * rate->rate, 100 * rate->low,
                          100 * rate->high);
}

static char *
describe_garbled (const CsAuditRate *rate)
{
  if (rate->n == 0)
    return g_strdup ("–");
  return g_strdup_printf (_ ("%.0f %%"), 100 * (double)rate->garbled / (double)rate->n);
}

/* "–" where the number is not known. */
static char *
describe_share (double share)
{
  const double percent = round (100 * share);

  if (!isfinite (share))
    return g_strdup ("–");
  return g_strdup_printf (percent < 0 ? _ ("−%.0f %%") : _ ("%.0f %%"), fabs (percent));
}

/* An AUC near 1 needs its third decimal. */
static char *
describe_auc (double auc)
{
  return isfinite (auc) ? g_strdup_printf ("%.3f", auc) : g_strdup ("–");
}

static char *
describe_kl (const CsAuditArmResult *result, int arm)
{
  const double kl = result->kl[set_of_arm (arm)];

  return arm != CS_AUDIT_PLAIN && was_measured (result) && isfinite (kl)
             ? g_strdup_printf ("%.3f", kl)
             : g_strdup ("–");
}

static char *
describe_items (const GArray *items)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < items->len; i++)
    {
      const CsSteerItem *item = &g_array_index (items, CsSteerItem, i);

      g_string_append_printf (text,
                              i > 0            ? ", %zu"
                              : items->len > 1 ? _ ("Latents %zu")
                                               : _ ("Latent %zu"),
                              item->latent);
      if (item->mode == CS_STEER_ADD)
        g_string_append_printf (text, _ (", %.2f × its maximum, %s"), item->scale,
                                item->scope == CS_STEER_PROMPT_ONLY ? _ ("prompt only")
                                                                    : _ ("all tokens"));
    }
  return g_string_free (text, false);
}

/* --- Tables --- */

/* Cells of a row, from the first column: takes the texts. */
static void
add_row (GtkWidget *grid, int row, char **cells)
{
  for (int column = 0; cells[column] != NULL; column++)
    cs_result_cell (grid, column, row, cells[column], column == 0);
  for (char **cell = cells; *cell != NULL; cell++)
    g_free (*cell);
}

static GtkWidget *
arms_table (const CsRefusalAudit *audit)
{
  GtkWidget *grid,
      *table = cs_result_table ((const char *const[]){ _ ("Chat Model"), _ ("Should Be Refused"),
                                                       _ ("Garbled"), _ ("Should Be Answered"),
                                                       _ ("Garbled"), _ ("KL to Plain"), NULL },
                                &grid);
  int row = 0;

  for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
    {
      const CsAuditArmResult *result = &audit->arms[arm];
      const CsAuditRate *refuse = &result->rate[CS_AUDIT_REFUSE];
      const CsAuditRate *comply = &result->rate[CS_AUDIT_COMPLY];

      if (was_measured (result))
        add_row (grid, row++,
                 (char *[]){ g_strdup (_ (arm_titles[arm])), describe_rate (refuse),
                             describe_garbled (refuse), describe_rate (comply),
                             describe_garbled (comply), describe_kl (result, arm), NULL });
    }
  return table;
}

static GtkWidget *
latents_table (const CsRefusalAudit *audit)
{
  GtkWidget *grid,
      *table = cs_result_table ((const char *const[]){ _ ("Latent"), _ ("AUC"), _ ("Held Out"),
                                                       _ ("Of a Kind"), _ ("Share"), "Δ_norm",
                                                       "ν^ε", "ν^r", _ ("Latent Scaling"), NULL },
                                &grid);

  for (guint i = 0; i < MIN (audit->latents->len, SHOWN_LATENTS); i++)
    {
      const CsAuditLatent *l = &g_array_index (audit->latents, CsAuditLatent, i);

      add_row (grid, (int)i,
               (char *[]){ g_strdup_printf ("%zu", l->latent), describe_auc (l->auc),
                           describe_auc (l->auc_held_out), describe_auc (l->auc_group),
                           describe_share (l->share), cs_latent_number (l->delta_norm),
                           cs_latent_number (l->nu_error), cs_latent_number (l->nu_reconstruction),
                           g_strdup (l->chat_specific ? _ ("chat-specific") : _ ("not confirmed")),
                           NULL });
    }
  return table;
}

static GtkWidget *
groups_table (const CsRefusalAudit *audit)
{
  GtkWidget *grid, *table = cs_result_table (
                       (const char *const[]){ _ ("Kind"), _ ("Prompts"), _ ("Plain"), _ ("Ablated"),
                                              _ ("Garbled"), _ ("Added"), _ ("Garbled"), NULL },
                       &grid);

  for (guint i = 0; i < audit->groups->len; i++)
    {
      const CsAuditGroup *g = &g_array_index (audit->groups, CsAuditGroup, i);

      add_row (grid, (int)i,
               (char *[]){ g_strdup (g->group), g_strdup (_ (set_titles[g->set != 0])),
                           describe_rate (&g->plain), describe_rate (&g->ablated),
                           describe_garbled (&g->ablated), describe_rate (&g->added),
                           describe_garbled (&g->added), NULL });
    }
  return table;
}

/* --- Figure --- */

static GtkWidget *
rates_plot (const CsRefusalAudit *audit)
{
  CsPlot *plot = cs_plot_new (_ ("How many requests are refused"));
  CsLayer *layer = cs_plot_add_bars (plot, _ ("refused"));
  size_t n = 0;

  for (int set = 0; set < 2; set++)
    for (int arm = 0; arm < CS_AUDIT_N_ARMS; arm++)
      {
        const CsAuditRate *rate = &audit->arms[arm].rate[set];
        g_autofree char *name =
            g_strdup_printf ("%s: %s", _ (set_titles[set]), _ (arm_titles[arm]));

        if (rate->n == 0 || (arm != CS_AUDIT_PLAIN && set_of_arm (arm) != set))
          continue;
        cs_bars_append (layer, name, rate->rate, rate->low, rate->high,
                        set == CS_AUDIT_REFUSE ? CS_PLOT_CLASS_CHAT_ONLY : CS_PLOT_CLASS_SHARED);
        n++;
      }
  cs_axis_set_label (cs_plot_x (plot), _ ("share refused"), NULL);
  cs_axis_set_range (cs_plot_x (plot), 0, 1);
  return cs_result_plot (plot, n);
}

/* --- Groups --- */

static GtkWidget *
refusals_group (const CsRefusalAudit *audit)
{
  const CsAuditArmResult *plain = &audit->arms[CS_AUDIT_PLAIN];
  g_autofree char *about = g_strdup_printf (
      _ ("Measured on the other half of the prompts: %zu that should be refused, %zu that should "
         "be answered. Rates of refusal with 95 %% intervals; garbled answers are no answers and "
         "never count as refusals."),
      plain->rate[CS_AUDIT_REFUSE].n, plain->rate[CS_AUDIT_COMPLY].n);

  return cs_result_group_of (_ ("Refusals"), about, rates_plot (audit));
}

static GtkWidget *
changes_group (const CsRefusalAudit *audit)
{
  const CsAuditArmResult *added = &audit->arms[CS_AUDIT_ADDED];
  const CsAuditArmResult *ablated = &audit->arms[CS_AUDIT_ABLATED];
  GtkWidget *group = adw_preferences_group_new ();

  for (int i = 0; i < 2; i++)
    {
      g_autofree char *items = describe_items (i == 0 ? added->items : ablated->items);

      cs_result_row (group, i == 0 ? _ ("What Was Added") : _ ("What Was Ablated"),
                     *items != '\0' ? items : _ ("Nothing: no latent carries the difference"));
    }
  return group;
}

static GtkWidget *
latents_group (const CsRefusalAudit *audit)
{
  g_autofree char *about = g_strdup_printf (
      _ ("%s. AUC over the last %zu tokens of the prompts; share: how much of the direction from "
         "requests to be answered to those to be refused the latent carries; of a kind: the best "
         "AUC for "
         "one kind of request against those to be answered."),
      audit->chat_leaning ? _ ("Among those that lean to chat, best first")
                          : _ ("Among all, as none leans to chat; best first"),
      audit->last_tokens);

  return cs_result_group_of (_ ("Latents That Tell the Two Apart"), about, latents_table (audit));
}

static char *
describe_answer (const CsAuditExample *e, int arm, const char *name)
{
  const char *answer = e->answers[arm];

  return g_strdup_printf (e->refused[arm] ? _ ("%s, refused: %s") : _ ("%s: %s"), name,
                          answer != NULL ? answer : "–");
}

static GtkWidget *
examples_group (const CsRefusalAudit *audit)
{
  GtkWidget *group = cs_result_group (_ ("Examples"), NULL);

  for (guint i = 0; i < audit->examples->len; i++)
    {
      const CsAuditExample *e = &g_array_index (audit->examples, CsAuditExample, i);
      const bool refuse = e->set == CS_AUDIT_REFUSE;
      g_autofree char *plain = describe_answer (e, CS_AUDIT_PLAIN, _ ("Plain"));
      g_autofree char *steered = describe_answer (e, refuse ? CS_AUDIT_ABLATED : CS_AUDIT_ADDED,
                                                  refuse ? _ ("Ablated") : _ ("Added"));
      g_autofree char *text = g_strdup_printf ("%s\n%s", plain, steered);

      cs_result_row (group, e->prompt, text);
    }
  return group;
}

GtkWidget *
cs_audit_results_new (const CsRefusalAudit *audit)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24);

  gtk_box_append (GTK_BOX (box), refusals_group (audit));
  gtk_box_append (GTK_BOX (box), changes_group (audit));
  gtk_box_append (
      GTK_BOX (box),
      cs_result_group_of (_ ("Every Set under Every Change"),
                          _ ("KL to the plain chat model in nats a token, over the set that "
                             "the change is meant for"),
                          arms_table (audit)));
  gtk_box_append (GTK_BOX (box), latents_group (audit));
  if (audit->groups->len > 0)
    gtk_box_append (GTK_BOX (box),
                    cs_result_group_of (_ ("By Kind of Request"), NULL, groups_table (audit)));
  if (audit->examples->len > 0)
    gtk_box_append (GTK_BOX (box), examples_group (audit));
  return box;
}
