/* KL to chat of every intervention: bars, a table, paired differences. */
#include <glib/gi18n.h>
#include <math.h>

#include "plot-layers.h"
#include "result-parts.h"
#include "trial-results.h"

static const struct
{
  const char *name, *title;
} titles[] = {
  { "none", N_ ("Base activations as they are") },
  { "base", N_ ("The base model, end to end") },
  { "chat-into-base", N_ ("Chat activations into the base model") },
  { "all", N_ ("All latents turned to chat") },
  { "error-only", N_ ("All latents turned to base") },
  { "template", N_ ("Chat activations at template tokens") },
  { "template-removed", N_ ("Base activations at template tokens") },
  { "set", N_ ("Chat-leaning latents") },
  { "set-removed", N_ ("Chat-leaning latents taken away") },
  { "set-added", N_ ("Chat-leaning latents added") },
  { "best-delta", N_ ("Best half by Δ_norm") },
  { "best-delta-removed", N_ ("Best half by Δ_norm taken away") },
  { "worst-delta", N_ ("Other half by Δ_norm") },
  { "worst-delta-removed", N_ ("Other half by Δ_norm taken away") },
  { "best-scaling", N_ ("Best half by Latent Scaling") },
  { "best-scaling-removed", N_ ("Best half by Latent Scaling taken away") },
  { "worst-scaling", N_ ("Other half by Latent Scaling") },
  { "worst-scaling-removed", N_ ("Other half by Latent Scaling taken away") },
  { "specific", N_ ("Confirmed by Latent Scaling") },
  { "specific-removed", N_ ("Confirmed by Latent Scaling, taken away") },
  { "random", N_ ("Random latents, as many") },
  { "random-removed", N_ ("Random latents, taken away") },
};

static const char *
title_of (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (titles); i++)
    if (g_str_equal (titles[i].name, name))
      return _ (titles[i].title);
  return name;
}

static const char *
span_title (CsCausalitySpan span)
{
  switch (span)
    {
    case CS_CAUSALITY_FIRST9:
      return _ ("First nine tokens");
    case CS_CAUSALITY_OPENING:
      return _ ("First token");
    case CS_CAUSALITY_ALL:
    case CS_CAUSALITY_N_SPANS:
    default:
      return _ ("All answer tokens");
    }
}

/* The empty set and chat itself are self-checks. */
static bool
is_shown (const CsCausalityArm *arm)
{
  return !g_str_equal (arm->name, "empty") && !g_str_equal (arm->name, "chat");
}

/* The paper's direction alone: base activations, latents turned to chat. */
static GtkWidget *
bars_new (const CsCausality *c, CsCausalitySpan span)
{
  CsPlot *plot = cs_plot_new (span_title (span));
  CsLayer *layer = cs_plot_add_bars (plot, _ ("KL to chat"));
  size_t n = 0;

  for (size_t i = 0; i < c->n_arms; i++)
    {
      const CsCausalityArm *arm = &c->arms[i];
      const CsCausalityValue *v = &arm->value[span];

      if (!is_shown (arm) || arm->from_chat || !isfinite (v->kl))
        continue;
      cs_bars_append (layer, title_of (arm->name), v->kl, v->lo, v->hi, CS_PLOT_CLASS_CHAT_ONLY);
      n++;
    }
  cs_axis_set_label (cs_plot_x (plot), _ ("KL to chat"), _ ("nats a token"));
  cs_axis_set_from_zero (cs_plot_x (plot), true);
  return cs_result_plot (plot, n);
}

static void
span_chosen_cb (GtkDropDown *choice, GParamSpec *pspec, GtkStack *stack)
{
  g_autofree char *name = g_strdup_printf ("%u", gtk_drop_down_get_selected (choice));

  if (gtk_stack_get_child_by_name (stack, name) != NULL)
    gtk_stack_set_visible_child_name (stack, name);
}

