/* What a pair shows without a crosscoder: where the models part, mean differences, components. */
#include <glib/gi18n.h>
#include <math.h>

#include "plot-layers.h"
#include "result-parts.h"
#include "trial-results.h"

#define SHOWN_TOKENS 20
#define SHOWN_LENS 10

static GtkWidget *
classes_new (const CsBaselines *b)
{
  CsPlot *plot = cs_plot_new (_ ("KL of the two models after each kind of token"));
  CsLayer *layer = cs_plot_add_bars (plot, _ ("KL (chat ‖ base)"));

  for (size_t i = 0; i < b->n_classes; i++)
    cs_bars_append (layer, cs_token_class_name (b->classes[i].class), b->classes[i].kl,
                    b->classes[i].lo, b->classes[i].hi, CS_PLOT_CLASS_CHAT_ONLY);
  cs_axis_set_label (cs_plot_x (plot), _ ("KL (chat ‖ base)"), _ ("nats a token"));
  cs_axis_set_from_zero (cs_plot_x (plot), true);
  return cs_result_plot (plot, b->n_classes);
}

static GtkWidget *
shares_new (const CsBaselines *b)
{
  CsPlot *plot = cs_plot_new (_ ("Principal components of the difference"));
  CsLayer *layer = cs_plot_add_bars (plot, _ ("share of the variance"));

  for (size_t i = 0; i < b->n_components; i++)
    {
      g_autofree char *name = g_strdup_printf (_ ("Component %zu"), i + 1);

      cs_bars_append (layer, name, b->components[i].share, NAN, NAN, CS_PLOT_CLASS_SHARED);
    }
  cs_axis_set_label (cs_plot_x (plot), _ ("share of the variance"), NULL);
  cs_axis_set_from_zero (cs_plot_x (plot), true);
  return cs_result_plot (plot, b->n_components);
}

/* Line breaks and quotes stand for themselves in a row of their own. */
static char *
one_line (const char *text)
{
  GString *line = g_string_new (text != NULL ? text : "");

  g_string_replace (line, "\n", "↵", 0);
  return g_string_free (line, false);
}

static GtkWidget *
tokens_new (const char *title, const CsBaselineToken *tokens, size_t n)
{
  GtkWidget *group = cs_result_group (title, NULL);

  for (size_t i = 0; i < MIN (n, SHOWN_TOKENS); i++)
    {
      const CsBaselineToken *t = &tokens[i];
      g_autofree char *context = one_line (t->context), *chat = one_line (t->chat_next);
      g_autofree char *base = one_line (t->base_next);
      g_autofree char *text = g_strdup_printf (
          _ ("%.2f nats · chat: “%s” (%.0f %%; base gives it %.1f %%) · base: “%s”"), t->kl, chat,
          100 * t->chat_probability, 100 * t->base_probability, base);

      cs_result_row (group, context, text);
    }
  return group;
}

static char *
describe_tokens (const CsLensToken *tokens, size_t n)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < MIN (n, SHOWN_LENS); i++)
    {
      g_autofree char *token = one_line (tokens[i].text);

      g_string_append_printf (text, "%s“%s”", i > 0 ? " " : "", token);
    }
  return g_string_free (text, false);
}

static char *
describe_lens (const CsLens *lens)
{
  g_autofree char *promoted = NULL, *suppressed = NULL;

  if (lens == NULL || lens->n == 0)
    return g_strdup ("–");
  promoted = describe_tokens (lens->promoted, lens->n);
  suppressed = describe_tokens (lens->suppressed, lens->n);
  return g_strdup_printf (_ ("Promotes %s\nSuppresses %s"), promoted, suppressed);
}

static GtkWidget *
differences_new (const CsBaselines *b)
{
  GtkWidget *group = cs_result_group (_ ("Mean Differences"),
                                     _ ("Chat less base, through the chat model's logit lens"));

  for (size_t i = 0; i < b->n_differences; i++)
    {
      const CsBaselineDifference *d = &b->differences[i];
      g_autofree char *lens = describe_lens (d->lens);
      g_autofree char *title = g_strdup_printf (_ ("%s: %.0f %% of the chat activation's norm"),
                                                d->name, 100 * d->relative);

      cs_result_row (group, title, lens);
    }
  return group;
}

static GtkWidget *
components_new (const CsBaselines *b)
{
  GtkWidget *group = cs_result_group (_ ("Components"), _ ("Through the same lens; the sign of a "
                                                          "component is arbitrary"));

  for (size_t i = 0; i < b->n_components; i++)
    {
      g_autofree char *lens = describe_lens (b->components[i].lens);
      g_autofree char *title = g_strdup_printf (_ ("Component %zu: %.1f %% of the variance"), i + 1,
                                                100 * b->components[i].share);

      cs_result_row (group, title, lens);
    }
  return group;
}

GtkWidget *
cs_baselines_results_new (const CsBaselines *b)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24);
  g_autofree char *about = g_strdup_printf (
      _ ("%zu documents, %zu tokens, layer %zu: KL (chat ‖ base) %.3f [%.3f, %.3f] nats a token"),
      b->n_documents, b->n_tokens, b->layer, b->kl, b->lo, b->hi);
  GtkWidget *kl = cs_result_group (_ ("Where the Models Part"), about);
  GtkWidget *parts[] = { kl,
                         tokens_new (_ ("Inside Answers"), b->top_answers, b->n_top_answers),
                         tokens_new (_ ("Anywhere"), b->top, b->n_top),
                         differences_new (b),
                         shares_new (b),
                         components_new (b) };

  adw_preferences_group_add (ADW_PREFERENCES_GROUP (kl), classes_new (b));
  for (size_t i = 0; i < G_N_ELEMENTS (parts); i++)
    gtk_box_append (GTK_BOX (box), parts[i]);
  return box;
}