static GtkWidget *
plots_new (const CsCausality *c)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 12), *stack = gtk_stack_new (), *choice;
  g_autoptr (GtkStringList) spans = gtk_string_list_new (NULL);

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      g_autofree char *name = g_strdup_printf ("%d", span);

      gtk_string_list_append (spans, span_title ((CsCausalitySpan)span));
      gtk_stack_add_named (GTK_STACK (stack), bars_new (c, (CsCausalitySpan)span), name);
    }
  choice = gtk_drop_down_new (G_LIST_MODEL (g_steal_pointer (&spans)), NULL);
  gtk_widget_set_halign (choice, GTK_ALIGN_START);
  gtk_accessible_update_property (GTK_ACCESSIBLE (choice), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Positions that the means are over"), -1);
  g_signal_connect_object (choice, "notify::selected", G_CALLBACK (span_chosen_cb), stack, 0);
  gtk_box_append (GTK_BOX (box), choice);
  gtk_box_append (GTK_BOX (box), stack);
  return box;
}

static char *
describe_value (const CsCausalityValue *v)
{
  return isfinite (v->kl) ? g_strdup_printf ("%.3f [%.3f, %.3f]", v->kl, v->lo, v->hi)
                          : g_strdup ("–");
}

static void
add_arm (GtkWidget *grid, int row, const CsCausalityArm *arm)
{
  const CsCausalityValue *all = &arm->value[CS_CAUSALITY_ALL];
  g_autofree char *latents =
      arm->n_latents > 0 ? g_strdup_printf ("%zu", arm->n_latents) : g_strdup ("–");
  g_autofree char *gone = isfinite (all->reduction)
                              ? g_strdup_printf ("%.0f %%", 100 * all->reduction)
                              : g_strdup ("–");

  cs_result_cell (grid, 0, row, title_of (arm->name), true);
  cs_result_cell (grid, 1, row, latents, false);
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      g_autofree char *text = describe_value (&arm->value[span]);

      cs_result_cell (grid, 3 + span, row, text, false);
    }
  cs_result_cell (grid, 2, row, gone, false);
}

static GtkWidget *
table_new (const CsCausality *c, bool from_chat)
{
  GtkWidget *grid,
      *table = cs_result_table ((const char *const[]){ _ ("Intervention"), _ ("Latents"), _ ("Gone"),
                                                      _ ("All answer tokens"), _ ("First nine"),
                                                      _ ("First token"), NULL },
                               &grid);
  int row = 0;

  for (size_t i = 0; i < c->n_arms; i++)
    if (is_shown (&c->arms[i]) && c->arms[i].from_chat == from_chat)
      add_arm (grid, row++, &c->arms[i]);
  return table;
}

static GtkWidget *
contrasts_new (const CsCausality *c)
{
  GtkWidget *group = cs_result_group (
      _ ("Differences"), _ ("KL of the first less KL of the second, paired over conversations: "
                            "above 0, the second is nearer to chat"));

  for (size_t i = 0; i < c->n_contrasts; i++)
    {
      const CsCausalityContrast *k = &c->contrasts[i];
      g_autofree char *title = g_strdup_printf ("%s − %s", title_of (k->a), title_of (k->b));
      g_autofree char *text = g_strdup_printf (
          _ ("All answer tokens %+.3f [%+.3f, %+.3f] · first nine %+.3f [%+.3f, %+.3f]"),
          k->difference[0], k->lo[0], k->hi[0], k->difference[1], k->lo[1], k->hi[1]);

      cs_result_row (group, title, text);
    }
  return group;
}

GtkWidget *
cs_causality_results_new (const CsCausality *c)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24);
  g_autofree char *about = g_strdup_printf (
      _ ("%zu conversations, layer %zu; the %zu latents that lean furthest to chat, of which %zu "
         "have usable ratios; 95 %% intervals. Self-checks: chat into chat %.1e, empty set %.1e, "
         "all latents %.1e."),
      c->n_documents, c->layer, c->n_set, c->n_filtered, c->check_chat, c->check_empty,
      c->check_all);

  gtk_box_append (GTK_BOX (box), plots_new (c));
  gtk_box_append (GTK_BOX (box),
                  cs_result_group_of (_ ("KL to Chat: Latents Put In"), about, table_new (c, false)));
  gtk_box_append (GTK_BOX (box), cs_result_group_of (_ ("KL to Chat: Latents Taken Away"),
                                             _ ("Beginning with the chat model's activations"),
                                             table_new (c, true)));
  gtk_box_append (GTK_BOX (box), contrasts_new (c));
  return box;
}
